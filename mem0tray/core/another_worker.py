"""What people are told of another worker on the same files: one sentence, everywhere."""

import sys

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason


def sentence(pid: int | None, host: str | None, stop: str = "") -> Reason:
    """Say who the other worker is (`what`), and how to stop it (`remedy`), in one sentence.

    `stop` is the command to give, where ending the process is known not to be enough.
    """
    if host is not None and host != _here():
        return _stopped_by(
            Reason("another worker runs on {host}", host=host[:60]),
            Reason("stop it there, or give each its own folder"),
        )
    if pid is not None:
        return _stopped_by(
            Reason("another worker runs as process {number}", number=pid),
            Reason("stop it with `{command}`", command=stop or killing(pid)),
        )
    return _stopped_by(
        Reason("another worker rewrites mem0_metrics.json"),
        Reason("find it in the Task Manager and end it (what starts it at login too)")
        if sys.platform == "win32"
        else Reason(
            "find it with `pgrep -af mem0` and stop it (its service too: systemd, launchd or cron)"
        ),
    )


def is_told(reason: Reason) -> bool:
    """Whether `sentence` made this reason: nothing is sent beside another worker."""
    if not reason:
        return False
    elsewhere = f"not {_here()}"
    known = (sentence(None, elsewhere), sentence(1, None), sentence(None, None))
    return any(reason.find(reasons.parted(each)[0].id) for each in known)


def killing(pid: int) -> str:
    """The command that ends a process; on Windows it kills at once, which loses no memory."""
    return f"taskkill /F /PID {pid}" if sys.platform == "win32" else f"kill {pid}"


def _here() -> str:
    import socket  # it takes long to load, and most commands do without

    return socket.gethostname()


def _stopped_by(what: Reason, remedy: Reason) -> Reason:
    return Reason("{what}: {remedy}", what=what, remedy=remedy)
