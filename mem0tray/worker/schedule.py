"""Who sends next, and how many at a time. Pure; ages and durations are seconds."""

from collections import deque
from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median_high
from typing import Final

from mem0tray.item import DEAD, PENDING

SLOW: Final = 0.005  # above this median, waiting for the server outweighs sharing the interpreter
_SHARE: Final = 0.0025  # of an answer's time for each request at once: 8 from 20 ms on
STALLED: Final = 1.0  # a request this old no longer holds up others
_WINDOW: Final = 9
_TRUST: Final = 64  # answers after which a doubtful figure is measured afresh


class Throttle:
    """How many requests at once: one while answers are fast, up to `limit` while they are slow.

    Many threads on a fast server wait for each other and make its answers look
    slow; a median that this could explain is forgotten now and then, so that
    the next request, alone, measures the server itself.
    """

    def __init__(self) -> None:
        self._answers: deque[float] = deque(maxlen=_WINDOW)
        self._since = 0

    def answered(self, duration: float, limit: int) -> None:
        """A request was answered after `duration`."""
        self._answers.append(duration)
        self._since += 1
        if self._since >= _TRUST:
            self._since = 0
            if median_high(self._answers) < SLOW * limit:
                self._answers.clear()

    def slots(self, ages: Sequence[float], limit: int, *, both_lanes: bool) -> int:
        """Requests that may be under way, given the ages of those that are."""
        seen = [*self._answers, *ages]
        slow = bool(seen) and median_high(seen) > SLOW
        stalled = sum(age > STALLED for age in ages)
        wanted = ceil(median_high(seen) / _SHARE) if slow else 1 + stalled
        if both_lanes:
            wanted = max(wanted, 2)
        return min(wanted, max(limit, 2 if both_lanes else 1))


def choose_lane(
    has_work: Mapping[str, bool], under_way: Mapping[str, int], slots: int, last: str
) -> str | None:
    """The lane whose turn it is, or None.

    While both have work, each gets at least half of the slots.
    """
    total = sum(under_way.values())
    if total >= slots:
        return None
    ready = [lane for lane in (PENDING, DEAD) if has_work[lane]]
    if not ready:
        return None
    if len(ready) == 1:
        return ready[0]
    fewest = min(under_way[lane] for lane in ready)
    ready = [lane for lane in ready if under_way[lane] == fewest]
    return next((lane for lane in ready if lane != last), ready[0])
