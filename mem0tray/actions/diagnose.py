"""Why a memory is stuck, and what to do about it."""

import re
import shlex
from typing import Final

from mem0tray.actions.cause import (
    DUE,
    HELD,
    ID,
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
from mem0tray.core.text import one_line, short_id
from mem0tray.ledger.reader import Attempt, Known
from mem0tray.server.model import Fault
from mem0tray.server.remedy import of_rejection

_ANSWERLESS: Final = frozenset({"unknown", "outage", "unanswered"})
# They count nothing against the item, unless its last error says that they did.
_OF_THE_SERVER: Final = frozenset({"outage", "slow down", "unauthorized", "refused"})
_OURS_WITHOUT_ANSWER: Final = ("no answer after ", Fault.LOST.value)
_ASKED: Final = (
    "Nothing to do: the server is asked for it before it is sent again. If it stays so, see the"
    " server's log."
)
_STATUS: Final = re.compile(r"[1-5][0-9][0-9]\b")
_HELD: Final = Cause(
    HELD,
    "perhaps delivered by another worker, and the server cannot tell",
    "`mem0tray retry ID` sends it, `mem0tray delete ID` drops it.",
)
_NAME_PROJECT: Final = (
    "Name its project_id in mem0_queue_dlq.json, or delete it with `mem0tray delete ID`."
)
_REWORD: Final = "Change it with `mem0tray edit ID`, or delete it with `mem0tray delete ID`."


def causes(
    found: FoundItem,
    around: Surroundings,
    attempt: Attempt | None,
    known: Known | None,
    now: float,
    handle: str = "",
) -> list[Cause]:
    """Why this item is stuck, the reason that counts first, with the one thing to do.

    `attempt` is the last that failed, `known` what the ledger knows of it, `handle` what
    to call it in a command (else the beginning of its id).
    """
    invalid = _invalid(found)
    rejected = _rejected(found, attempt, known)
    certain = [cause for cause in invalid if found.is_dead or attempt or found.item is None]
    doubtful = [] if certain else invalid
    outside = [c for c in around.causes if c.name not in (PAUSED, NOT_RUNNING)]
    ours = [c for c in around.causes if c.name in (PAUSED, NOT_RUNNING)]
    held = [_HELD] if known is not None and known.is_held else []
    result = [*certain, *held, *outside, *rejected, *doubtful, *ours]
    if found.item is not None:
        due = next_retry(found, known, now)
        if due > now and not held:
            again = f"it is sent again at {clock(due)}"
            result.append(Cause(WAITING, again, _waits(found), by_itself=True))
        elif not result:
            sent = "Nothing to do: it is sent by itself."
            result.append(Cause(DUE, "it is about to be sent", sent, by_itself=True))
    handle = handle or shlex.quote(short_id(found.id))
    return [cause.about(handle) for cause in with_one_thing_to_do(result)]


def _waits(found: FoundItem) -> str:
    """What to do about an item that only waits: `retry` takes dead letters, no entries."""
    if not found.is_dead:
        return "Nothing to do: it is sent by itself."
    return f"Nothing to do: it is sent by itself; at once with `mem0tray retry {ID}`."


def next_retry(found: FoundItem, known: Known | None, now: float) -> float:
    """When it is sent again, Unix seconds; 0 for at once."""
    if found.item is None:
        return 0.0
    if found.is_dead:
        return items.dead_due(found.item.last_attempt, found.item.retry_count, now)
    return known.due if known is not None else 0.0


def _invalid(found: FoundItem) -> list[Cause]:
    item = found.item
    if item is None:
        return [
            Cause(
                INVALID,
                "its content is not text; it is never sent",
                _REWORD,
            )
        ]
    if not item.project.strip():
        return [Cause(INVALID, "it names no project", _NAME_PROJECT)]
    for name, text in (("content", item.content), ("project_id", item.project)):
        if not _is_encodable(text):
            detail = f"its {name} holds half a character (a lone surrogate)"
            return [Cause(INVALID, detail, _REWORD)]
    return []


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rejected(found: FoundItem, attempt: Attempt | None, known: Known | None) -> list[Cause]:
    reason = one_line(last_error(found) or (known.last_error if known else None) or "")
    if attempt is None:
        return _as_the_file_says(reason)
    if attempt.kind == "not sendable":
        return [Cause(INVALID, attempt.message, _REWORD)]
    if attempt.kind in _OF_THE_SERVER and reason and one_line(attempt.message) != reason:
        return _as_the_file_says(reason)
    if attempt.kind in _ANSWERLESS:
        return [Cause(NO_ANSWER, attempt.message, _ASKED, attempt.status, by_itself=True)]
    status = "" if attempt.status is None else str(attempt.status)
    detail = attempt.message if status in attempt.message else f"{status}: {attempt.message}"
    return [_rejection(detail, attempt.status)]


def _rejection(detail: str, status: int | None) -> Cause:
    remedy, by_itself = of_rejection(status)
    return Cause(REJECTED, detail, remedy, status, by_itself=by_itself)


def _as_the_file_says(reason: str) -> list[Cause]:
    """Without a ledger that remembers the attempt: our own words begin with what it came to."""
    if not reason:
        return []
    if reason.startswith(_OURS_WITHOUT_ANSWER):
        return [Cause(NO_ANSWER, reason, _ASKED, by_itself=True)]
    named = _STATUS.match(reason)
    return [_rejection(reason, int(named[0]) if named else None)]


def last_error(found: FoundItem) -> str:
    """The reason that stands in the file."""
    value = (items.load_object(found.raw) or {}).get("last_error")
    return value if isinstance(value, str) else ""
