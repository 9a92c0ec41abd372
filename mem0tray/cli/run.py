"""`mem0tray run`: the worker in the terminal."""

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from mem0tray import events
from mem0tray import settings as config
from mem0tray.bell import Bell
from mem0tray.cli import attend
from mem0tray.cli.command_help import Command
from mem0tray.text import one_line, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from mem0tray.desktop.alert_watch import AlertWatch
    from mem0tray.worker.loop import Worker
    from mem0tray.worker.state import Waiting

SOON: Final = 1.0  # what falls due within this many seconds counts as "now"
_SOON_READY: Final = 0.5  # seconds


class Terminal:
    """Tells on stdout what happens, a line for each event worth one."""

    def __init__(self) -> None:
        self.delivered = 0
        self.recovered = 0
        self.left = False  # whoever read what we write
        self.on_left: Callable[[], None] = lambda: None

    def __call__(self, event: events.Event) -> None:
        """Count deliveries; print what a person wants to see at once."""
        from mem0tray.worker.log import describe

        if isinstance(event, events.Delivered):
            self.delivered += 1
            return
        if isinstance(event, events.DlqRecovered):
            self.recovered += 1
        quiet = (events.WaitingBackoff, events.MoreWait, events.Accepted, events.LedgerRebuilt)
        line = "" if isinstance(event, quiet) else describe(event)
        if line and not self.left:
            try:
                click.echo(one_line(line, 300), err=isinstance(event, events.PartFailed))
            except BrokenPipeError:
                self.left = True
                self.on_left()
            except OSError:
                return  # a full disk, a terminal that is gone: no reason to stop; the log tells


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
    Ctrl-C; an alert is a line here, and alerts.command hears of it. With
    --until-idle it exits with 1 if something still waits, and says what.
    """
    work(once=once, until_idle=until_idle)


def work(*, once: bool = False, until_idle: bool = False, greeting: str = "") -> None:
    """The same; the `greeting` goes to stderr once no other worker has the folder.

    Raises AlreadyRunningError when one has, and SettingsError.
    """
    loaded = config.load()
    for warning in loaded.warnings:
        click.echo(f"mem0tray: {warning}", err=True)
    from mem0tray.desktop.alert_watch import AlertWatch, counts_of
    from mem0tray.events import Events
    from mem0tray.worker.changes import SettingsFile
    from mem0tray.worker.log import EventLog
    from mem0tray.worker.loop import Worker

    bus = Events()
    terminal = Terminal()
    worker = Worker(loaded.settings, bus, SettingsFile().changed)
    if greeting:
        click.echo(greeting, err=True)
    watch = AlertWatch(bus, lambda: worker.settings, lambda: counts_of(worker), worker.paths.alerts)
    log = EventLog(worker.paths, loaded.settings.log)
    bus.subscribe(log)
    bus.subscribe(terminal)
    finite = once or until_idle
    left: Waiting | None = None
    try:
        with Bell() as bell:
            terminal.on_left = bell.ring
            if finite:
                horizon = 0.0 if once else SOON
                left = attend.until_idle(worker, bell, lambda: terminal.left, horizon)
            else:
                attend.until_told(worker, bell, lambda: terminal.left, lambda: _look(worker, watch))
    finally:
        log.close()
    if worker.failure is not None:
        raise worker.failure
    if terminal.left:
        raise BrokenPipeError
    if finite:
        sys.exit(_closing(terminal, left, worker))


def _look(worker: "Worker", watch: "AlertWatch") -> float:
    """At what may be an alert, when it is time; the seconds until the next look."""
    if not worker.ready:
        return _SOON_READY
    if time.monotonic() >= watch.due:
        watch.look()
    return max(0.0, watch.due - time.monotonic())


def _closing(terminal: Terminal, left: "Waiting | None", worker: "Worker") -> int:
    """The last line, and the exit code."""
    done = plural(terminal.delivered + terminal.recovered, "memory", "memories")
    where = worker.metrics.destination
    click.echo(f"Delivered {done}" + (f" to {one_line(where)}." if where else "."))
    if left is None:
        click.echo(
            "mem0tray: stopped before the end."
            " `mem0tray list` and `mem0tray list --queue` show what still waits.",
            err=True,
        )
        return 1
    if left.unread:
        click.echo(f"mem0tray: not everything could be read: {left.unread}", err=True)
        return 1
    if not left.queue + left.dlq:
        return 0
    parts = []
    if left.queue:
        parts.append(plural(left.queue, "memory", "memories") + " in the queue")
    if left.dlq:
        parts.append(plural(left.dlq, "dead letter"))
    reason = left.state.reason.rstrip(".")
    why = f": {reason}" if reason else " for the next retry"
    verb = "waits" if left.queue + left.dlq == 1 else "wait"
    click.echo(
        f"mem0tray: {' and '.join(parts)} still {verb}{why}."
        " See `mem0tray list`, `mem0tray list --queue`.",
        err=True,
    )
    return 1
