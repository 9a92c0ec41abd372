"""`mem0tray run`: the worker in the terminal, and what it shows there.

The main thread, which signals reach, starts the worker's and waits. A third writes: a line for
each event while they are few, counts when they are many, so that a terminal that stands still
holds up no delivery.
"""

import math
import select
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TextIO
from urllib.parse import urlsplit

import click

from mem0tray.cli import output
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.config import settings as config
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL
from mem0tray.core import events
from mem0tray.core.errors import LedgerError, Mem0TrayError
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PERHAPS
from mem0tray.core.text import one_line, plural
from mem0tray.system import threads
from mem0tray.system.threads import Bell
from mem0tray.worker.reporting.log import describe, named

if TYPE_CHECKING:
    from mem0tray.alerts import AlertWatch
    from mem0tray.core.state import Waiting
    from mem0tray.worker.thread import WorkerThread

SOON: Final = 1.0  # seconds; what falls due within them counts as "now"
_SOON_READY: Final = 0.5  # seconds
_LOOK: Final = 0.02  # seconds between two looks whether all is done
_PUBLISHING: Final = 60.0  # seconds for writing files at the end
_SIGNALS: Final = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")


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
    from mem0tray.alerts import AlertWatch
    from mem0tray.worker.folders.settings import SettingsFile
    from mem0tray.worker.reporting.log import EventLog
    from mem0tray.worker.thread import WorkerThread

    bus = events.Events()
    worker = WorkerThread(loaded.settings, bus, SettingsFile().changed)
    if greeting:
        click.echo(greeting, err=True)
    watch = AlertWatch(bus, lambda: worker.settings, worker.counts, worker.paths.alerts)
    log = EventLog(worker.paths, loaded.settings.log)
    bus.subscribe(log)
    finite = once or until_idle
    if not finite:
        _mend_login(bus)
    left: Waiting | None = None
    try:
        with Bell() as bell, RunScreen(bell.set) as screen:
            bus.subscribe(screen)
            if finite:
                horizon = 0.0 if once else SOON
                left = until_done(worker, bell, lambda: screen.left, horizon)
            else:
                until_stopped(worker, bell, lambda: screen.left, lambda: _look(worker, watch))
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


def _mend_login(bus: events.Events) -> None:
    """Point a start at login that leads nowhere at this installation, as the tray does."""
    from mem0tray.desktop import autostart

    try:
        autostart.current().mend()
    except Mem0TrayError as error:
        bus.emit(events.PartFailed("start at login", str(error), 0.0))


def _look(worker: "WorkerThread", watch: "AlertWatch") -> float:
    """Look for alerts when it is time; return the seconds until the next look."""
    if not worker.is_ready:
        return _SOON_READY
    if time.monotonic() >= watch.due:
        watch.look()
    return max(0.0, watch.due - time.monotonic())


def _close(screen: "RunScreen", problem: str) -> None:
    """Print the sum and what is wrong with it, and end."""
    for there, count in screen.delivered.items():
        where = f" to {one_line(there)}" if there else ""
        screen.end(Style.GOOD, f"Delivered {plural(count, 'memory', 'memories')}{where}.")
    if not screen.delivered:
        screen.end(Style.DIM, "Nothing was delivered.")
    if problem:
        output.remark(problem)
    screen.end(Style.DIM, "Worker stopped.")


def _problem(left: "Waiting | None") -> str:
    """Say why the work is not done; `left` is what was left at the end, None before that."""
    if left is None:
        return (
            "The run was stopped before the end."
            " `mem0tray list` and `mem0tray list --queue` show what still waits."
        )
    if left.unread:
        return f"Not everything could be read: {left.unread}"
    parts = []
    if left.queue:
        held = f" ({left.held:,} held: {PERHAPS})" if left.held else ""
        parts.append(plural(left.queue, "memory", "memories") + f" in the queue{held}")
    if left.dlq:
        parts.append(plural(left.dlq, "dead letter"))
    if not parts:
        return ""
    why = str(left.state.reason).rstrip(".")
    if left.state.name == DOWN:
        why = f"the server is down{f' ({why})' if why else ''}"
    elif not why and left.held == left.queue + left.dlq:
        why = "`mem0tray retry` sends what is held, `mem0tray delete` drops it"
    why = f": {why}" if why else " for the next retry"
    verb = "waits" if left.queue + left.dlq == 1 else "wait"
    return f"{' and '.join(parts)} still {verb}{why}. See `mem0tray list`, `mem0tray list --queue`."


