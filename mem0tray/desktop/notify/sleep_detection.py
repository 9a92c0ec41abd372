"""Noticing that the computer has slept. Pure; the clocks are arguments, in seconds."""

from typing import Final

_GAP: Final = 20.0  # seconds; a busy computer is late by less


class Waking:
    """Tell it before and after each wait.

    While a computer sleeps the wall clock goes on. The monotonic clock stands
    still (Linux, macOS), or goes on too (Windows): then the wait was too long.
    """

    def __init__(self) -> None:
        self._until = 0.0
        self._ahead = 0.0

    def rests(self, now: float, wall: float, patience: float) -> None:
        """A wait of at most `patience` begins; `now` is monotonic."""
        self._until = now + patience
        self._ahead = wall - now

    def has_slept(self, now: float, wall: float) -> bool:
        """Whether the computer slept during the wait that has just ended."""
        return wall - now - self._ahead > _GAP or now - self._until > _GAP
