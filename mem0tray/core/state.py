"""The state of a worker that people see: its name, its reason, what waits; and another worker."""

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


class WorkerState(Struct, frozen=True):
    """One of the five names, and why (NONE when all is well)."""

    name: str
    reason: Reason = reasons.NONE


class WorkerStatus(Struct, frozen=True):
    """How the worker stands; `held` wait for the user; `unread`: why a file was not taken in."""

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
    what = Reason("another worker rewrites mem0_metrics.json")
    if pid is not None:
        what = Reason("another worker runs as process {number}", number=pid)
    how = Reason(
        "find it with `pgrep -af mem0` and stop it (its service too: systemd, launchd or cron)"
    )
    if elsewhere is not None:
        what = Reason("another worker runs on {host}", host=elsewhere)
        how = Reason("stop it there, or give each its own folder")
    elif stop:
        how = Reason("stop it with `{command}`", command=stop)
    elif sys.platform == "win32":
        how = Reason("find it in the Task Manager and end it (what starts it at login too)")
    return Reason("{what}: {remedy}", what=what, remedy=how)


def kill_command(pid: int) -> str:
    """Return the command that ends a process; on Windows it kills, which loses no memory."""
    return f"taskkill /F /PID {pid}" if sys.platform == "win32" else f"kill {pid}"
