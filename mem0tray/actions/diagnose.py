"""Why memories are not delivered, and the one thing to do: for all, for one, and summed up."""

import math
from collections.abc import Sequence
from functools import reduce
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from mem0tray.actions import standing, waiting
from mem0tray.actions.standing import Snapshot
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem
from mem0tray.actions.worker_report import NO_METRICS, Metrics
from mem0tray.config import server_choice
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core import reasons, state, text
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, REFUSES
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.server import answers
from mem0tray.server import remedy as remedies
from mem0tray.server.model import UNRESOLVED
from mem0tray.system import programs

if TYPE_CHECKING:
    from mem0tray.actions.chosen_client import Probe

NO_SERVER: Final = Reason("no server chosen")
SERVER_DOWN: Final = Reason("server down")
SERVER_BUSY: Final = Reason("server busy")
LOCAL_NETWORK: Final = Reason("local network")
INVALID: Final = Reason("invalid content")
REJECTED: Final = answers.REJECTED
NO_ANSWER: Final = answers.UNUSABLE
ACTION: Final = Reason("action needed")
PAUSED: Final = Reason("paused")
NOT_RUNNING: Final = Reason("worker not running")
HELD: Final = Reason("held")
WAITING: Final = Reason("waiting for its time")
DUE: Final = Reason("due now")
OURS: Final = (PAUSED, NOT_RUNNING)

_ANSWERLESS: Final = frozenset({Kind.NO_ANSWER, Kind.OUTAGE, Kind.ASKED_IN_VAIN})
# These do not count against the item, unless its last error says that they did.
_OF_THE_SERVER: Final = items.UNCOUNTED | {Kind.ASKED_IN_VAIN}


class Cause(Struct, frozen=True):
    """A reason, and what to do; `status` is of the answer, if any; `by_itself`: it may pass."""

    name: Reason
    detail: Reason
    remedy: Reason
    status: int | None = None
    by_itself: bool = False

    @property
    def sentence(self) -> Reason:
        return reasons.stopped(self.detail)

    @property
    def stops_all(self) -> bool:
        # Refused deliveries are tried one at a time, and a break ends.
        return self.name != SERVER_BUSY and not (self.name == ACTION and self.status is not None)

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence} {self.remedy}"

    def about(self, handle: str) -> "Cause":
        return replace(self, remedy=self.remedy.replaced("id", handle))

    @property
    def likeness(self) -> tuple[Reason, Reason, int | None, Reason]:
        """What causes have in common of which one is an example: others' words may name an item."""
        detail = self.detail if self.name == INVALID else reasons.NONE
        return self.name, self.remedy, self.status, detail


def _passing(name: Reason, detail: Reason, why: Reason) -> Cause:
    return Cause(name, detail, remedies.nothing(why), by_itself=True)


_DOCTOR: Final = Reason(
    "`mem0tray doctor` says more; deliveries go on by themselves once it is mended."
)
_STOPPED: Final = Cause(
    NOT_RUNNING,
    Reason("nothing is sent without the worker"),
    Reason("Start the worker with `mem0tray run`."),
)
_UNCHOSEN: Final = Cause(
    NO_SERVER,
    Reason("nothing is sent before you choose one"),
    Reason("Type {how}.", how=server_choice.HOW),
)
_BUSY: Final = _passing(SERVER_BUSY, state.BREAK, Reason("deliveries go on by themselves."))
_HELD: Final = Cause(
    HELD,
    Reason("perhaps delivered by another worker, and the server cannot tell"),
    Reason("`mem0tray retry {id}` sends it, `mem0tray delete {id}` drops it.", id=remedies.ID),
)
_HELD_YET: Final = _passing(
    HELD,
    Reason("perhaps delivered by another worker; the server is asked once it has gone"),
    Reason("the server is asked automatically."),
)
_AT_WORK: Final = _passing(
    WAITING,
    Reason("the server has taken it in, and is still at work on it"),
    Reason("the server is asked again until it says whether it is stored."),
)
NAMELESS: Final = Cause(
    INVALID,
    Reason("it names no project"),
    Reason(
        "Name its project_id in {file}, or delete it with `mem0tray delete {id}`.",
        file="mem0_queue_dlq.json",
        id=remedies.ID,
    ),
)
_ASKED: Final = remedies.nothing(
    Reason(
        "the server is asked for it before it is sent again. If it stays so, see the server's log."
    )
)
_SENT: Final = Reason("it is sent automatically.")