# The worker -----------------------------------------------------------------------------


def until_stopped(
    worker: "WorkerThread", bell: Bell, left: Callable[[], bool], look: Callable[[], float]
) -> None:
    """Run the worker until a signal stops it, or `left` says that nobody wants it any more.

    `look` is called now and then; it returns the seconds until the next call.
    """
    with _running(worker, bell, finite=False):
        while worker.is_alive and not left():
            bell.wait(look())


def until_done(
    worker: "WorkerThread", bell: Bell, left: Callable[[], bool], horizon: float
) -> "Waiting | None":
    """Run the worker until nothing more can be delivered within `horizon` seconds.

    And until the files show that: a large one may take a while. Returns what is left then; None
    if it was stopped before.
    """
    with _running(worker, bell, finite=True):
        idle_since = math.inf
        while worker.is_alive and not left():
            try:
                is_idle, now = worker.is_idle(horizon), time.monotonic()
                idle_since = min(idle_since, now) if is_idle else math.inf
                if is_idle and (worker.has_published or now - idle_since > _PUBLISHING):
                    return worker.waiting()
            except LedgerError:
                if not worker.is_leaving:  # else the ledger was closed while we asked
                    raise
            bell.wait(_LOOK)
    return None


@contextmanager
def _running(worker: "WorkerThread", bell: Bell, *, finite: bool) -> Iterator[None]:
    """Run the worker on its thread; TERM, INT and HUP stop it. Raises what has ended it."""
    known = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: worker.stop()) for number in known}
    try:
        worker.start(watch=not finite, patient=not finite, over=bell.set)
        try:
            yield
        finally:
            worker.stop()
            worker.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if worker.fatal is not None:
        raise worker.fatal


# The screen -----------------------------------------------------------------------------

FEW: Final = 10  # lines of a kind between two looks; further events of that kind are counted
_EVERY: Final = 1.0  # seconds between two looks
_BLOCKED: Final = 1.0  # seconds that the end waits for a reader that does not read
_LONGEST: Final = 300
_QUIET_EVENTS: Final = (
    events.InBackoff,
    events.MoreInBackoff,
    events.Accepted,
    events.LedgerRebuilt,
    events.WorkerStopped,  # said at the end, after the sum
)
_GOOD: Final = (events.Delivered, events.DlqRecovered)
_FAILED: Final = (events.AttemptFailed, events.DlqRetryFailed, events.MovedToDlq)
# By the log's sign; other news is dim.
_STYLES: Final = {
    **dict.fromkeys("✅", Style.GOOD),
    **dict.fromkeys("❌🚨📋", Style.BAD),
    **dict.fromkeys(("⚠️", "⏳", "🩹", "🐢", "🔕"), Style.WARNING),
}
_STATES: Final = {HEALTHY: Style.GOOD, DOWN: Style.BAD, ACTION_NEEDED: Style.BAD}


class Line(NamedTuple):
    """A line: Unix seconds, the kind of news, harmless text."""

    at: float
    style: Style
    text: str
    error: bool = False


def _line(event: events.Event, at: float) -> Line | None:
    """Word an event as the log does, without its sign; None for one not worth a line."""
    sign, _, text = describe(event).partition(" ")
    style = _STYLES.get(sign, Style.DIM)
    match event:
        case events.Delivered(project, item_id):  # not in the log
            style, text = Style.GOOD, f"Delivered: {named(project, item_id)}"
        case events.DlqRetryFailed(reason=reason):
            text += f": {one_line(reason)}"
        case events.StateChanged(state=state):
            style = _STATES.get(state, Style.DIM)
    return Line(at, style, text, isinstance(event, events.PartFailed)) if text else None


def _kind(event: events.Event) -> tuple[str, str]:
    """Name the kind in words, for one and for many."""
    if isinstance(event, _GOOD):
        return "more delivery", "more deliveries"
    if isinstance(event, _FAILED):
        return "more failure", "more failures"
    return "more event", "more events"


