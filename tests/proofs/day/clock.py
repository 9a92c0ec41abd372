"""A clock that stands still while anybody works, and then goes on to whatever is next."""

import threading
from dataclasses import dataclass

from mem0tray.system.threads import Clock, Signal

LIMIT = 20.0  # real seconds in which a thread must have done its work


@dataclass(frozen=True, slots=True)
class _Wait:
    """A thread waits for a signal, until then at most."""

    signal: Signal
    until: float


class SteppedClock(Clock):
    """Time passes in `advance` alone. `waiters` threads wait by it, each for its own signal."""

    def __init__(self, wall: float, waiters: int) -> None:
        self._now = 1_000.0
        self._wall = wall - self._now
        self._waiters = waiters
        self._changed = threading.Condition()
        self._waits: dict[int, _Wait] = {}
        self._begun: dict[int, int] = {}  # how often a signal was waited for

    def now(self) -> float:
        """As it was set last."""
        return self._now

    def wall(self) -> float:
        """The same, in Unix seconds."""
        return self._now + self._wall

    def wait(self, signal: Signal, seconds: float) -> None:
        """Until the signal is given, or time has been moved so far."""
        key = id(signal)
        with self._changed:
            self._waits[key] = _Wait(signal, self._now + seconds)
            self._begun[key] = self._begun.get(key, 0) + 1
            self._changed.notify_all()
        signal.wait()
        with self._changed:
            del self._waits[key]

    # For the thread that moves it ---------------------------------------------------------

    def rest(self, *, after: dict[int, int] | None = None) -> None:
        """Wait until everybody waits again: those of `after` (see `marks`) anew."""
        with self._changed:
            rests = self._changed.wait_for(lambda: self._rests(after or {}), LIMIT)
        assert rests, f"not at rest: {self._waits}"

    def _rests(self, after: dict[int, int]) -> bool:
        return len(self._waits) == self._waiters and all(
            self._begun[key] > after.get(key, 0) and not _is_given(wait.signal)
            for key, wait in self._waits.items()
        )

    def marks(self) -> dict[int, int]:
        """How often each condition was waited for: one more wait, and its thread has looked."""
        with self._changed:
            return {
                key: self._begun[key]
                for key, wait in self._waits.items()
                if isinstance(wait.signal, threading.Condition)
            }

    def advance(self, seconds: float) -> None:
        """Let time pass, and everybody do what is due at its own moment."""
        end = self._now + seconds
        while (due := min(self._waits.values(), key=lambda wait: wait.until)).until <= end:
            self._now = max(self._now, due.until)
            marks = {key: number for key, number in self.marks().items() if key == id(due.signal)}
            _give(due.signal)
            self.rest(after=marks)
        self._now = end


def _is_given(signal: Signal) -> bool:
    return isinstance(signal, threading.Event) and signal.is_set()


def _give(signal: Signal) -> None:
    if isinstance(signal, threading.Event):
        signal.set()
    elif isinstance(signal, threading.Condition):
        with signal:
            signal.notify_all()
    else:
        raise TypeError(signal)