def _action(told: Reason) -> Cause:
    what, remedy = reasons.parted(told)
    return Cause(ACTION, reasons.bare(what), reasons.sentence(remedy) or _DOCTOR)


# What keeps every memory from being sent --------------------------------------------------------


class Surroundings(Struct, frozen=True):
    """The causes that are the same for every item, the most important one first."""

    causes: Sequence[Cause]
    server: "Probe | None" = None

    @property
    def refuse_everything(self) -> bool:
        """Whether the server was seen to refuse every delivery, of whatever memory."""
        return any(each.name == ACTION and each.status is not None for each in self.causes)

    @classmethod
    def ask(cls, settings: Settings, seen: Snapshot) -> "Surroundings":
        from mem0tray.actions.chosen_client import probe  # slow to import

        return cls.of(seen, probe(settings, seen.paths))

    @classmethod
    def of(cls, seen: Snapshot, server: "Probe") -> "Surroundings":
        running = seen.worker is not None
        metrics = seen.metrics if running else NO_METRICS
        obstacle = reasons.NONE if seen.pause_error else seen.obstacle
        found = [_action(obstacle)] if obstacle else []  # before anything that the worker says
        told = _of_worker(metrics, known=bool(obstacle) or not server.health.recognised)
        there = _of_server(server, starts=running and seen.pause is None)
        found += [*told, *there] if cls(told).refuse_everything else [*there, *told]
        if seen.another:
            found.append(_action(seen.another))
        if seen.pause_error:
            what, _ = reasons.parted(seen.pause_error)
            found.append(Cause(ACTION, what, Reason("Remove it with `mem0tray resume`.")))
        elif seen.pause is not None:
            when = Reason("until you resume")
            if not math.isinf(seen.pause):
                when = Reason("until {time}", time=text.clock(seen.pause))
            detail = Reason("you paused deliveries {when}", when=when)
            found.append(Cause(PAUSED, detail, Reason("End the pause with `mem0tray resume`.")))
        if not running:
            found.append(_STOPPED)
        return cls(found, server)


def _of_worker(metrics: Metrics, *, known: bool) -> list[Cause]:
    """Find what the running worker says is in its way; `known`: of that only a refusal."""
    reason, name = metrics.reason, metrics.values.get("state")
    refusal = reason.find(REFUSES)
    if name == ACTION_NEEDED and refusal is not None:
        status = refusal.get("status")
        status = status if isinstance(status, int) else None
        told = reason.get("refusal")  # with the answer to the last try, if that is told
        what = reasons.parted(reason)[0]
        if isinstance(told, Reason):
            what = reason.replaced("refusal", reasons.parted(told)[0])
        return [Cause(ACTION, reasons.bare(what), remedies.of_refusal(status), status)]
    if known:
        return []
    if name == state.PAUSED and reason == state.BREAK:
        return [_BUSY]
    is_choice = reason == server_choice.CHOOSE  # which the settings show
    return [_action(reason)] if name == ACTION_NEEDED and not is_choice else []


def _of_server(seen: "Probe", *, starts: bool) -> list[Cause]:
    """Find what is wrong with the server; `starts`: a worker will start the embedded one."""
    if not seen.name:
        return [_UNCHOSEN]
    if seen.health.healthy:
        return []
    why, known = reasons.parted(seen.health.reason)
    detail = reasons.bare(why)
    if seen.health.recognised:  # else the reason names the host
        detail = Reason("{host}: {why}", host=seen.shown, why=detail)
    if seen.name == LOCAL_URL:
        # If it need not run, the obstacle is the missing worker, or the pause.
        again = Reason("the worker starts it again by itself.")
        return [_passing(SERVER_DOWN, detail, again)] if starts else []
    if known:
        return [Cause(SERVER_DOWN if seen.health.recognised else ACTION, detail, known)]
    if why.find(UNRESOLVED.id) or why.find(reasons.NO_NETWORK.id):
        again = Reason("Connect this computer to the network; deliveries go on by themselves then.")
        return [Cause(LOCAL_NETWORK, detail, again)]
    remedy = Reason(
        "Start the server, or set another with `mem0tray config set server.url ADDRESS`."
    )
    return [Cause(SERVER_DOWN, detail, remedy)]


