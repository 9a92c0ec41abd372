"""Another worker on the same files: who it is, and the one sentence about it for people."""

import sys
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason


class WorkerSeen(Struct, frozen=True):
    """Another worker as its metrics name it, with its first and last sign (Unix seconds).

    `pid` counts in `space` (see `processes.space`), which workers of another make do not name.
    """

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


def sentence(pid: int | None, elsewhere: Reason | str | None, stop: str = "") -> Reason:
    """Say who the other worker is (`what`), and how to stop it (`remedy`), in one sentence.

    `elsewhere` names where it runs, if that is not here; `stop` is the command that stops it,
    if that is known for sure.
    """
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


def is_told(reason: Reason) -> bool:
    """Whether `sentence` made this reason: nothing is sent beside another worker."""
    if not reason:
        return False
    known = (sentence(None, ""), sentence(1, None), sentence(None, None))
    return any(reason.find(reasons.parted(each)[0].id) for each in known)


def killing(pid: int) -> str:
    """The command that ends a process; on Windows it kills at once, which loses no memory."""
    return f"taskkill /F /PID {pid}" if sys.platform == "win32" else f"kill {pid}"


def _stopped_by(what: Reason, remedy: Reason) -> Reason:
    return Reason("{what}: {remedy}", what=what, remedy=remedy)
