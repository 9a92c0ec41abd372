"""What the page shows, from a snapshot. Pure.

The server is not probed, so that the page appears at once. A running worker has
published how healthy the server is; without a worker nothing is sent anyway.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mem0tray.actions import overview, read_files
from mem0tray.actions.find import FileListing, Identity, listing
from mem0tray.actions.overview import Overview
from mem0tray.actions.snapshot import Part, Past, Snapshot
from mem0tray.core import item as items
from mem0tray.ledger.known import Attempt, Wait
from mem0tray.report import history
from mem0tray.report.history import History


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything, seen at one moment; `now` in Unix seconds.

    `unreadable`: the DLQ file cannot be read, and the dead letters are those that the
    ledger remembers. `past` is None where the ledger knows none.
    """

    now: float
    overview: Overview
    dead: FileListing
    fresh: FileListing
    attempts: Mapping[Identity, Attempt]
    waits: Mapping[Identity, Wait]
    unreadable: bool
    past: History | None


def of(seen: Snapshot) -> Gathered:
    """The facts of a snapshot that holds `Part.PAST`; else LookupError."""
    inside = seen.inside
    if inside.listed is None:
        raise LookupError(Part.PAST)
    return Gathered(
        now=seen.at,
        overview=overview.of(seen),
        dead=listing(inside.listed.dead, read_files.DLQ_LIST),
        fresh=inside.listed.fresh,
        attempts=seen.past.attempts if seen.past is not None else {},
        waits=seen.past.waits if seen.past is not None else {},
        unreadable=inside.dlq is not None and bool(inside.dlq.trouble),
        past=_history(seen.past, inside.listed.dead, seen.at),
    )


def _history(past: Past | None, dead: Iterable[bytes], now: float) -> History | None:
    if past is None or past.began is None:
        return None
    return history.of(
        history.period(past.began, now),
        past.deliveries,
        past.stays,
        # Counted as everywhere: things that make no sense, too.
        [items.moved_to_dlq(raw, now) for raw in dead],
        past.outages,
    )
