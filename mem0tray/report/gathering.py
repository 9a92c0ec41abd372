"""Everything that the page shows, from a snapshot. Pure; Unix seconds.

The server is not probed, so that the page appears at once. A running worker has
published how healthy the server is; without a worker nothing is sent anyway.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from mem0tray.actions import overview, read_files
from mem0tray.actions.find import FileListing, Identity, listing
from mem0tray.actions.overview import Overview
from mem0tray.actions.snapshot import Part, Past, Snapshot
from mem0tray.core import item as items
from mem0tray.ledger.known import Attempt, Wait

_HOUR: Final = 3600.0
_HOURS: Final = 48
_DAYS: Final = 30
_SHORT: Final = 3 * 86_400.0  # a shorter past is shown by the hour


@dataclass(frozen=True, slots=True)
class Period:
    """When each hour or local day begins; the last one is not over."""

    starts: Sequence[float]
    by_hour: bool


@dataclass(frozen=True, slots=True)
class History:
    """For each part of the period: memories delivered, and the most dead letters at any moment.

    `down` has the seconds that outages took of each part, `all_outages` counts them, `dead_now`
    is the size of the DLQ at the end.
    """

    period: Period
    delivered: Sequence[int]
    dead: Sequence[int]
    dead_now: int
    down: Sequence[float]
    all_outages: int


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
    return history(
        period(past.began, now),
        past.deliveries,
        past.stays,
        # Counted as everywhere: things that make no sense, too.
        [items.moved_to_dlq(raw, now) for raw in dead],
        past.outages,
    )


def period(began: float, now: float) -> Period:
    """The period to show for events that began then."""
    by_hour = now - began < _SHORT
    if by_hour:
        moment = datetime.fromtimestamp(now)  # noqa: DTZ006  (local hours are meant)
        this = moment.replace(minute=0, second=0, microsecond=0).timestamp()
        starts = [this - _HOUR * n for n in reversed(range(_HOURS))]
    else:
        today = datetime.fromtimestamp(now).date()  # noqa: DTZ006  (local days are meant)
        days = [today - timedelta(days=n) for n in reversed(range(_DAYS))]
        starts = [datetime.combine(day, time.min).timestamp() for day in days]
    # One empty part before the beginning shows the rise.
    first = max(0, bisect_right(starts, began) - 2)
    return Period(starts[first:], by_hour)


def history(
    shown: Period,
    deliveries: Mapping[float, int],
    stays: Iterable[tuple[float, float]],
    dead_since: Iterable[float],
    outages: Sequence[tuple[float, float]] = (),
) -> History:
    """Combine deliveries by slot, dead letters that came and went, those still there, and outages.

    An outage has a beginning and an end, which are the same if only one probe saw it.
    """
    delivered = [0] * len(shown.starts)
    for at, number in deliveries.items():
        part = bisect_right(shown.starts, at) - 1
        if part >= 0:
            delivered[part] += number
    gone = list(stays)
    came = sorted([*(start for start, _ in gone), *dead_since])
    went = sorted(end for _, end in gone)
    parts = list(zip(shown.starts, [*shown.starts[1:], math.inf], strict=True))
    # An outage that only one probe saw has taken a moment.
    seen = [(began, max(ended, began + 1)) for began, ended in outages if ended >= shown.starts[0]]
    return History(
        period=shown,
        delivered=delivered,
        dead=[_most(came, went, start, end) for start, end in parts],
        dead_now=len(came) - len(went),
        down=[sum(_within(each, start, end) for each in seen) for start, end in parts],
        all_outages=len(seen),
    )


def _most(came: Sequence[float], went: Sequence[float], start: float, end: float) -> int:
    """The most that were there at any moment from `start` until just before `end`.

    A dead letter that goes just when another comes is counted with it.
    """
    most = bisect_right(came, start) - bisect_right(went, start)
    for at in came[bisect_right(came, start) : bisect_left(came, end)]:
        most = max(most, bisect_right(came, at) - bisect_left(went, at))
    return most


def _within(outage: tuple[float, float], start: float, end: float) -> float:
    return max(0.0, min(outage[1], end) - max(outage[0], start))
