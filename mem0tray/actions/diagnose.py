"""Why memories are not delivered, and the one thing to do about it: for one, and summed up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from http import HTTPStatus
from typing import Final

from msgspec.structs import replace

from mem0tray.actions import standing, waiting
from mem0tray.actions.surroundings import (
    ACTION,
    DUE,
    HELD,
    INVALID,
    NO_ANSWER,
    OURS,
    REJECTED,
    WAITING,
    Cause,
    Surroundings,
)
from mem0tray.actions.waiting import DLQ_LIST, QUEUE_LIST, FoundItem
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import reasons, text
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
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
    of_rejection,
)
from mem0tray.system import programs

_ANSWERLESS: Final = frozenset({Kind.NO_ANSWER, Kind.OUTAGE, Kind.ASKED_IN_VAIN})
# These do not count against the item, unless its last error says that they did.
_OVER_NUL: Final = (500, 502)
_OF_THE_SERVER: Final = frozenset(
    {Kind.OUTAGE, Kind.SLOW_DOWN, Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.ASKED_IN_VAIN}
)
_ASKED: Final = nothing(
    Reason(
        "the server is asked for it before it is sent again. If it stays so, see the server's log."
    )
)
_SENT: Final = nothing(Reason("it is sent automatically."))
_SENT_AT_ONCE: Final = nothing(
    Reason("it is sent automatically; at once with `mem0tray retry {id}`.", id=ID)
)
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
_NAMELESS: Final = Cause(
    INVALID,
    Reason("it names no project"),
    Reason(
        "Name its project_id in {file}, or delete it with `mem0tray delete {id}`.",
        file="mem0_queue_dlq.json",
        id=ID,
    ),
)


def causes(
    found: FoundItem, around: Surroundings, attempt: Attempt | None, now: float, handle: str = ""
) -> list[Cause]:
    """Find why this item is stuck, the most important cause first, with the one thing to do.

    `attempt` is the last that failed, `handle` its name in a command (by default the beginning of
    its id).
    """
    known = found.known
    outside = [cause for cause in around.causes if cause.name not in OURS]
    ours = [cause for cause in around.causes if cause.name in OURS]
    held = [_HELD] if known is not None and known.is_held and known.held is not None else []
    taken = [_HELD_YET] if known is not None and known.is_held and not held else []
    rejected = _rejected(found, attempt)
    torn = _torn(found) if any(cause.remedy == REWORD for cause in rejected) else []
    result = [*_invalid(found), *held, *outside, *taken, *torn, *rejected, *ours]
    due = next_retry(found)
    if known is not None and known.at_work:
        result.append(_AT_WORK)
    elif due > now and not (held or taken):
        again = Reason("it is sent again at {time}", time=text.clock(due))
        # `retry` takes dead letters, not entries.
        remedy = _SENT_AT_ONCE if found.is_dead else _SENT
        result.append(Cause(WAITING, again, remedy, by_itself=True))
    elif not result:
        result.append(Cause(DUE, Reason("it is about to be sent"), _SENT, by_itself=True))
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
    if waits and not asks_nothing(first.remedy):
        steps.append(first.remedy)
    return [replace(first, remedy=reduce(reasons.advised, steps, reasons.NONE)), *others]


def to_change(found: FoundItem, attempt: Attempt | None, handle: str = "") -> str:
    """Say what must be changed in the memory before the server takes it; empty if nothing must.

    It says what is wrong where the kept reason does not. Like `causes`, but without what
    stands in the way of every memory: no server is asked.
    """
    causes = (*_invalid(found), *_rejected(found, attempt))
    first = next((each for each in causes if each.remedy in (REWORD, SHORTEN)), None)
    if first is None:
        return ""
    told = first.about(handle or programs.quote(short_id(found.id)))
    is_said = str(first.detail) == one_line(kept_reason(found, attempt))
    what = reasons.NONE if is_said else reasons.sentence(first.detail)
    return str(reasons.advised(what, told.remedy))


def why_held(known: Known) -> Reason:
    """Say why an entry is held that another worker has `taken`."""
    return (_HELD if known.held is not None else _HELD_YET).detail


def next_retry(found: FoundItem) -> float:
    """Return when the item is sent again, Unix seconds; 0 for at once."""
    return found.known.due if found.known is not None else 0.0


def _invalid(found: FoundItem) -> list[Cause]:
    return [] if found.item is None or found.item.project.strip() else [_NAMELESS]


def _torn(found: FoundItem) -> list[Cause]:
    """Find half a character, which some servers cannot store: to blame only for a rejection."""
    item = found.item
    fields = (("content", item.content), ("project_id", item.project)) if item is not None else ()
    return [
        Cause(
            INVALID,
            Reason("its {field} holds half a character (a lone surrogate)", field=name),
            REWORD,
        )
        for name, text in fields
        if any("\ud800" <= sign <= "\udfff" for sign in text)
    ]


def _rejected(found: FoundItem, attempt: Attempt | None) -> list[Cause]:
    reason = one_line(kept_reason(found))
    if attempt is None:
        return _as_the_file_says(reason)
    said, status = attempt.reason, attempt.status
    address = answers.redirected_to(said)
    if address or said.find(answers.NOT_KEPT.id) is not None:  # no item's fault
        return [Cause(ACTION, said, of_redirect(address) if address else UPDATE, status)]
    if attempt.kind == Kind.NOT_SENDABLE or said.find(answers.HOLDS_NUL.id) is not None:
        return [Cause(INVALID, said, REWORD)]
    if attempt.kind in _OF_THE_SERVER and reason and one_line(attempt.message) != reason:
        return _as_the_file_says(reason)
    if attempt.kind in _ANSWERLESS:
        return [Cause(NO_ANSWER, said, _ASKED, status, by_itself=True)]
    return [_rejection(said, status)]


def _rejection(detail: Reason, status: int | None) -> Cause:
    # The server took it in with 200: that it failed later is the server's fault, as with a 500.
    later = HTTPStatus.INTERNAL_SERVER_ERROR if answers.has_failed_later(detail) else status
    remedy, by_itself = of_rejection(later)
    return Cause(REJECTED, detail, remedy, status, by_itself=by_itself)


def _as_the_file_says(reason: str) -> list[Cause]:
    """Find the cause as the file tells it, without a ledger that remembers the attempt."""
    if not reason:
        return []
    said, status = reasons.quoted(reason), answers.status_in(reason)
    if status is None:
        return [Cause(NO_ANSWER, said, WAIT, by_itself=True)]
    return [_rejection(said, status)]


def why_failed(found: FoundItem, attempt: Attempt | None) -> Reason:
    """Return the reason in the file; without one, what the ledger saw last."""
    text = last_error(found)
    is_last = attempt is not None and text in ("", attempt.message)
    return attempt.reason if attempt is not None and is_last else reasons.quoted(text)


def kept_reason(found: FoundItem, attempt: Attempt | None = None) -> str:
    """Return the reason that every command gives for an item: that of the last counted failure.

    It stands in the file or the ledger; else it is the last answer, if `attempt` is given.
    """
    kept = last_error(found) or (found.known.last_error if found.known is not None else None)
    return kept or (attempt.message if attempt is not None else "")


def last_error(found: FoundItem) -> str:
    """Return the reason in the file."""
    value = (items.load_object(found.raw) or {}).get("last_error")
    return value if isinstance(value, str) else ""


# All that failed --------------------------------------------------------------------------------

Group = tuple[Cause, Sequence[FoundItem]]


@dataclass(frozen=True, slots=True)
class FailureSummary:
    """Dead letters, and entries that have failed, by the most important cause of each.

    `groups` has the largest first, each with a cause that takes one memory as the example.
    `besides` are other troubles, which stop none of these by themselves. `called` gives, by the
    id of each group's first memory, its name in a command. `dead` and `fresh` count dead letters
    and fresh entries, `nonsense` what makes no sense in the DLQ file.
    """

    groups: Sequence[Group]
    besides: Sequence[Cause]
    dead: int
    fresh: int
    nonsense: int
    called: Mapping[str, str]


def sum_up(settings: Settings, now: float) -> FailureSummary:
    """Sum up, with one question to the server; `now` in Unix seconds.

    If the server refuses everything, all that wait count as failed: which of them was tried
    does not matter. Raises FileUnavailableError where a file cannot be read.
    """
    with waiting.opened(settings) as seen:
        dead, fresh = seen.items(DLQ_LIST), seen.items(QUEUE_LIST)
        last = seen.reader.last_attempts()
        around = Surroundings.ask(settings, standing.read(settings, now))
        failed = (e for e in fresh if around.refuse_everything or e.identity in last or _failed(e))
        groups: dict[tuple[object, ...], list[FoundItem]] = {}
        first: dict[tuple[object, ...], Cause] = {}
        for found in (*dead, *failed):
            cause = causes(found, around, last.get(found.identity), now, ID)[0]
            groups.setdefault(cause.likeness, []).append(found)
            first.setdefault(cause.likeness, cause)
        called = seen.handles(group[0] for group in groups.values())
        nonsense = len(seen.odd)
    shown: list[Group] = [
        (first[like].about(called[group[0].id]) if len(group) == 1 else first[like], group)
        for like, group in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]
    # A stopped worker and a pause are already part of what each group says to do.
    told = {cause.name for cause, _ in shown} | (set(OURS) if shown else set())
    besides = [cause for cause in around.causes if cause.name not in told]
    return FailureSummary(shown, besides, len(dead), len(fresh), nonsense, called)


def number(group: Sequence[FoundItem]) -> str:
    """Say how many memories a group has."""
    dead = sum(each.is_dead for each in group)
    parts = [plural(dead, "dead letter")] if dead else []
    if len(group) > dead:
        parts.append(plural(len(group) - dead, "waiting entry", "waiting entries"))
    return ", ".join(parts)


def _failed(found: FoundItem) -> bool:
    """Return whether a fresh entry is not simply new."""
    return found.is_held or (found.known is not None and found.known.retries > 0)