# What keeps one -------------------------------------------------------------------------------


def causes(
    found: FoundItem, around: Surroundings, attempt: Attempt | None, now: float, handle: str = ""
) -> list[Cause]:
    """Find why this item is stuck, the most important cause first, with the one thing to do."""
    known = found.known
    held = []
    if known is not None and known.is_held:
        held.append(cause_held(known))
    outside = [cause for cause in around.causes if cause.name not in OURS]
    ours = [cause for cause in around.causes if cause.name in OURS]
    # Another worker in the way is named first: once it has gone, the server is asked.
    first = [*outside, *held] if _HELD_YET in held else [*held, *outside]
    result = [*_invalid(found), *first, *_rejected(found, attempt), *ours]
    due = found.due
    if known is not None and known.at_work:
        result.append(_AT_WORK)
    elif due > now and not held:
        again = Reason("it is sent again at {time}", time=text.clock(due))
        result.append(_passing(WAITING, again, _SENT))
    elif not result:
        result.append(_passing(DUE, Reason("it is about to be sent"), _SENT))
    handle = handle or programs.quote(short_id(found.id))
    return [cause.about(handle) for cause in _with_one_thing_to_do(result)]


def _with_one_thing_to_do(causes: Sequence[Cause]) -> list[Cause]:
    """Put all that must be done before the memory goes into the first cause, in order.

    Nothing ends by itself while the worker is stopped or paused: in that case that comes first.
    """
    ours = [cause for cause in causes if cause.name in OURS]
    first, *others = causes
    waits = first.by_itself and bool(ours)
    steps = [] if waits else [first.remedy]
    steps += [cause.remedy for cause in ours if cause is not first]
    if waits and not remedies.asks_nothing(first.remedy):
        steps.append(first.remedy)
    return [replace(first, remedy=reduce(reasons.advised, steps, reasons.NONE)), *others]


def to_change(found: FoundItem, attempt: Attempt | None) -> str:
    """Say how to change the memory before the server takes it; empty if that is not needed."""
    mine = (*_invalid(found), *_rejected(found, attempt))
    changes = (remedies.REWORD, remedies.SHORTEN)
    first = next((each for each in mine if each.remedy in changes), None)
    return "" if first is None else str(first.about(programs.quote(short_id(found.id))).remedy)


def cause_held(known: Known) -> Cause:
    """Return why an entry is held that another worker has `taken`."""
    return _HELD if known.held is not None else _HELD_YET


def _invalid(found: FoundItem) -> list[Cause]:
    return [] if found.item is None or found.item.project.strip() else [NAMELESS]


def _rejected(found: FoundItem, attempt: Attempt | None) -> list[Cause]:
    """Find the cause as the last attempt shows it, else as the file does."""
    reason = one_line(str(why_failed(found)))
    if attempt is None:
        return _as_the_file_says(found, reason)
    said, status = attempt.reason, attempt.status
    address = answers.redirected_to(said)
    if address or said.find(answers.NOT_KEPT.id) is not None:  # no item's fault
        return [Cause(ACTION, said, remedies.of_redirect(address) or remedies.UPDATE, status)]
    if attempt.kind == Kind.NOT_SENDABLE or said.find(answers.HOLDS_NUL.id) is not None:
        return [Cause(INVALID, said, remedies.REWORD)]
    if attempt.kind in _OF_THE_SERVER and reason not in ("", attempt.message):
        return _as_the_file_says(found, reason)
    if attempt.kind in _ANSWERLESS:
        return [Cause(NO_ANSWER, said, _ASKED, status, by_itself=True)]
    return [_rejection(found, said, status)]


