"""What `doctor` looks at around us: our worker, workers of others, file watching, the clock."""

import os
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray import processes
from mem0tray.actions import overview
from mem0tray.cli import autostart as login
from mem0tray.cli import output
from mem0tray.cli.check import OK, WARN, Check
from mem0tray.desktop import older
from mem0tray.desktop.autostart import ENABLED, STALE
from mem0tray.ledger.reader import Reader
from mem0tray.settings import Loaded

_RECENT: Final = 90.0  # seconds; a worker writes its metrics at least every thirty
_PROC: Final = Path("/proc")
_FEW: Final = {"max_user_instances": 16, "max_user_watches": 256}
_EARLIEST: Final = 1_735_689_600.0  # the first of January 2025: older than this program
_AHEAD: Final = 3600.0


def worker(loaded: Loaded) -> Iterable[Check]:
    """Whether our worker runs."""
    running = overview.running(loaded.settings.locations())
    if running is None:
        yield Check("worker", WARN, "It is not running.", "Start it with `mem0tray run`.")
    else:
        since = output.moment(running.since)
        yield Check("worker", OK, f"It has been running since {since}, process {running.pid}.")


def autostart(loaded: Loaded) -> Iterable[Check]:
    """What the system does at login; that it does nothing is no fault."""
    del loaded
    system = login.this_system()
    state = system.state()
    advice = system.advice() if state.name in {ENABLED, STALE} else []
    level = WARN if state.name == STALE or advice else OK
    yield Check("autostart", level, login.sentence(state, system), " ".join(advice))


def other_workers(loaded: Loaded) -> Iterable[Check]:
    """Workers of another make, or on another computer, beside ours: both would send."""
    paths = loaded.settings.locations()
    running = overview.running(paths)
    ours = running.pid if running is not None else None
    metrics = overview.read_metrics(paths)
    found = False
    if _is_foreign(metrics, ours, time.time()):
        found = True
        yield Check(
            "another worker",
            WARN,
            f"{overview.writer(metrics.values).capitalize()} wrote {paths.metrics}"
            f" {output.ago(metrics.written)}; two workers deliver memories twice.",
            "Stop that one, its service too (systemd, launchd or cron).",
        )
    for what, stop in older.find({os.getpid()} if ours is None else {os.getpid(), ours}):
        found = True
        yield Check(
            "another worker",
            WARN,
            f"{what[0].upper()}{what[1:]} looks like another worker of memories.",
            f"If it is one, stop it: `{stop}`.",
        )
    if not found:
        yield Check("another worker", OK, "None was seen.")


def _is_foreign(metrics: overview.Metrics, ours: int | None, now: float) -> bool:
    """Whether somebody else wrote the metrics lately, who is still there as far as we can tell."""
    values = metrics.values
    if now - metrics.written > _RECENT or overview.is_of(values, ours):
        return False
    pid = values.get("pid")
    if values.get("host") in (None, socket.gethostname()) and isinstance(pid, int):
        return processes.is_alive(pid)
    return "vps_status" in values or "pid" in values


def watching(loaded: Loaded) -> Iterable[Check]:
    """Whether the system lets us watch files (Linux); without, changes are seen seconds later."""
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


def clock(loaded: Loaded) -> Iterable[Check]:
    """Whether the clock can be right: retries are planned by it."""
    now = time.time()
    with Reader(loaded.settings.locations().ledger) as reader:
        last = reader.last_delivery() or 0.0
    if now < _EARLIEST or last > now + _AHEAD:
        why = "the last delivery lies in the future" if now >= _EARLIEST else "that is long ago"
        yield Check("clock", WARN, f"It says {output.clock(now)}: {why}.", "Set the clock.")
    else:
        yield Check("clock", OK, f"It says {output.clock(now)}.")
