"""`mem0tray run`: the worker in the terminal."""

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from mem0tray.cli import output, run_worker
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.config import settings as config
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.state import DOWN, PERHAPS
from mem0tray.core.text import one_line, plural
from mem0tray.system.threads import Bell

if TYPE_CHECKING:
    from mem0tray.alerts.watch import AlertWatch
    from mem0tray.cli.run_screen import RunScreen
    from mem0tray.core.events import Events
    from mem0tray.core.state import Waiting
    from mem0tray.worker.thread import WorkerThread

SOON: Final = 1.0  # seconds; what falls due within them counts as "now"
_SOON_READY: Final = 0.5  # seconds


@click.command(
    "run",
    cls=Command,
    examples={
        "mem0tray run": "until Ctrl-C",
        "mem0tray run --until-idle": "deliver what can be delivered, then stop",
    },
)
@click.option("--once", is_flag=True, help="One cycle: what is due now, then stop.")
@click.option("--until-idle", is_flag=True, help="Stop when nothing is left to deliver now.")
def run(*, once: bool, until_idle: bool) -> None:
    """Run the worker in the terminal.

    Delivers the queue and retries the dead letters until you stop it with
    Ctrl-C. Each delivery and each failure is a line; many are counted in one.
    An alert is a line too, and alerts.command hears of it. With --until-idle
    it exits with 1 if something still waits, and says what.
    """
    work(once=once, until_idle=until_idle)


def work(*, once: bool = False, until_idle: bool = False, greeting: str = "") -> None:
    """Run the worker in the terminal, after `greeting` on stderr once we have the folder.

    Raises AlreadyRunningError when another worker has it, and SettingsError.
    """
    loaded = config.load()
    for warning in loaded.warnings:
        output.remark(warning)
    from mem0tray.alerts.watch import AlertWatch
    from mem0tray.cli.run_screen import RunScreen
    from mem0tray.core.events import Events
    from mem0tray.worker.folders.settings import SettingsFile
    from mem0tray.worker.reporting.log import EventLog
    from mem0tray.worker.thread import WorkerThread

    events = Events()
    worker = WorkerThread(loaded.settings, events, SettingsFile().changed)
    if greeting:
        click.echo(greeting, err=True)
    watch = AlertWatch(events, lambda: worker.settings, worker.counts, worker.paths.alerts)
    log = EventLog(worker.paths, loaded.settings.log)
    events.subscribe(log)
    finite = once or until_idle
    if not finite:
        _mend_login(events)
    left: Waiting | None = None
    try:
        with Bell() as bell, RunScreen(bell.set) as screen:
            events.subscribe(screen)
            if finite:
                horizon = 0.0 if once else SOON
                left = run_worker.until_idle(worker, bell, lambda: screen.left, horizon)
            else:
                run_worker.until_told(
                    worker, bell, lambda: screen.left, lambda: _look(worker, watch)
                )
    finally:
        log.close()
    if worker.failure is not None:
        raise worker.failure
    if screen.left:
        raise BrokenPipeError
    problem = _problem(left) if finite else ""
    try:
        _close(screen, problem)
    except OSError:
        if finite:
            raise
        # The terminal is gone, which may be why we stop.
    if problem:
        sys.exit(1)


def _mend_login(events: "Events") -> None:
    """Point a start at login that leads nowhere at this installation, as the tray does."""
    from mem0tray.core.events import PartFailed
    from mem0tray.desktop import autostart

    try:
        autostart.current().mend()
    except Mem0TrayError as error:
        events.emit(PartFailed("start at login", str(error), 0.0))


def _look(worker: "WorkerThread", watch: "AlertWatch") -> float:
    """Look for alerts when it is time; return the seconds until the next look."""
    if not worker.is_ready:
        return _SOON_READY
    if time.monotonic() >= watch.due:
        watch.look()
    return max(0.0, watch.due - time.monotonic())


def _close(screen: "RunScreen", problem: str) -> None:
    """Print the sum and what is wrong with it, and end."""
    from mem0tray.cli.run_screen import Line

    for there, count in screen.delivered.items():
        where = f" to {one_line(there)}" if there else ""
        done = f"Delivered {plural(count, 'memory', 'memories')}{where}."
        screen.ended(Line(time.time(), Style.GOOD, done))
    if not screen.delivered:
        screen.ended(Line(time.time(), Style.DIM, "Nothing was delivered."))
    if problem:
        output.remark(problem)
    screen.ended(Line(time.time(), Style.DIM, "Worker stopped."))


def _problem(left: "Waiting | None") -> str:
    """Why the work is not done; `left` is what was left at the end, None before that."""
    if left is None:
        return (
            "The run was stopped before the end."
            " `mem0tray list` and `mem0tray list --queue` show what still waits."
        )
    if left.unread:
        return f"Not everything could be read: {left.unread}"
    if not left.queue + left.dlq:
        return ""
    parts = []
    if left.queue:
        held = f" ({left.held:,} held: {PERHAPS})" if left.held else ""
        parts.append(plural(left.queue, "memory", "memories") + f" in the queue{held}")
    if left.dlq:
        parts.append(plural(left.dlq, "dead letter"))
    reason = str(left.state.reason).rstrip(".")
    if left.state.name == DOWN:
        reason = f"the server is down ({reason})" if reason else "the server is down"
    if reason:
        why = f": {reason}"
    elif left.held == left.queue + left.dlq:
        why = ": `mem0tray retry` sends what is held, `mem0tray delete` drops it"
    else:
        why = " for the next retry"
    verb = "waits" if left.queue + left.dlq == 1 else "wait"
    return f"{' and '.join(parts)} still {verb}{why}. See `mem0tray list`, `mem0tray list --queue`."
