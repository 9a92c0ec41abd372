"""Reporting backoffs that no failure of ours began: found at the start, or made by an edit.

Each is told once: the soonest by name, and those beyond what the log tells in a minute
by their number.
"""

from collections.abc import Callable, Sequence

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.due import dead_due
from mem0tray.core.events import Event
from mem0tray.worker.dlq.merge import Decisions
from mem0tray.worker.telling.log import BACKOFFS_PER_MINUTE

Backoff = tuple[str, str, float]  # project and id of a dead letter, seconds until it is due


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
    found = [*decided.adopt, *(pair.item for pair in decided.restore), *changed]
    backoffs = [(each.project, each.id, _wait(each, now)) for each in found]
    return sorted((each for each in backoffs if each[2] > 0), key=lambda each: each[2])


def tell(emit: Callable[[Event], None], backoffs: Sequence[Backoff], total: int) -> None:
    """Tell of these, the soonest of `total` backoffs; by name as far as the log does so."""
    shown = backoffs[:BACKOFFS_PER_MINUTE]
    for project, item_id, delay in shown:
        emit(events.InBackoff(project, item_id, delay))
    if total > len(shown):
        emit(events.MoreInBackoff(total - len(shown)))


def _wait(item: items.Item, now: float) -> float:
    return dead_due(item.last_attempt, item.retry_count, now) - now
