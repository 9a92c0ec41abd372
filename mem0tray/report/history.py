"""What happened when: deliveries and the size of the DLQ over time. Pure; Unix seconds.

By day for the last thirty, by hour while there is less than three days to show.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

SLOT: Final = 900.0  # every zone's midnight falls between two quarters of an hour
_HOUR: Final = 3600.0
_HOURS: Final = 48
_DAYS: Final = 30
_SHORT: Final = 3 * 86_400.0


@dataclass(frozen=True, slots=True)
class Period:
    """When each hour or local day begins; the last one is not over."""

    starts: Sequence[float]
    by_hour: bool

    @property
    def ends(self) -> list[float]:
        """When each is over; the last one now, and later."""
        return [*self.starts[1:], float("inf")]


@dataclass(frozen=True, slots=True)
class History:
    """For each part of the period: memories delivered, dead letters at its end."""

    period: Period
    delivered: Sequence[int]
    dead: Sequence[int]


def period(began: float, now: float) -> Period:
    """The time to show, of what began then."""
    by_hour = now - began < _SHORT
    if by_hour:
        moment = datetime.fromtimestamp(now)  # noqa: DTZ006  (local hours are meant)
        this = moment.replace(minute=0, second=0, microsecond=0).timestamp()
        starts = [this - _HOUR * n for n in reversed(range(_HOURS))]
    else:
        today = datetime.fromtimestamp(now).date()  # noqa: DTZ006  (local days are meant)
        starts = [_midnight(today - timedelta(days=n)) for n in reversed(range(_DAYS))]
    # One empty part before it began lets the rise be seen.
    first = max(0, bisect_right(starts, began) - 2)
    return Period(starts[first:], by_hour)


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min).timestamp()


def of(
    shown: Period,
    deliveries: Mapping[float, int],
    stays: Iterable[tuple[float, float]],
    dead_since: Iterable[float],
) -> History:
    """Put together deliveries by slot, dead letters that came and went, and those still there."""
    delivered = [0] * len(shown.starts)
    for at, number in deliveries.items():
        part = bisect_right(shown.starts, at) - 1
        if part >= 0:
            delivered[part] += number
    gone = list(stays)
    came = sorted([*(start for start, _ in gone), *dead_since])
    went = sorted(end for _, end in gone)
    dead = [bisect_right(came, end) - bisect_right(went, end) for end in shown.ends]
    return History(shown, delivered, dead)
