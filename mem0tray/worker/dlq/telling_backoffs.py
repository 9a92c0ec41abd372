"""Reporting backoffs that no failure of ours began: found at the start, or of letters that came.

Each is told once: the soonest by name, and those beyond what the log tells in a minute by their
number. The start tells of all together; so none is told by itself before that.
"""

from collections.abc import Iterable, Sequence

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.due import backoff, dead_due
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.merge import Decisions
from mem0tray.worker.telling.log import BACKOFFS_PER_MINUTE

Backoff = tuple[str, str, float]  # project and id of a dead letter, seconds until it is due


def of_move(item: items.Item) -> Backoff:
    """The backoff of an item that becomes a dead letter just now."""
    return item.project, item.id, backoff(0)


def of_letters(letters: Iterable[items.Item], now: float) -> list[Backoff]:
    """The backoffs of dead letters as they stand in the file, the soonest first."""
    found = [
        (each.project, each.id, dead_due(each.last_attempt, each.retry_count, now) - now)
        for each in letters
    ]
    return sorted((each for each in found if each[2] > 0), key=lambda each: each[2])


def begun(decided: Decisions, now: float) -> list[Backoff]:
    """The backoffs that one save began, the soonest first.

    These are the backoffs of new dead letters, and of those whose time or count has changed.
    """
    changed = [
        pair.item
        for pair in decided.edits
        if (pair.item.last_attempt, pair.item.retry_count)
        != (pair.row.last_attempt, pair.row.retry_count)
    ]
    restored = [pair.item for pair in decided.restore]
    return of_letters([*decided.adopt, *restored, *changed], now)


def tell(context: WorkerContext, backoffs: Sequence[Backoff]) -> None:
    """Tell of these backoffs, which begin now, the soonest first."""
    if context.tells_backoffs:
        _tell(context, backoffs, len(backoffs))


def tell_all(context: WorkerContext, now: float) -> None:
    """Tell of every backoff there is at the start, and from now on of each that begins."""
    soonest, total = context.outbox.in_backoff(now, BACKOFFS_PER_MINUTE)
    _tell(context, soonest, total)
    context.tells_backoffs = True


def _tell(context: WorkerContext, backoffs: Sequence[Backoff], total: int) -> None:
    """Tell of these, the soonest of `total` backoffs; by name as far as the log does so."""
    shown = backoffs[:BACKOFFS_PER_MINUTE]
    for project, item_id, delay in shown:
        context.events.emit(events.InBackoff(project, item_id, delay))
    if total > len(shown):
        context.events.emit(events.MoreInBackoff(total - len(shown)))
