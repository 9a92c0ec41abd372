"""Which lane's turn it is, and how many requests at once. Pure; ages and durations in seconds."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Final

from mem0tray.core.item import DEAD, FRESH

SLOW: Final = 0.005  # from this median on, waiting for the server outweighs sharing the interpreter
STALLED: Final = 1.0  # a request this old no longer holds up others
_SHARE: Final = 0.0025  # seconds of an answer's time that justify one more request: 8 from 20 ms on
_WINDOW: Final = 9
_CLEAR: Final = 0.05  # seconds; a median above this needs no further answers to be believed
_FEW: Final = 3


class Throttle:
    """How many requests at once: one while answers are fast, up to `limit` while they are slow."""

    def __init__(self) -> None:
        self._answers: deque[float] = deque(maxlen=_WINDOW)
        self._usual = 0.0  # the median of the answers

    def note_answer(self, duration: float) -> None:
        self._answers.append(duration)
        self._usual = _median(self._answers)

    def slots(self, ages: Sequence[float], limit: int, *, both_lanes: bool) -> int:
        """How many requests may be under way, given the ages of those that are."""
        wanted, usual = 1, self._usual
        if ages:
            wanted += sum(age > STALLED for age in ages)
            usual = _median((*self._answers, *ages))
        is_sure = usual > _CLEAR or len(self._answers) >= _FEW
        if usual > SLOW and is_sure:
            wanted = max(wanted, ceil(usual / _SHARE))
        if both_lanes:
            wanted = max(wanted, 2)
        return min(wanted, max(limit, 2 if both_lanes else 1))


def _median(values: Iterable[float]) -> float:
    """The upper of the two in the middle. The module `statistics` would cost 2 MB for this."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def choose_lane(
    has_work: Mapping[str, bool], under_way: Mapping[str, int], slots: int, last: str
) -> str | None:
    """Return the lane whose turn it is, or None; each gets at least half of the slots."""
    ready = [lane for lane in (FRESH, DEAD) if has_work[lane]]
    if not ready or sum(under_way.values()) >= slots:
        return None
    return min(ready, key=lambda lane: (under_way[lane], lane == last))
