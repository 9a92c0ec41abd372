"""How often files are published: once a second, more rarely the longer it takes."""

import math
from typing import Final

INTERVAL: Final = 1.0
SHARE: Final = 0.05  # of the time, at most


class PublishRate:
    """Times are monotonic seconds; nothing is put off by more than `longest`."""

    def __init__(self, longest: float = math.inf) -> None:
        self._longest = longest
        self._next = 0.0

    def ready(self, now: float) -> bool:
        """Whether it may be done again."""
        return now >= self._next

    def wait(self, now: float) -> float:
        """Seconds until it may be done again."""
        return max(0.0, self._next - now)

    def note_cost(self, now: float, duration: float) -> None:
        """Note that it has just been done, and took `duration` seconds."""
        self._next = now + min(max(INTERVAL, duration / SHARE - duration), self._longest)
