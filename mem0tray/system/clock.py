"""Both clocks and waiting in one object, so that a whole day can be played in seconds."""

import time
from typing import Final, Protocol


class Signal(Protocol):
    """Something to wait for: an Event, or a Condition whose lock is held."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or for so many seconds."""


class Clock:
    """The system's clocks."""

    def now(self) -> float:
        """Monotonic seconds, which measure intervals."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix seconds, which people are shown."""
        return time.time()

    def wait(self, signal: Signal, seconds: float) -> None:
        """Wait for a signal, at most so many seconds; it may also return before either."""
        signal.wait(seconds)


SYSTEM: Final = Clock()
