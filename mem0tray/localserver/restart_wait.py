"""When a server that keeps dying may be started again. Pure policy."""

from dataclasses import dataclass

SOUND_SECONDS = 60.0
LONGEST_SECONDS = 60.0


@dataclass(slots=True)
class RestartWait:
    """The wait before a server is started again: none after its first death, then 1, 2, 4, … 60 s.

    `now` is a monotonic time in seconds. A server that has lived for a minute
    counts as sound, and its death as the first.
    """

    deaths: int = 0
    _started: float = 0.0
    _not_before: float = float("-inf")

    def started(self, now: float) -> None:
        """Note that a server was started."""
        self._started = now

    def died(self, now: float) -> None:
        """Note that the server died, or never became ready."""
        if now - self._started >= SOUND_SECONDS:
            self.deaths = 0
        self.deaths += 1
        exponent = min(self.deaths - 2, 10)
        delay = min(2.0**exponent, LONGEST_SECONDS) if exponent >= 0 else 0.0
        self._not_before = now + delay

    def remaining(self, now: float) -> float:
        """Seconds until the next start is allowed; 0 once it is."""
        return max(0.0, self._not_before - now)
