"""The circuit breaker: whether anything may be sent, and the state that people see. No I/O."""

import threading
from collections.abc import Iterable
from typing import Final, Literal

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.state import (
    ACTION_NEEDED,
    BREAK,
    DISK,
    DOWN,
    HEALTHY,
    PAUSED,
    REFUSES,
    STARTING,
    WorkerState,
)

LONGEST_BREAK: Final = 3600.0  # seconds
# A proxy before a server answers so too while the server is started or moved.
_OF_THE_ADDRESS: Final = frozenset({404, 405})
# What can stand in the way on our side, by name.
Obstacle = Literal["settings", "server", "keyring", "dialect", "worker", "storage", "pause"]


class CircuitBreaker:
    """Open, nothing goes out; half open, one canary. Times are Unix seconds."""

    def __init__(self) -> None:
        self._guard = threading.RLock()
        self._healthy: bool | None = None
        self._health_reason = reasons.NONE
        self.awaits_probe = True  # nothing is sent before the first probe has answered
        self._break_until = 0.0
        self._paused_until: float | None = None
        self._canary_at: float | None = None
        self.refusal = reasons.NONE  # why the server refuses every delivery
        self._last_try = ""  # the server's answer to the last canary, if it is worth telling
        self._obstacles: dict[Obstacle, Reason] = {}
        self._faults: dict[str, Reason] = {}

    def note_probe(self, *, healthy: bool, reason: Reason) -> bool:
        """Note a probe's answer; return whether that changes anything."""
        with self._guard:
            changed = self._healthy != healthy or self.awaits_probe
            self._healthy, self._health_reason, self.awaits_probe = healthy, reason, False
            return changed

    def await_probe(self) -> None:
        """Let nothing through until a probe has answered: something looks like an outage."""
        with self._guard:
            self.awaits_probe = True

    def forget_server(self) -> None:
        with self._guard:
            self._healthy, self._health_reason, self.awaits_probe = None, reasons.NONE, True
            self._break_until = 0.0
            self.clear_misconfigured()

    def take_break(self, until: float) -> None:
        """Let nothing through until this time: the server asked for a break."""
        with self._guard:
            self._break_until = max(self._break_until, until)

    def pause(self, until: float | None) -> None:
        """Let nothing through until the pause ends (0: no pause; infinity: until resumed)."""
        with self._guard:
            self._paused_until = until or None

    def set_misconfigured(self, reason: Reason, canary_at: float) -> None:
        """Let nothing through but a canary, from `canary_at` on: the server refuses everything."""
        with self._guard:
            self.refusal, self._canary_at, self._last_try = reason, canary_at, ""

    def stay_misconfigured(self, canary_at: float, answer: str = "") -> None:
        """Let nothing through but the next canary; `answer`: what the server said to the last."""
        with self._guard:
            self._canary_at, self._last_try = canary_at, answer

    def clear_misconfigured(self) -> None:
        with self._guard:
            self.refusal, self._canary_at, self._last_try = reasons.NONE, None, ""

    def block(self, name: Obstacle, reason: Reason) -> None:
        with self._guard:
            self._obstacles[name] = reason

    def unblock(self, name: Obstacle) -> None:
        with self._guard:
            self._obstacles.pop(name, None)

    def note_fault(self, name: str, reason: Reason) -> None:
        """Note a trouble that needs the user while deliveries go on; NONE: it is over."""
        with self._guard:
            if reason:
                self._faults[name] = reason
            else:
                self._faults.pop(name, None)

    def bring_waits_forward(self, by: float) -> None:
        """Move every wait `by` seconds earlier, after the clock was set back by as much."""
        with self._guard:
            self._break_until -= by
            if self._canary_at is not None:
                self._canary_at -= by

    # What follows ----------------------------------------------------------------

    def fault_with(self, names: Iterable[str]) -> Reason:
        """Return what is wrong with the first of these parts that is in trouble, else NONE."""
        with self._guard:
            found = (self._faults[each] for each in names if each in self._faults)
            return next(found, reasons.NONE)

    def blocked_by(self, name: Obstacle) -> bool:
        return name in self._obstacles

    def lets_through(self, now: float) -> bool:
        with self._guard:
            return self._may_reach(now) and not self.refusal

    def wants_canary(self, now: float) -> bool:
        """Return whether one item may be sent to see if the server accepts again."""
        with self._guard:
            due = self._canary_at is not None and now >= self._canary_at
            return due and self._may_reach(now)

    def _may_reach(self, now: float) -> bool:
        return (
            self._healthy is True
            and not self.awaits_probe
            and not self._obstacles
            and now >= self._break_until
            and not self.is_paused(now)
        )

    def is_paused(self, now: float) -> bool:
        until = self._paused_until
        return until is not None and now < until

    def lets_through_at(self, now: float) -> float | None:
        """Return when something will be let through without further news; None: unknown."""
        with self._guard:
            times = (self._break_until, self._paused_until, self._canary_at)
            return min((at for at in times if at and now < at < now + 10**9), default=None)

    def break_left(self, now: float) -> float:
        return max(0.0, self._break_until - now)

    def state(self, now: float) -> WorkerState:
        """Return the state: first what only the user can help with, then what both sides want."""
        with self._guard:
            # The disk first: what else fails because of it comes and goes.
            disk = [self._faults[DISK]] if DISK in self._faults else []
            wrong = (*disk, *self._obstacles.values(), *self._faults.values())
            if wrong:
                return WorkerState(ACTION_NEEDED, wrong[0])
            refused = self.refusal.find(REFUSES)
            passes = refused is not None and refused.get("status") in _OF_THE_ADDRESS
            # A refusal may have been part of the outage that followed, which then tells more.
            if self.refusal and not (passes and self._healthy is False):
                return WorkerState(ACTION_NEEDED, self._refusal_so_far())
            if self.is_paused(now):
                return WorkerState(PAUSED, Reason("paused by you"))
            if self._healthy is None:
                return WorkerState(STARTING, Reason("the server has not answered yet"))
            if not self._healthy:
                return WorkerState(DOWN, self._health_reason)
            return WorkerState(PAUSED, BREAK) if self.break_left(now) else WorkerState(HEALTHY)

    def _refusal_so_far(self) -> Reason:
        if not self._last_try:
            return self.refusal
        return Reason(
            "{refusal} The last try was answered with: {answer}.",
            refusal=self.refusal, answer=reasons.bare(reasons.quoted(self._last_try)),
        )  # fmt: skip

    @property
    def outage(self) -> Reason | None:
        """Why the server cannot be reached; NONE if it can, None if no probe has told yet."""
        with self._guard:
            if self._healthy is None:
                return None
            answers = self._healthy or "dialect" in self._obstacles  # as what we do not know
            return reasons.NONE if answers else self._health_reason

    @property
    def is_healthy(self) -> bool:
        return self._healthy is True
