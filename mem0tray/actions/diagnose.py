"""Why a memory is stuck, and what to do about it."""

from http import HTTPStatus
from typing import Final

from mem0tray.actions.cause import (
    ACTION,
    DUE,
    HELD,
    INVALID,
    NO_ANSWER,
    NOT_RUNNING,
    PAUSED,
    REJECTED,
    WAITING,
    Cause,
    with_one_thing_to_do,
)
from mem0tray.actions.find import FoundItem
from mem0tray.actions.surroundings import Surroundings, clock
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line, short_id
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.server import answers
from mem0tray.server.remedy import (
    ID,
    REWORD,
    SHORTEN,
    nothing,
    of_not_kept,
    of_redirect,
    of_rejection,
)
from mem0tray.system import shell

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
    handle = handle or shell.quote(short_id(found.id))
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
    told = first.about(handle or shell.quote(short_id(found.id)))
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
    said = answers.retold(attempt.message)
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
    return Cause(ACTION, said, of_redirect(address) if address else of_not_kept(), status)


def _as_the_file_says(reason: str) -> list[Cause]:
    """The causes as the file tells them, without a ledger that remembers the attempt."""
    if not reason:
        return []
    said = answers.retold(reason)
    if said == answers.NO_PROJECT or said.find(answers.HOLDS_NUL.id) is not None:
        return [Cause(INVALID, said, REWORD)]
    status, is_answered = answers.in_short(reason)
    if answers.redirected_to(said) or said.find(answers.NOT_KEPT.id) is not None:
        return [_of_the_server(said, status)]
    if not is_answered:
        return [Cause(NO_ANSWER, said, _ASKED, by_itself=True)]
    return [_rejection(said, status)]


def why_failed(found: FoundItem, attempt: Attempt | None) -> Reason:
    """The reason in the file; without one, what the ledger saw last."""
    return answers.retold(last_error(found) or (attempt.message if attempt is not None else ""))


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
