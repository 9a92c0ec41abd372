"""How often files are published: once a second, and more rarely the longer it takes."""

import math
from typing import Final

INTERVAL: Final = 1.0
SHARE: Final = 0.05  # of the time, at most
_QUICK: Final = 0.1  # seconds


class PublishRate:
    """Says when to publish again. Times are monotonic seconds; no wait exceeds `longest`."""

    def __init__(self, longest: float = math.inf) -> None:
        self._longest = longest
        self._next = 0.0
        self._cost = 0.0

    @property
    def is_quick(self) -> bool:
        """Whether it took so little last time that a command can wait for it."""
        return self._cost < _QUICK

    def ready(self, now: float) -> bool:
        return now >= self._next

    def wait(self, now: float) -> float:
        return max(0.0, self._next - now)

    def note_cost(self, now: float, duration: float) -> None:
        self._cost = duration
        self._next = now + min(max(INTERVAL, duration / SHARE - duration), self._longest)
