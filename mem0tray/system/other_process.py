"""The process of another worker: what it is, and how to end it (Linux).

It is named only where it is known for sure, and looked at again before it gets a signal.
"""

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Collection, Iterable
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
_STARTED: Final = 19  # the field of /proc/PID/stat, counted after the name
_PATIENCE: Final = 5.0
_LOOK: Final = 0.05
_LENIENT: Final = 2.0  # seconds by which a process may seem to start after it wrote the metrics
_LONGEST: Final = 200
_FIRST_WORDS: Final = 3  # of a process: interpreter, an option, script
# Within one word: mem0_worker.py, com.mem0.worker, mem0/sync-worker.
_WORKER: Final = re.compile(r"mem0.*worker", re.IGNORECASE)
_LOG: Final = ".log"  # a process that reads or writes mem0_worker.log need be no worker


@dataclass(frozen=True, slots=True)
class OtherProcess:
    """The process of another worker; `mark`, its start, tells it from a later one of the same id.

    `stop` is the command that stops it, `unit` the service of the user's systemd that it is.
    """

    pid: int
    command: str
    mark: str
    stop: str
    unit: str = ""
    ours: bool = True  # of this user


def find(seen: WorkerSeen) -> OtherProcess | None:
    """Return the process of that worker; None if it is not known for sure."""
    pid = seen.pid
    is_linux = sys.platform.startswith("linux")
    if pid is None or pid == os.getpid() or not processes.is_here(seen) or not is_linux:
        return None
    folder = _PROC / str(pid)
    try:
        if (_PROC / "self").readlink().name != str(os.getpid()):
            return None  # it shows the processes of another container
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        is_ours = folder.stat().st_uid == os.geteuid()
    except OSError:
        return None
    mark = _mark(pid)
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    if not mark or booted + int(mark) / os.sysconf("SC_CLK_TCK") > seen.last + _LENIENT:
        return None  # it began after the metrics were written
    unit, is_users = _unit(pid)
    if APP not in {PurePath(word).name for word in words} and not is_worker(unit, words):
        return None
    command = one_line(" ".join(words).strip(), _LONGEST)
    if unit:
        stop = f"{'systemctl --user' if is_users else 'sudo systemctl'} disable --now {unit}"
        is_ours = is_users
    else:
        stop = f"kill {pid}"
    return OtherProcess(pid, command, mark, stop, unit if is_users else "", ours=is_ours)


def alike(ours: Collection[int | None]) -> list[tuple[str, str]]:
    """Find the processes that look like a worker (Linux), but `ours`; each with how to stop it."""
    found = []
    for entry in sorted(_PROC.glob("[0-9]*/cmdline")):
        with suppress(OSError, ValueError):
            pid = int(entry.parent.name)
            words = entry.read_bytes().decode("utf-8", "replace").split("\0")[:_FIRST_WORDS]
            name = next((PurePath(word).name for word in words if is_worker("", [word])), "")
            if name and pid not in ours:
                found.append((f"process {pid} ({name})", f"kill {pid}"))
    return found


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


def is_worker(name: str, words: Iterable[str]) -> bool:
    """Judge whether a service of that name with these words is a worker of memories. Pure.

    Only the last two parts of a path count, as any program may lie below a folder called mem0.
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


def _mark(pid: int) -> str:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # after the name, which may hold blanks and brackets
    return fields[_STARTED] if fields and fields[0] != "Z" else ""


def _unit(pid: int) -> tuple[str, bool]:
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
