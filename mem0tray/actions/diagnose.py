"""Why a memory is stuck, and what to do about it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from http import HTTPStatus
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from mem0tray.actions import standing, waiting
from mem0tray.actions.chosen_client import Probe, network_trouble, probe
from mem0tray.actions.standing import Part, SeenPause, Snapshot
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem
from mem0tray.actions.worker_report import NO_METRICS, Metrics
from mem0tray.config import server_choice
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core import reasons, state
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, REFUSES
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.server import answers
from mem0tray.server.remedy import (
    ID,
    REWORD,
    SHORTEN,
    UPDATE,
    WAIT,
    asks_nothing,
    nothing,
    of_redirect,
    of_refusal,
    of_rejection,
)
from mem0tray.system import programs

NO_SERVER: Final = Reason("no server chosen")
SERVER_DOWN: Final = Reason("server down")
SERVER_BUSY: Final = Reason("server busy")
LOCAL_NETWORK: Final = Reason("local network")
INVALID: Final = Reason("invalid content")
REJECTED: Final = Reason("rejected by the server")
NO_ANSWER: Final = Reason("no usable answer from the server")
ACTION: Final = Reason("action needed")
PAUSED: Final = Reason("paused")
NOT_RUNNING: Final = Reason("worker not running")
HELD: Final = Reason("held")
WAITING: Final = Reason("waiting for its time")
DUE: Final = Reason("due now")
_OURS: Final = (PAUSED, NOT_RUNNING)


class Cause(Struct, frozen=True):
    """One reason, and what to do; `status` is that of the answer in question, if any.

    `by_itself`: it may end without help as long as the worker works. `then` is the
    remedy as it reads after another one.
    """

    name: Reason
    detail: Reason
    remedy: Reason
    status: int | None = None
    by_itself: bool = False
    then: Reason = reasons.NONE

    @property
    def sentence(self) -> Reason:
        """What is wrong, as a sentence; a server's text may end with a full stop already."""
        return reasons.stopped(self.detail)

    def about(self, handle: str) -> "Cause":
        """This cause, told of one memory, which commands know as `handle`."""
        return replace(self, remedy=self.remedy.replaced("id", handle))

    @property
    def likeness(self) -> tuple[Reason, Reason, int | None, Reason]:
        """What causes have in common when one is told as an example of all.

        It includes the text only where that is ours: a server may name each item in its text,
        and every item has its own time.
        """
        return (
            self.name,
            self.remedy,
            self.status,
            self.detail if self.name == INVALID else reasons.NONE,
        )


def with_one_thing_to_do(causes: Sequence[Cause]) -> list[Cause]:
    """The causes; the first one with all that must be done before the memory goes, in order.

    Nothing ends by itself while the worker is stopped or paused: in that case that comes first.
    """
    ours = [cause for cause in causes if cause.name in _OURS]
    first, *others = causes
    waits = first.by_itself and bool(ours)
    steps = [] if waits else [first.remedy]
    steps += [cause.then if steps else cause.remedy for cause in ours if cause is not first]
    if waits and not asks_nothing(first.remedy):
        steps.append(first.remedy)
    return [replace(first, remedy=reduce(reasons.advised, steps, reasons.NONE)), *others]


_DOCTOR: Final = Reason(
    "`mem0tray doctor` says more; deliveries go on by themselves once it is mended."
)


class Surroundings(Struct, frozen=True):
    """The causes that are the same for every item, the most important one first."""

    causes: Sequence[Cause]

    @property
    def refuse_everything(self) -> bool:
        """Whether the server was seen to refuse every delivery, of whatever memory."""
        return any(cause.name == ACTION and cause.status is not None for cause in self.causes)

    @classmethod
    def ask(cls, settings: Settings, seen: Snapshot) -> "Surroundings":
        """Ask the server once; `seen` holds `Part.REFUSAL`."""
        return cls.of(seen, probe(settings, seen.paths), network_trouble)

    @classmethod
    def of(cls, seen: Snapshot, server: Probe, trouble: Callable[[str], Reason]) -> "Surroundings":
        """What stands in the way; `trouble` says what is wrong with the way to a host."""
        running = seen.worker is not None
        metrics = seen.metrics if running else NO_METRICS
        found = [
            *_obstacle(seen),
            *_refusal(seen, metrics),
            *_server(server, trouble, starts=running and seen.pause.until is None),
            # The worker may say the same, in its own words.
            *([] if _obstacle(seen) or not server.health.recognised else _worker(metrics)),
            *_another(seen.another),
            *_pause(seen.pause),
        ]
        if not running:
            found.append(
                Cause(
                    NOT_RUNNING,
                    Reason("nothing is sent without the worker"),
                    Reason("Start the worker with `mem0tray run`."),
                    then=Reason("Then start the worker with `mem0tray run`."),
                )
            )
        return cls(found)


