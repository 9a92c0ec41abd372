"""What `doctor` looks at around us: our worker, the start at login, file watching, the clock."""

import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.actions.standing import Snapshot
from mem0tray.cli import autostart as login
from mem0tray.cli.doctor.check import OK, WARN, Check
from mem0tray.config.settings import Loaded
from mem0tray.core import times
from mem0tray.desktop import autostart as autostarts
from mem0tray.desktop import session
from mem0tray.desktop.autostart import ENABLED, STALE, linux
from mem0tray.files.lock import COMMAND, holder, is_locked

_PROC: Final = Path("/proc")
_FEW: Final = {"max_user_instances": 16, "max_user_watches": 256}
_EARLIEST: Final = 1_735_689_600.0  # the first of January 2025: older than this program
_AHEAD: Final = 3600.0
_SET_CLOCK: Final = {
    "win32": "Set the clock: `w32tm /resync`.",
    "darwin": "Set the clock: `sudo sntp -sS time.apple.com`.",
}.get(sys.platform, "Set the clock: `sudo timedatectl set-ntp true`.")


def worker(seen: Snapshot) -> Iterable[Check]:
    """Whether our worker runs."""
    running = seen.worker
    lock = seen.paths.instance_lock
    if running is None and is_locked(lock) and (command := holder(lock)).run == COMMAND:
        yield Check(
            "worker",
            WARN,
            f"It is not running; a command, process {command.pid or '?'}, is at work in its place.",
            "Wait for that command, or end it if it hangs; then start the worker with"
            " `mem0tray run`.",
        )
    elif running is None:
        yield Check("worker", WARN, "It is not running.", "Start it with `mem0tray run`.")
    else:
        since = times.moment(running.since)
        yield Check(
            "worker", OK, f"It has been running since {since}, process {running.pid or '?'}."
        )


def autostart(loaded: Loaded) -> Iterable[Check]:
    """What the system does at login; doing nothing is no fault."""
    del loaded
    system = autostarts.current()
    state = system.state()
    advice = system.advice() if state.name in {ENABLED, STALE} else []
    level = WARN if state.name == STALE or advice else OK
    yield Check("autostart", level, login.sentence(state, system), " ".join(advice))


def desktop_entry(loaded: Loaded) -> Iterable[Check]:
    """The entry of the applications menu, and the icons beside it (Linux)."""
    del loaded
    entry = linux.application_entry()
    if entry is None:
        return
    said = {
        linux.PLACED: "is in its place.",
        linux.THEIRS: "is not made by this mem0tray, and stays as it is.",
        linux.MISSING: f"is not there yet; {_next_start()} mends that.",
        STALE: f"starts no mem0tray, or another; {_next_start()} mends that.",
    }
    yield Check("desktop entry", OK, f"{entry.path} {said[entry.state()]}")


def _next_start() -> str:
    """What will put the entry there; without a desktop in sight, no tray's start is promised."""
    if session.names_display(os.environ):
        return "the next start of the tray"
    return "a tray on a desktop"


def watching(loaded: Loaded) -> Iterable[Check]:
    """Whether the system lets us watch files (Linux); else changes are seen seconds later."""
    del loaded
    folder = _PROC / "sys" / "fs" / "inotify"
    if not folder.is_dir():
        return
    for name, few in _FEW.items():
        with suppress(OSError, ValueError):
            limit = int((folder / name).read_text())
            if limit < few:
                yield Check(
                    "file watching",
                    WARN,
                    f"fs.inotify.{name} is {limit}: changes may be seen seconds later.",
                    f"Raise it: `sudo sysctl fs.inotify.{name}={few * 8}`.",
                )
                return
    yield Check("file watching", OK, "The system's limits are high enough.")


def clock(seen: Snapshot) -> Iterable[Check]:
    """Whether the clock can be right, as retries depend on it."""
    now = time.time()
    last = seen.inside.ledger.last_delivery or 0.0
    if now < _EARLIEST or last > now + _AHEAD:
        why = "the last delivery lies in the future" if now >= _EARLIEST else "that is long ago"
        yield Check("clock", WARN, f"It says {times.clock(now)}: {why}.", _SET_CLOCK)
    else:
        yield Check("clock", OK, f"It says {times.clock(now)}.")