def _lines(news: list[tuple[float, events.Event]]) -> Iterator[Line]:
    """Word the first events of each kind, then one line for each kind of which there were more."""
    counts: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], tuple[float, events.Event]] = {}
    for at, event in news:
        kind = _kind(event)
        counts[kind] += 1
        if counts[kind] > FEW:
            last[kind] = at, event
        elif (line := _line(event, at)) is not None:
            yield line
    for kind, (at, event) in last.items():
        if (line := _line(event, at)) is not None:
            more = plural(counts[kind] - FEW, *kind)
            yield line._replace(text=f"{more}; the last: {line.text}")


class RunScreen:
    """Call it with each event, from any thread, within its `with`.

    `on_left` is called when nobody reads any more. With nothing to show it sleeps.
    """

    def __init__(self, on_left: Callable[[], None]) -> None:
        self.delivered: Counter[str] = Counter()  # memories, by where they went
        self.left = False  # the reader of our output has left
        self._destination = ""
        self._on_left = on_left
        self._lock = threading.Lock()
        self._news: list[tuple[float, events.Event]] = []
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._stuck = False  # the reader does not read
        self._thread = threading.Thread(target=self._work, name="mem0tray-screen", daemon=True)

    def __enter__(self) -> Self:
        threads.start(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left. Later lines are written at once."""
        self._closing.set()
        self._changed.set()
        self._thread.join()

    def __call__(self, event: events.Event) -> None:
        """Show an event, on a line of its own or counted."""
        if isinstance(event, events.WorkerStarted | events.ServerChanged):
            self._destination = event.destination
        if isinstance(event, _QUIET_EVENTS):
            return
        with self._lock:
            if isinstance(event, _GOOD):
                there = event.elsewhere  # a server by its name in the ledger
                shown = THIS_COMPUTER if there == LOCAL_URL else urlsplit(there).netloc
                self.delivered[shown or self._destination] += 1
            self._news.append((time.time(), event))
        self._changed.set()

    def end(self, style: Style, text: str) -> None:
        """Write a line after all others. OSError when it cannot be written."""
        if not (self._stuck or self.left):
            output.write(_laid_out(Line(time.time(), style, text)))

    def _work(self) -> None:
        while not (self.left or self._stuck):
            self._changed.wait()
            self._changed.clear()
            is_closing = self._closing.is_set()  # after the other was cleared: it was set before
            with self._lock:
                news, self._news = self._news, []
            for line in _lines(news):
                self._write(line)
            if is_closing:
                return
            self._closing.wait(_EVERY)

    def _write(self, line: Line) -> None:
        """Write a line as soon as that does not have to wait for the reader."""
        stream = sys.stderr if line.error else sys.stdout
        while not (self.left or self._stuck or _takes(stream, _BLOCKED)):
            self._stuck = self._closing.is_set()
        if self.left or self._stuck:
            return
        try:
            output.write(_laid_out(line), error=line.error)
        except BrokenPipeError:
            self.left = True
            self._on_left()
        except OSError:
            return  # a full disk, a terminal that is gone: no reason to stop; the log has it


def _laid_out(line: Line) -> str:
    """Compose the time of day, a sign and the text; with colours if wanted."""
    stream = sys.stderr if line.error else sys.stdout
    clock = datetime.fromtimestamp(line.at).strftime("%H:%M:%S")  # noqa: DTZ006  (local)
    sign = output.sign(line.style, stream)
    text = one_line(line.text, _LONGEST)
    if line.style is not Style.DIM:  # only the sign is dimmed, as the text is to be read
        text = output.paint(text, line.style, stream)
    clock = output.paint(clock, Style.DIM, stream)
    return f"{clock} {output.paint(sign, line.style, stream)} {text}"


def _takes(stream: TextIO, seconds: float) -> bool:
    """Return whether a line can be written in so many seconds without waiting for the reader."""
    try:
        return bool(select.select([], [stream], [], seconds)[1])
    except (OSError, ValueError, TypeError):  # no file (a test), or Windows, which cannot tell
        return True
