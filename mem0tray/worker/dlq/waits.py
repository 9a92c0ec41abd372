"""Waits of dead letters that no failure of ours began: found at the start, or made by an edit.

Each is told once, the soonest by name, and those beyond what the log tells in a minute
by their number.
"""

from collections.abc import Callable, Sequence

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.events import Event
from mem0tray.worker.dlq.merge import Merge
from mem0tray.worker.telling.log import WAITING_PER_MINUTE

Wait = tuple[str, str, float]  # project and id of a dead letter, seconds until it is due


def begun(merge: Merge, now: float) -> list[Wait]:
    """The waits that one save began, the soonest first.

    Those of dead letters that it brought, and of those with another time or count.
    """
    changed = [
        pair.item
        for pair in merge.edits
        if (pair.item.last_attempt, pair.item.retry_count)
        != (pair.row.last_attempt, pair.row.retry_count)
    ]
    found = [*merge.adopt, *(pair.item for pair in merge.restore), *changed]
    waits = [(each.project, each.id, _wait(each, now)) for each in found]
    return sorted((wait for wait in waits if wait[2] > 0), key=lambda wait: wait[2])


def tell(emit: Callable[[Event], None], waits: Sequence[Wait], total: int) -> None:
    """Tell of these waits, the soonest of `total`, as far as the log tells them by name."""
    shown = waits[:WAITING_PER_MINUTE]
    for project, item_id, delay in shown:
        emit(events.WaitingBackoff(project, item_id, delay))
    if total > len(shown):
        emit(events.MoreWait(total - len(shown)))


def _wait(item: items.Item, now: float) -> float:
    return items.dead_due(item.last_attempt, item.retry_count, now) - now
