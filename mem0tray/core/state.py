"""The state of a worker that people see: its name, its reason, what waits.

Plain data, and the decision which of the states follows from what is known.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason

STARTING: Final = "starting"
HEALTHY: Final = "healthy"
DOWN: Final = "down"
PAUSED: Final = "paused"
ACTION_NEEDED: Final = "action needed"
PERHAPS: Final = "perhaps delivered by another worker"
BREAK: Final = Reason("the server asked for a break")
REFUSES: Final = Reason("the server refuses deliveries: {answer}.").id
DISK: Final = "disk"  # the name of its trouble, which is told first
# A proxy before a server answers so too while the server is started or moved.
_OF_THE_ADDRESS: Final = frozenset({404, 405})


class WorkerState(Struct, frozen=True):
    """One of the five names, and why (NONE when all is well)."""

    name: str
    reason: Reason = reasons.NONE


class Standing(Struct, frozen=True):
    """What is known of the server, the user's wishes and our own parts at one moment.

    `healthy`: the answer to the last probe, None before the first one. `obstacles` keep everything
    from being sent, `troubles` (by the name of the part) do not. `refusal`: why the server refuses
    every delivery; `last_try`: what it answered to a canary since, if that was about the memory.
    `paused` by the user; `has_break`: the server wants nothing sent just now.
    """

    healthy: bool | None
    health_reason: Reason
    obstacles: tuple[Reason, ...]
    troubles: Mapping[str, Reason]
    refusal: Reason
    last_try: str
    paused: bool
    has_break: bool


class WorkerStatus(Struct, frozen=True):
    """How the worker stands; `last_delivery` in Unix seconds.

    `held`: how many in the queue another worker has perhaps delivered. `unread`: why a file could
    not be taken in.
    """

    state: WorkerState
    queue: int
    dlq: int
    last_delivery: float | None
    paused: bool
    held: int = 0
    unread: Reason = reasons.NONE


def refusal(answer: str, status: int | None) -> Reason:
    """Return the reason that the server refuses every delivery, with its answer and status."""
    told = reasons.bare(reasons.quoted(answer))
    return Reason(REFUSES, answer=told, status=status or 0)


def state_of(known: Standing) -> WorkerState:
    """Return the state: first what only the user can help with, then what user and server want."""
    # The disk first: what else fails because of it comes and goes.
    first = [known.troubles[DISK]] if DISK in known.troubles else []
    wrong = (*first, *known.obstacles, *known.troubles.values())
    if wrong:
        return WorkerState(ACTION_NEEDED, wrong[0])
    if known.refusal and not _outage_tells_more(known):
        return WorkerState(ACTION_NEEDED, _refusal_so_far(known))
    if known.paused:
        return WorkerState(PAUSED, Reason("paused by you"))
    if known.healthy is None:
        return WorkerState(STARTING, Reason("the server has not answered yet"))
    if not known.healthy:
        return WorkerState(DOWN, known.health_reason)
    return WorkerState(PAUSED, BREAK) if known.has_break else WorkerState(HEALTHY)


def _outage_tells_more(known: Standing) -> bool:
    """Return whether the server went down after a refusal that may have been part of the outage."""
    refused = known.refusal.find(REFUSES)
    passes = refused is not None and refused.get("status") in _OF_THE_ADDRESS
    return passes and known.healthy is False


def _refusal_so_far(known: Standing) -> Reason:
    if not known.last_try:
        return known.refusal
    return Reason(
        "{refusal} The last try was answered with: {answer}.",
        refusal=known.refusal, answer=reasons.bare(reasons.quoted(known.last_try)),
    )  # fmt: skip


class WorkerSeen(Struct, frozen=True):
    """Another worker as its metrics name it, with its first and last sign (Unix seconds)."""

    pid: int | None
    host: str | None
    first: float
    last: float
    space: str | None = None

    @classmethod
    def of(cls, metrics: Mapping[str, Any], at: float) -> "WorkerSeen":
        """Read who wrote these metrics at that time."""
        found: dict[str, Any] = {
            name: value if isinstance(value := metrics.get(name), kind) else None
            for name, kind in (("pid", int), ("host", str), ("space", str))
        }
        return cls(**found, first=at, last=at)


def another_worker(pid: int | None, elsewhere: Reason | str | None, stop: str = "") -> Reason:
    """Name the other worker, and how to stop it: `elsewhere` on that host, else by `stop`."""
    if elsewhere is not None:
        return _stopped_by(
            Reason("another worker runs on {host}", host=elsewhere),
            Reason("stop it there, or give each its own folder"),
        )
    return _stopped_by(
        Reason("another worker rewrites mem0_metrics.json")
        if pid is None
        else Reason("another worker runs as process {number}", number=pid),
        Reason("stop it with `{command}`", command=stop)
        if stop
        else Reason("find it in the Task Manager and end it (what starts it at login too)")
        if sys.platform == "win32"
        else Reason(
            "find it with `pgrep -af mem0` and stop it (its service too: systemd, launchd or cron)"
        ),
    )


def kill_command(pid: int) -> str:
    """Return the command that ends a process; on Windows it kills, which loses no memory."""
    return f"taskkill /F /PID {pid}" if sys.platform == "win32" else f"kill {pid}"


def _stopped_by(what: Reason, remedy: Reason) -> Reason:
    return Reason("{what}: {remedy}", what=what, remedy=remedy)
