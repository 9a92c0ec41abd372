"""The process of another worker: what it is, what started it, and how to end it.

A process is named only where it is known for sure: it runs here (`processes.is_here`), was there
before it wrote the metrics, and its command is that of a worker. Before it gets a signal, we
look at it again, since its id may be another process's by then.
"""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from mem0tray.core import state
from mem0tray.core.reasons import Reason
from mem0tray.core.state import WorkerSeen
from mem0tray.core.text import one_line
from mem0tray.system import processes, programs
from mem0tray.system.paths import APP

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
# Within one word: mem0_worker.py, com.mem0.worker, mem0/sync-worker.
_WORKER: Final = re.compile(r"mem0.*worker", re.IGNORECASE)
_LOG: Final = ".log"  # a process that reads or writes mem0_worker.log need be no worker


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


def find(seen: WorkerSeen) -> OtherProcess | None:
    """Return the process of that worker; None if it is not known for sure."""
    pid = seen.pid
    if pid is None or pid == os.getpid() or not processes.is_here(seen):
        return None
    if _IS_LINUX:
        return _on_linux(pid, seen.last)
    return None if sys.platform == "win32" else _by_ps(pid)


def sentence(seen: WorkerSeen) -> Reason:
    """Return the sentence for people about the worker, with the command that stops it, if known."""
    if not processes.is_here(seen):
        host = (seen.host or "")[:60]
        inside = Reason("{host}, in another container", host=host)
        return state.another_worker(None, inside if seen.host == socket.gethostname() else host)
    found = find(seen)
    return state.another_worker(seen.pid, None, found.stop if found is not None else "")


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


def is_worker(name: str, words: Iterable[str]) -> bool:
    """Whether a service of that name with these words is a worker of memories. Pure.

    Only the last two parts of a path count: all sorts of programs lie below a folder called mem0.
    Our own name does not count.
    """
    name = name.replace(APP, "")
    texts = [
        "/".join(word.replace(APP, "").split("/")[-2:])
        for word in words
        if not word.startswith("-") and _LOG not in word
    ]
    return any(map(_WORKER.search, (name, *texts))) or (
        "mem0" in name.lower() and any("worker" in text.lower() for text in texts)
    )


def _works(unit: str, words: Sequence[str]) -> bool:
    """Return whether a process with these words is a worker, of whatever make."""
    return APP in {PurePath(word).name for word in words} or is_worker(unit, words)


# Linux ----------------------------------------------------------------------------------


def _on_linux(pid: int, seen: float) -> OtherProcess | None:
    try:
        if (_PROC / "self").readlink().name != str(os.getpid()):
            return None  # it shows the processes of another container
        words = (_PROC / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        owner = (_PROC / str(pid)).stat().st_uid
    except OSError:
        return None
    mark = _mark(pid)
    if not mark or _began(mark) > seen + _LENIENT:
        return None
    command = one_line(" ".join(words).strip(), _LONGEST)
    unit, is_users = _unit(pid)
    if not _works(unit, words):
        return None
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
    if not mark or len(rest) != 2 or not _works("", rest[1].split()):  # noqa: PLR2004
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
