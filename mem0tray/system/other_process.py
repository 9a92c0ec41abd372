"""The process of another worker: what it is, what started it, and how to end it.

A process is named only where it can be told with certainty: one of this computer and this
user, which was there before it wrote the metrics. Before it gets a signal it is
looked at again, for its id may be another process's by then.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mem0tray.core import another_worker
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.system import processes, programs

_PROC: Final = Path("/proc")
_IS_LINUX: Final = sys.platform.startswith("linux")  # a name: so mypy checks other systems too
_STARTED: Final = 19  # the field of /proc/PID/stat, counted after the name
_PARENT: Final = 1
_CRON: Final = frozenset({"cron", "crond", "anacron", "fcron", "atd"})
_FAR: Final = 4  # how many ancestors are looked at for what started it
_PATIENCE: Final = 5.0
_LOOK: Final = 0.05
_LENIENT: Final = 2.0  # seconds by which a process may seem to start after it wrote the metrics
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class OtherProcess:
    """The process of another worker. `mark` tells it from a later one with the same id.

    `origin` says what started it, as `, which cron started`; `stop` is the command that
    stops it, `unit` the service of the user's systemd that it is, if it is one.
    """

    pid: int
    command: str
    mark: str
    origin: str
    stop: str
    unit: str = ""
    ours: bool = True  # of this user


def find(pid: int | None, host: str | None, at: float) -> OtherProcess | None:
    """The process that wrote the metrics at that time (Unix seconds), as the metrics name it.

    None when that cannot be told for sure.
    """
    if pid is None or host not in (None, socket.gethostname()) or pid == os.getpid():
        return None
    if _IS_LINUX:
        return _on_linux(pid, at)
    return None if sys.platform == "win32" else _by_ps(pid)


def sentence(pid: int | None, host: str | None, at: float) -> Reason:
    """The sentence for people about the worker, with the command that stops it, if known."""
    found = find(pid, host, at)
    return another_worker.sentence(pid, host, found.stop if found is not None else "")


def end(other: OtherProcess) -> bool:
    """Ask the process to end; return whether it has. Another one with its id is left alone."""
    if other.unit:
        programs.answer("systemctl", "--user", "disable", "--now", other.unit)
    elif _mark(other.pid) == other.mark:
        with suppress(ProcessLookupError):
            os.kill(other.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if not processes.is_alive(other.pid) or _mark(other.pid) != other.mark:
            return True
        time.sleep(_LOOK)
    return False


def _mark(pid: int) -> str:
    """When the process started, as the system counts it; empty when there is none, or a zombie."""
    if _IS_LINUX:
        fields = _stat(pid)
        return fields[_STARTED] if fields and fields[0] != "Z" else ""
    state, _, started = _ps(pid, "stat", "lstart").partition(" ")
    return "" if state.startswith("Z") else started.strip()


# Linux ----------------------------------------------------------------------------------


def _on_linux(pid: int, seen: float) -> OtherProcess | None:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        owner = (_PROC / str(pid)).stat().st_uid
    except OSError:
        return None
    mark = _mark(pid)
    if not mark or _began(mark) > seen + _LENIENT:
        return None
    command = one_line(" ".join(words).strip(), _LONGEST)
    unit, is_users = _unit(pid)
    if unit:
        tool = "systemctl --user" if is_users else "sudo systemctl"
        kind = "user" if is_users else "system"
        origin = f", the {kind} unit {unit} of systemd"
        stop = f"{tool} disable --now {unit}"
        return OtherProcess(
            pid, command, mark, origin, stop, unit if is_users else "", ours=is_users
        )
    origin = ", which cron started: see `crontab -e`" if _CRON & set(_ancestors(pid)) else ""
    return OtherProcess(pid, command, mark, origin, f"kill {pid}", ours=owner == os.geteuid())


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold blanks and brackets."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _began(mark: str) -> float:
    """When a process started, Unix seconds, from the ticks since the system's start."""
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else 0.0
    return time.time() - since_boot + int(mark) / os.sysconf("SC_CLK_TCK")


def _ancestors(pid: int) -> Iterator[str]:
    for _ in range(_FAR):
        fields = _stat(pid)
        if len(fields) <= _PARENT:
            return
        pid = int(fields[_PARENT])
        with suppress(OSError):
            yield (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()


def _unit(pid: int) -> tuple[str, bool]:
    """The systemd service whose main process it is, and whether that is the user's own."""
    with suppress(OSError):
        for line in (_PROC / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines():
            *above, last = line.rpartition(":")[2].split("/")
            if not last.endswith(".service") or last.startswith("user@"):
                continue
            is_users = any(name.startswith("user@") for name in above)
            ask = ("systemctl", "--user") if is_users else ("systemctl",)
            main = programs.answer(*ask, "show", "--property=MainPID", "--value", "--", last)
            if (main or "").strip() == str(pid):
                return last, is_users
    return "", False


# Elsewhere ------------------------------------------------------------------------------


def _by_ps(pid: int) -> OtherProcess | None:
    """The process as `ps` shows it, on macOS; `older` finds what started it."""
    mark = _mark(pid)
    rest = _ps(pid, "uid", "command").split(None, 1)
    if not mark or len(rest) != 2:  # noqa: PLR2004  (user and command)
        return None
    uid, command = rest
    shown = one_line(command.strip(), _LONGEST)
    return OtherProcess(pid, shown, mark, "", f"kill {pid}", ours=uid == str(os.geteuid()))


def _ps(pid: int, *columns: str) -> str:
    """What `ps` says about a process; nothing for one that is gone.

    BSDs take what follows "=" for a heading, and cut lines to the terminal's width.
    """
    asked = [word for column in columns for word in ("-o", f"{column}=")]
    return (programs.answer("ps", "-ww", *asked, "-p", str(pid)) or "").strip()