def _refusal(seen: Snapshot, metrics: Metrics) -> list[Cause]:
    """The cause for a server that refuses every delivery: it lasts until one succeeds.

    Neither a break that the server asks for nor an outage ends it, nor stopping the
    worker, unless the settings were changed since.
    """
    reason = metrics.reason
    refusal = reason.find(REFUSES)
    if metrics.values.get("state") == ACTION_NEEDED and refusal is not None:
        status = refusal.get("status")
        status = status if isinstance(status, int) else None
        return [Cause(ACTION, _without_remedy(reason), of_refusal(status), status)]
    if metrics.values and not _takes_a_break(metrics):
        return []
    attempt = seen.refusal
    if attempt is None or seen.settings_changed > attempt.at:  # it may be mended
        return []
    detail = state.refusal(attempt.message, attempt.status)
    return [Cause(ACTION, reasons.bare(detail), of_refusal(attempt.status), attempt.status)]


def _without_remedy(reason: Reason) -> Reason:
    """A refusal, with the answer to the last try if that is told; without the remedy."""
    told = reason.get("refusal")
    if isinstance(told, Reason):
        return reasons.bare(reason.replaced("refusal", reasons.parted(told)[0]))
    return reasons.bare(reasons.parted(reason)[0])


def _server(seen: Probe, trouble: Callable[[str], Reason], *, starts: bool) -> list[Cause]:
    """What is wrong with the server; `starts`: a worker will start the embedded one."""
    if not seen.name:
        return [
            Cause(
                NO_SERVER,
                Reason("nothing is sent before you choose one"),
                Reason("Type {how}.", how=server_choice.HOW),
            )
        ]
    if seen.health.healthy:
        return []
    why, known = reasons.parted(seen.health.reason)
    detail = reasons.bare(why)
    if seen.health.recognised:  # else the reason names the host
        detail = Reason("{host}: {why}", host=seen.shown, why=detail)
    if seen.name == LOCAL_URL:
        # If it need not run, the obstacle is the missing worker, or the pause.
        again = nothing(Reason("the worker starts it again by itself."))
        return [Cause(SERVER_DOWN, detail, again, by_itself=True)] if starts else []
    if known:
        return [Cause(SERVER_DOWN if seen.health.recognised else ACTION, detail, known)]
    local = trouble(seen.hostname)
    if local:
        again = Reason("Connect this computer to the network; deliveries go on by themselves then.")
        return [Cause(LOCAL_NETWORK, local, again)]
    remedy = Reason(
        "Start the server, or set another with `mem0tray config set server.url ADDRESS`."
    )
    return [Cause(SERVER_DOWN, detail, remedy)]


def _worker(metrics: Metrics) -> list[Cause]:
    """What the running worker says is in its way."""
    reason = metrics.reason
    if _takes_a_break(metrics):
        again = nothing(Reason("deliveries go on by themselves."))
        return [Cause(SERVER_BUSY, reason, again, by_itself=True)]
    if (
        metrics.values.get("state") != ACTION_NEEDED
        or reason.find(REFUSES)
        or reason == server_choice.CHOOSE
    ):
        return []
    what, remedy = reasons.parted(reason)
    return [Cause(ACTION, reasons.bare(what), reasons.sentence(remedy) or _DOCTOR)]


def _another(told: Reason) -> list[Cause]:
    """Another worker beside ours, which sends nothing as long as the other works."""
    if not told:
        return []
    what, remedy = reasons.parted(told)
    return [Cause(ACTION, reasons.bare(what), reasons.sentence(remedy))]


def _takes_a_break(metrics: Metrics) -> bool:
    """Whether the server has asked for a break."""
    return metrics.values.get("state") == state.PAUSED and metrics.reason == state.BREAK


def _obstacle(seen: Snapshot) -> list[Cause]:
    """What `status` names before anything the worker says; `_pause` tells of a broken pause."""
    if not seen.obstacle or seen.pause.error is not None:
        return []
    what, remedy = reasons.parted(seen.obstacle)
    return [Cause(ACTION, reasons.bare(what), reasons.sentence(remedy) or _DOCTOR)]


