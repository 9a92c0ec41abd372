"""The facts of the page: how things stand, what waits, and what happened when.

The server is not probed, so that the page appears at once.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from mem0tray.actions import standing
from mem0tray.actions.standing import Overview
from mem0tray.actions.waiting import DLQ_LIST, FoundItem, Identity, WaitingItems
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Attempt

_SLOT: Final = 900.0  # seconds; every zone's midnight falls between two quarters of an hour
_MONTH: Final = 31 * 86_400.0  # seconds; a page shows thirty days
_HOUR: Final = 3600.0
_HOURS: Final = 48
_DAYS: Final = 30
_SHORT: Final = 3 * 86_400.0  # a shorter past is shown by the hour


class Period(NamedTuple):
    """When each hour or local day begins; the last one is not over."""

    starts: Sequence[float]
    by_hour: bool


class History(NamedTuple):
    """For each part of the period: memories delivered, and the most dead letters at any moment.

    `dead_now` is the size of the DLQ at the end.
    """

    period: Period
    delivered: Sequence[int]
    dead: Sequence[int]
    dead_now: int


class Gathered(NamedTuple):
    """Everything, seen at one moment; `now` in Unix seconds.

    `unreadable`: the DLQ file cannot be read, and the dead letters are those of the ledger.
    `nonsense`: how many things there make no sense. `past` is None where the ledger knows none.
    """

    now: float
    overview: Overview
    dead: Sequence[FoundItem]
    nonsense: int
    attempts: Mapping[Identity, Attempt]
    unreadable: bool
    past: History | None


def gather(settings: Settings, now: float) -> Gathered:
    """Read everything there is to show."""
    seen = standing.read(settings, now)
    with Reader(seen.paths.ledger) as reader:
        waits = WaitingItems(reader, seen.step)
        dead = waits.listed(DLQ_LIST)
        # Counted as everywhere: things that make no sense, too.
        raws = [*(each.raw for each in dead), *waits.odd]
        began, since = reader.began(), now - _MONTH
        return Gathered(
            now=now,
            overview=standing.overview(seen),
            dead=dead,
            nonsense=len(waits.odd),
            attempts=reader.last_attempts(),
            unreadable="dlq" in seen.step.unread,
            past=None
            if began is None
            else history(
                period(began, now),
                reader.deliveries(since, _SLOT),
                reader.stays(since),
                [items.moved_to_dlq(raw, now) for raw in raws],
            ),
        )


def period(began: float, now: float) -> Period:
    """Choose the period to show for events that began then."""
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
) -> History:
    """Combine deliveries by slot, dead letters that came and went, and those still there."""
    delivered = [0] * len(shown.starts)
    for at, number in deliveries.items():
        part = bisect_right(shown.starts, at) - 1
        if part >= 0:
            delivered[part] += number
    gone = list(stays)
    came = sorted([*(start for start, _ in gone), *dead_since])
    went = sorted(end for _, end in gone)
    parts = zip(shown.starts, [*shown.starts[1:], math.inf], strict=True)
    return History(
        period=shown,
        delivered=delivered,
        dead=[_most(came, went, start, end) for start, end in parts],
        dead_now=len(came) - len(went),
    )


def _most(came: Sequence[float], went: Sequence[float], start: float, end: float) -> int:
    """Return the most that were there at any moment from `start` until just before `end`.

    A dead letter that goes just when another comes is counted with it.
    """
    most = bisect_right(came, start) - bisect_right(went, start)
    for at in came[bisect_right(came, start) : bisect_left(came, end)]:
        most = max(most, bisect_right(came, at) - bisect_left(went, at))
    return most
