"""Dead letters that begin: the move from the queue, and the reports of their backoffs.

What users or another worker put into the DLQ file is no move of ours (`hand_edits`).
"""

from collections.abc import Iterable

import msgspec

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.due import backoff, dead_due, dead_wait
from mem0tray.core.item import Item
from mem0tray.ledger.names import FAILED
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.merge import Decisions

Backoff = tuple[str, str, float]  # project and id of a dead letter, seconds until it is due


def move_fresh_to_dlq(
    context: WorkerContext, key: int, now: float, error: str, asked: float | None = None
) -> float:
    """Make a dead letter of a fresh entry, which failed with `error`; return how long it waits."""
    wait = dead_wait(0, asked)
    raw = _as_dead(context.ledger.raw(key), now, error)
    context.inbox.move_to_dlq(key, raw, now, now + wait, error)
    context.counters.add(FAILED)
    return wait


def take_in_as_dead(context: WorkerContext, item: Item, now: float, *, ask: bool) -> int:
    """Take in as a dead letter an item that was never fresh in our ledger; return its key."""
    raw = _as_dead(item.raw, now)
    dead = msgspec.structs.replace(item, raw=raw, retry_count=0, last_attempt=now)
    key = context.inbox.add_dead(dead, raw, now, ask=ask, gen=None)
    context.counters.add(FAILED)
    return key


def _as_dead(raw: bytes, now: float, error: str | None = None) -> bytes:
    fields: items.Object = {"retry_count": 0, "last_attempt": now, "moved_to_dlq_at": now}
    if error is not None:
        fields["last_error"] = error
    return items.with_fields(raw, fields, drop=("retries",))


# Reports of backoffs ----------------------------------------------------------------


def of_move(item: Item) -> Backoff:
    """Return the backoff of an item that becomes a dead letter just now."""
    return item.project, item.id, backoff(0)


def of_letters(letters: Iterable[Item], now: float) -> list[Backoff]:
    """Return the backoffs of dead letters as they stand in the file, the soonest first."""
    found = [
        (each.project, each.id, dead_due(each.last_attempt, each.retry_count, now) - now)
        for each in letters
    ]
    return sorted((each for each in found if each[2] > 0), key=lambda each: each[2])


def begun(decided: Decisions, now: float) -> list[Backoff]:
    """The backoffs that a save began, of new letters and of changed ones, the soonest first."""
    changed = [
        pair.item
        for pair in decided.edits
        if (pair.item.last_attempt, pair.item.retry_count)
        != (pair.row.last_attempt, pair.row.retry_count)
    ]
    return of_letters([*decided.adopt, *(pair.item for pair in decided.restore), *changed], now)


def report(context: WorkerContext, backoffs: Iterable[Backoff]) -> None:
    """Report these backoffs, which begin now; before `report_all`, leave them to it."""
    if context.reports_backoffs:
        for project, item_id, delay in backoffs:
            context.events.emit(events.InBackoff(project, item_id, delay))


def report_all(context: WorkerContext, now: float) -> None:
    """Report every backoff there is at the start, and from now on each that begins."""
    found = context.outbox.in_backoff(now)
    context.reports_backoffs = True
    report(context, found)