def _pause(seen: SeenPause) -> list[Cause]:
    if seen.error is not None:
        what, _ = reasons.parted(seen.error.reason)
        return [Cause(ACTION, what, Reason("Remove it with `mem0tray resume`."))]
    if seen.until is None:
        return []
    when = (
        Reason("until you resume")
        if math.isinf(seen.until)
        else Reason("until {time}", time=clock(seen.until))
    )
    return [
        Cause(
            PAUSED,
            Reason("you paused deliveries {when}", when=when),
            Reason("End the pause with `mem0tray resume`."),
            then=Reason("Then end the pause with `mem0tray resume`."),
        )
    ]


def hindrance(seen: Snapshot) -> str:
    """What keeps every memory from being sent, as `status` says it; no server is asked.

    A few words, for a line of a list; empty if nothing does. `seen` holds `Part.DISK`.
    """
    if seen.obstacle:
        return str(seen.obstacle)
    if seen.worker is None:
        if seen.server.trouble == server_choice.CHOOSE:  # starting the worker is no help
            return str(reasons.parted(server_choice.CHOOSE)[0])
        return str(NOT_RUNNING)
    if seen.another:
        return str(seen.another)
    values = seen.metrics.values
    name, reason = values.get("state"), str(values.get("reason") or "")
    if name == state.DOWN:
        return f"{SERVER_DOWN}{_since(values.get('state_since'), seen.at)}: {reason}"
    return reason if name in (state.PAUSED, state.STARTING, ACTION_NEEDED) else ""


def _since(at: Any, now: float) -> str:
    """The time in a local ISO time, without the date if that is today."""
    if not isinstance(at, str):
        return ""
    day, _, hour = at.partition("T")
    today = time.strftime("%Y-%m-%d", time.localtime(now))
    return f" since {hour[:5]}" if day == today else f" since {day} {hour[:5]}"


