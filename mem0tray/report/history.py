"""What happened when: deliveries, outages and the size of the DLQ. Pure; Unix seconds.

By day for the last thirty days; by hour if there are less than three days to show.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

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
        """When each part ends; the last one ends now, or later."""
        return [*self.starts[1:], float("inf")]


@dataclass(frozen=True, slots=True)
class History:
    """For each part of the period: memories delivered, and the most dead letters at any moment.

    `outages` counts those under way in a part, `down` has the seconds that they took of it;
    `all_outages` counts each once, `dead_now` is the size of the DLQ at the end.
    """

    period: Period
    delivered: Sequence[int]
    dead: Sequence[int]
    dead_now: int
    outages: Sequence[int]
    down: Sequence[float]
    all_outages: int


def period(began: float, now: float) -> Period:
    """The period to show for events that began then."""
    by_hour = now - began < _SHORT
    if by_hour:
        moment = datetime.fromtimestamp(now)  # noqa: DTZ006  (local hours are meant)
        this = moment.replace(minute=0, second=0, microsecond=0).timestamp()
        starts = [this - _HOUR * n for n in reversed(range(_HOURS))]
    else:
        today = datetime.fromtimestamp(now).date()  # noqa: DTZ006  (local days are meant)
        starts = [_midnight(today - timedelta(days=n)) for n in reversed(range(_DAYS))]
    # One empty part before the beginning shows the rise.
    first = max(0, bisect_right(starts, began) - 2)
    return Period(starts[first:], by_hour)


def _midnight(day: date) -> float:
    return datetime.combine(day, time.min).timestamp()


def of(
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
    parts = list(zip(shown.starts, shown.ends, strict=True))
    seen = [(began, ended) for began, ended in outages if ended >= shown.starts[0]]
    return History(
        period=shown,
        delivered=delivered,
        dead=[_most(came, went, start, end) for start, end in parts],
        dead_now=len(came) - len(went),
        outages=[sum(_touches(each, start, end) for each in seen) for start, end in parts],
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


def _touches(outage: tuple[float, float], start: float, end: float) -> bool:
    began, ended = outage
    return began < end and (ended > start or began >= start)


def _within(outage: tuple[float, float], start: float, end: float) -> float:
    return max(0.0, min(outage[1], end) - max(outage[0], start))
