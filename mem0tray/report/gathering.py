"""What the page shows: how things stand, what waits, and what happened when.

The server is not probed, so that the page appears at once. A running worker has
published how healthy the server is; without a worker nothing is sent anyway.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mem0tray.actions import standing
from mem0tray.actions.find import DLQ_LIST, FoundItem, Identity
from mem0tray.actions.standing import Overview, Part
from mem0tray.actions.waiting import WaitingItems
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.ledger.known import Attempt
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.waiting import ProjectCounts
from mem0tray.report import history
from mem0tray.report.history import History

_SLOT: Final = 900.0  # seconds; every zone's midnight falls between two quarters of an hour
_MONTH: Final = 31 * 86_400.0  # seconds; a page shows thirty days


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything, seen at one moment; `now` in Unix seconds.

    `unreadable`: the DLQ file cannot be read, and the dead letters are those that the
    ledger remembers. `nonsense`: how many things there make no sense. `past` is None where the
    ledger knows none.
    """

    now: float
    overview: Overview
    dead: Sequence[FoundItem]
    nonsense: int
    projects: Sequence[ProjectCounts]
    retries: Mapping[int, int]
    attempts: Mapping[Identity, Attempt]
    unreadable: bool
    past: History | None


def gather(settings: Settings, now: float) -> Gathered:
    """Everything there is to show."""
    seen = standing.read(settings, now, Part.COUNTS)
    with Reader(seen.paths.ledger) as reader:
        waits = WaitingItems(reader, seen.inside.step)
        dead = waits.listed(DLQ_LIST)
        # Counted as everywhere: things that make no sense, too.
        raws = [*(each.raw for each in dead), *waits.odd[DLQ_LIST]]
        return Gathered(
            now=now,
            overview=standing.overview(seen),
            dead=[*dead, *waits.strays(DLQ_LIST)],
            nonsense=waits.nonsense(DLQ_LIST),
            projects=reader.waiting.by_project(),
            retries=reader.waiting.by_retries(),
            attempts=reader.last_attempts(),
            unreadable="dlq" in seen.inside.step.unread,
            past=_history(reader, raws, now),
        )


def _history(reader: Reader, dead: Iterable[bytes], now: float) -> History | None:
    began, since = reader.began(), now - _MONTH
    if began is None:
        return None
    return history.of(
        history.period(began, now),
        reader.deliveries(since, _SLOT),
        reader.stays(since),
        [items.moved_to_dlq(raw, now) for raw in dead],
        reader.outages(since),
    )