def clock(at: float) -> str:
    """Unix seconds as local date and time."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return "a far day"


_FELL_OVER: Final = 500  # servers answer so when their database cannot store a character
_ANSWERLESS: Final = frozenset({Kind.NO_ANSWER, Kind.OUTAGE, Kind.ASKED_IN_VAIN})
# These do not count against the item, unless its last error says that they did.
_OF_THE_SERVER: Final = frozenset(
    {Kind.OUTAGE, Kind.SLOW_DOWN, Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.ASKED_IN_VAIN}
)
_ASKED: Final = nothing(
    Reason(
        "the server is asked for it before it is sent again. If it stays so, see the server's log."
    )
)
_SENT: Final = nothing(Reason("it is sent automatically."))
_HELD: Final = Cause(
    HELD,
    Reason("perhaps delivered by another worker, and the server cannot tell"),
    Reason("`mem0tray retry {id}` sends it, `mem0tray delete {id}` drops it.", id=ID),
)
_HELD_YET: Final = Cause(
    HELD,
    Reason("perhaps delivered by another worker; the server is asked once it has gone"),
    nothing(
        Reason("the server is asked automatically; at once with `mem0tray retry {id}`.", id=ID)
    ),
    by_itself=True,
)
_AT_WORK: Final = Cause(
    WAITING,
    Reason("the server has taken it in, and is still at work on it"),
    nothing(Reason("the server is asked again until it says whether it is stored.")),
    by_itself=True,
)
_NAME_PROJECT: Final = Reason(
    "Name its project_id in {file}, or delete it with `mem0tray delete {id}`.",
    file="mem0_queue_dlq.json",
    id=ID,
)


def causes(
    found: FoundItem,
    around: Surroundings,
    attempt: Attempt | None,
    now: float,
    handle: str = "",
) -> list[Cause]:
    """Why this item is stuck, the most important cause first, with the one thing to do.

    `attempt` is the last that failed, `handle` its name in a command (by default the beginning of
    its id).
    """
    known = found.known
    invalid = _invalid(found)
    rejected = _rejected(found, attempt)
    odd = _odd_characters(found, rejected)
    outside = [c for c in around.causes if c.name not in (PAUSED, NOT_RUNNING)]
    ours = [c for c in around.causes if c.name in (PAUSED, NOT_RUNNING)]
    held = [_HELD] if known is not None and known.is_held and known.held is not None else []
    taken = [_HELD_YET] if known is not None and known.is_held and not held else []
    result = [*invalid, *held, *outside, *taken, *odd, *rejected, *ours]
    if found.item is not None:
        due = next_retry(found)
        if known is not None and known.at_work:
            result.append(_AT_WORK)
        elif due > now and not (held or taken):
            again = Reason("it is sent again at {time}", time=clock(due))
            result.append(Cause(WAITING, again, _waits(found), by_itself=True))
        elif not result:
            result.append(Cause(DUE, Reason("it is about to be sent"), _SENT, by_itself=True))
    handle = handle or programs.quote(short_id(found.id))
    return [cause.about(handle) for cause in with_one_thing_to_do(result)]


def to_change(found: FoundItem, attempt: Attempt | None, handle: str = "") -> str:
    """What must be changed in the memory before the server takes it; empty if nothing must.

    It says what is wrong where the kept reason does not. Like `causes`, but without what
    stands in the way of every memory: no server is asked.
    """
    rejected = _rejected(found, attempt)
    causes = (*_invalid(found), *_odd_characters(found, rejected), *rejected)
    first = next((each for each in causes if each.remedy in (REWORD, SHORTEN)), None)
    if first is None:
        return ""
    told = first.about(handle or programs.quote(short_id(found.id)))
    is_said = str(first.detail) == one_line(kept_reason(found, attempt))
    what = reasons.NONE if is_said else reasons.sentence(first.detail)
    return str(reasons.advised(what, told.remedy))


def why_held(known: Known) -> Reason:
    """Why an entry is held that another worker has `taken`."""
    return (_HELD if known.held is not None else _HELD_YET).detail


def _waits(found: FoundItem) -> Reason:
    """What to do about an item that only waits: `retry` takes dead letters, not entries."""
    if not found.is_dead:
        return _SENT
    return nothing(Reason("it is sent automatically; at once with `mem0tray retry {id}`.", id=ID))


def next_retry(found: FoundItem) -> float:
    """When the item is sent again, Unix seconds; 0 for at once."""
    return found.known.due if found.known is not None and found.item is not None else 0.0


def _invalid(found: FoundItem) -> list[Cause]:
    item = found.item
    if item is None:
        return [
            Cause(
                INVALID,
                Reason("its content is not text; it is never sent"),
                REWORD,
            )
        ]
    if not item.project.strip():
        return [Cause(INVALID, Reason("it names no project"), _NAME_PROJECT)]
    return []


def _odd_characters(found: FoundItem, rejected: list[Cause]) -> list[Cause]:
    """Characters that JSON has and some servers cannot store: to blame only for a rejection."""
    item = found.item
    if item is None:
        return []
    is_refused = any(cause.remedy == REWORD for cause in rejected)
    # NUL has been named already if this server is known to be unable to store it.
    may_be_nul = any(cause.name != INVALID for cause in rejected) and (
        is_refused or any(cause.status == _FELL_OVER for cause in rejected)
    )
    for name, text in (("content", item.content), ("project_id", item.project)):
        if is_refused and not _is_encodable(text):
            detail = Reason("its {field} holds half a character (a lone surrogate)", field=name)
            return [Cause(INVALID, detail, REWORD)]
        if may_be_nul and "\0" in text:
            detail = Reason(
                "its {field} holds the character NUL, which many servers cannot store", field=name
            )
            return [Cause(INVALID, detail, REWORD)]
    return []


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rejected(found: FoundItem, attempt: Attempt | None) -> list[Cause]:
    reason = one_line(kept_reason(found))
    if attempt is None:
        return _as_the_file_says(reason)
    said = attempt.reason
    if answers.redirected_to(said) or said.find(answers.NOT_KEPT.id) is not None:
        return [_of_the_server(said, attempt.status)]
    if attempt.kind == Kind.NOT_SENDABLE or said.find(answers.HOLDS_NUL.id) is not None:
        return [Cause(INVALID, said, REWORD)]
    if attempt.kind in _OF_THE_SERVER and reason and one_line(attempt.message) != reason:
        return _as_the_file_says(reason)
    if attempt.kind in _ANSWERLESS:
        return [Cause(NO_ANSWER, said, _ASKED, attempt.status, by_itself=True)]
    return [_rejection(said, attempt.status)]


def _rejection(detail: Reason, status: int | None) -> Cause:
    # The server took it in with 200: that it failed later is the server's fault, as with a 500.
    later = HTTPStatus.INTERNAL_SERVER_ERROR if answers.has_failed_later(detail) else status
    remedy, by_itself = of_rejection(later)
    return Cause(REJECTED, detail, remedy, status, by_itself=by_itself)


def _of_the_server(said: Reason, status: int | None) -> Cause:
    """A save that was redirected, or not kept: address or server are at fault, no item."""
    address = answers.redirected_to(said)
    return Cause(ACTION, said, of_redirect(address) if address else UPDATE, status)


def _as_the_file_says(reason: str) -> list[Cause]:
    """The causes as the file tells them, without a ledger that remembers the attempt."""
    if not reason:
        return []
    said, status = reasons.quoted(reason), answers.status_in(reason)
    if status is None:
        return [Cause(NO_ANSWER, said, WAIT, by_itself=True)]
    return [_rejection(said, status)]


def why_failed(found: FoundItem, attempt: Attempt | None) -> Reason:
    """The reason in the file; without one, what the ledger saw last."""
    text = last_error(found)
    is_last = attempt is not None and text in ("", attempt.message)
    return attempt.reason if attempt is not None and is_last else reasons.quoted(text)


def kept_reason(found: FoundItem, attempt: Attempt | None = None) -> str:
    """The reason that every command gives for an item: that of the last counted failure.

    It stands in the file or the ledger; else it is the last answer, if `attempt` is given.
    """
    kept = last_error(found) or (found.known.last_error if found.known is not None else None)
    return kept or (attempt.message if attempt is not None else "")


def last_error(found: FoundItem) -> str:
    """The reason in the file."""
    value = (items.load_object(found.raw) or {}).get("last_error")
    return value if isinstance(value, str) else ""


Group = tuple[Cause, Sequence[FoundItem]]


@dataclass(frozen=True, slots=True)
class StuckMemories:
    """Dead letters, and entries that have failed, by the most important cause of each.

    `groups` has the largest first, each with a cause that takes one memory as the example.
    `besides` are other troubles, which stop none of these by themselves. `called` gives, by the
    id of each group's first memory, its name in a command. `dead` and `fresh` count dead letters
    and fresh entries, `unnamed` what has no id in either file.
    """

    groups: Sequence[Group]
    besides: Sequence[Cause]
    dead: int
    fresh: int
    unnamed: Sequence[int]
    called: Mapping[str, str]


def sum_up(settings: Settings, now: float) -> StuckMemories:
    """Sum up, with one question to the server; `now` in Unix seconds.

    If the server refuses everything, all that wait count as stuck: which of them was tried
    does not matter. Raises FileUnavailableError where a file cannot be read.
    """
    with waiting.opened(settings) as seen:
        dead = [*seen.items(DLQ_LIST), *seen.strays(DLQ_LIST)]
        fresh, odd = seen.items(QUEUE_LIST), seen.strays(QUEUE_LIST)
        last = seen.reader.last_attempts()
        around = Surroundings.ask(settings, standing.read(settings, now, Part.REFUSAL))
        failed = (e for e in fresh if around.refuse_everything or e.identity in last or _failed(e))
        groups: dict[tuple[object, ...], list[FoundItem]] = {}
        first: dict[tuple[object, ...], Cause] = {}
        for found in (*dead, *odd, *failed):
            cause = causes(found, around, last.get(found.identity), now, ID)[0]
            groups.setdefault(cause.likeness, []).append(found)
            first.setdefault(cause.likeness, cause)
        called = seen.handles(group[0] for group in groups.values())
    shown: list[Group] = [
        (first[like].about(called[group[0].id]) if len(group) == 1 else first[like], group)
        for like, group in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]
    unnamed = [seen.unnamed(place) for place in waiting.BOTH]
    return StuckMemories(shown, _besides(around, shown), len(dead), len(fresh), unnamed, called)


def number(group: Sequence[FoundItem]) -> str:
    """How many memories a group has, in words."""
    dead = sum(each.is_dead for each in group)
    parts = [plural(dead, "dead letter")] if dead else []
    if len(group) > dead:
        parts.append(plural(len(group) - dead, "waiting entry", "waiting entries"))
    return ", ".join(parts)


def _besides(around: Surroundings, shown: Sequence[Group]) -> list[Cause]:
    """Troubles that have not been told for any memory."""
    # A stopped worker and a pause are already part of what each group says to do.
    told = {cause.name for cause, _ in shown} | ({PAUSED, NOT_RUNNING} if shown else set())
    return [cause for cause in around.causes if cause.name not in told]


def _failed(found: FoundItem) -> bool:
    """Whether a fresh entry is not simply new."""
    return found.is_held or (found.known is not None and found.known.retries > 0)