def _as_the_file_says(found: FoundItem, reason: str) -> list[Cause]:
    if not reason:
        return []
    said, status = reasons.quoted(reason), answers.status_in(reason)
    if status is None:
        return [Cause(NO_ANSWER, said, remedies.WAIT, by_itself=True)]
    return [_rejection(found, said, status)]


def _rejection(found: FoundItem, detail: Reason, status: int | None) -> Cause:
    # The server took it in with 200: that it failed later is the server's fault, as with a 500.
    later = HTTPStatus.INTERNAL_SERVER_ERROR if answers.has_failed_later(detail) else status
    remedy, by_itself = remedies.of_rejection(later)
    text = "" if found.item is None else found.item.project + found.item.content
    # Half a character (a lone surrogate) is to blame where the server wants other words.
    is_torn = remedy is remedies.REWORD and any("\ud800" <= sign <= "\udfff" for sign in text)
    return Cause(INVALID if is_torn else REJECTED, detail, remedy, status, by_itself=by_itself)


def why_failed(found: FoundItem, attempt: Attempt | None = None) -> Reason:
    """Return the reason of the last counted failure, or of the last `attempt` if there is none."""
    kept = (items.load_object(found.raw) or {}).get("last_error")
    if not (isinstance(kept, str) and kept):
        kept = found.known.last_error if found.known is not None else None
    if attempt is not None and kept in (None, "", attempt.message):
        return attempt.reason
    return reasons.quoted(kept or "")


# All that failed --------------------------------------------------------------------------------


class FailureSummary(NamedTuple):
    """Dead letters, and entries that have failed, by the most important cause of each.

    `groups` has the largest first, each with its cause, its items and the name of the first in a
    command. `besides` are other troubles, which stop none of these by themselves. `dead` and
    `fresh` count dead letters and fresh entries, `nonsense` what makes no sense in the DLQ file.
    """

    groups: Sequence[tuple[Cause, Sequence[FoundItem], str]]
    besides: Sequence[Cause]
    dead: int
    fresh: int
    nonsense: int


def sum_up(settings: Settings, now: float) -> FailureSummary:
    """Sum up, with one question to the server; `now` in Unix seconds.

    If the server refuses everything, all that wait count as failed: which of them was tried
    does not matter. Raises FileUnavailableError where a file cannot be read.
    """
    with waiting.opened(settings) as seen:
        dead, fresh = seen.items(DLQ_LIST), seen.items(QUEUE_LIST)
        last = seen.reader.last_attempts()
        around = Surroundings.ask(settings, standing.read(settings, now))
        failed = [
            each
            for each in fresh
            if around.refuse_everything
            or each.identity in last
            or each.is_held
            or (each.known is not None and each.known.retries > 0)
        ]
        alike: dict[tuple[object, ...], tuple[Cause, list[FoundItem]]] = {}
        for each in (*dead, *failed):
            cause = causes(each, around, last.get(each.identity), now, remedies.ID)[0]
            alike.setdefault(cause.likeness, (cause, []))[1].append(each)
        groups = sorted(alike.values(), key=lambda pair: -len(pair[1]))
        called = seen.handles(group[0] for _, group in groups)
        nonsense = len(seen.odd)
    shown = []
    for cause, group in groups:
        name = called[group[0].id]
        shown.append((cause.about(name) if len(group) == 1 else cause, group, name))
    # A stopped worker and a pause are already part of what each group says to do.
    told = {cause.name for cause, _ in groups} | (set(OURS) if groups else set())
    besides = [cause for cause in around.causes if cause.name not in told]
    return FailureSummary(shown, besides, len(dead), len(fresh), nonsense)


def number(group: Sequence[FoundItem]) -> str:
    """Say how many memories a group has."""
    dead = sum(each.is_dead for each in group)
    parts = [plural(dead, "dead letter")] if dead else []
    if len(group) > dead:
        parts.append(plural(len(group) - dead, "waiting entry", "waiting entries"))
    return ", ".join(parts)
