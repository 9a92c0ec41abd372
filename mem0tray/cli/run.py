"""`mem0tray run`: the worker in the terminal, and what it shows there.

A thread of its own writes, so that a terminal that stands still holds up no delivery.
"""

import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

import click

from mem0tray.cli import arguments, output
from mem0tray.cli.logs import style_of
from mem0tray.cli.output import Style
from mem0tray.config import settings as config
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL
from mem0tray.core import events
from mem0tray.core.errors import LedgerError, Mem0TrayError
from mem0tray.core.state import DOWN, PERHAPS
from mem0tray.core.text import one_line, plural
from mem0tray.system import programs, threads
from mem0tray.system.threads import Bell
from mem0tray.worker.log import describe, named

if TYPE_CHECKING:
    from mem0tray.core.state import WorkerStatus
    from mem0tray.worker.thread import WorkerThread

_SOON: Final = 1.0  # seconds; what falls due within them counts as "now"
_SOON_READY: Final = 0.5  # seconds
_LOOK: Final = 0.02  # seconds between two looks whether all is done
_PUBLISHING: Final = 60.0  # seconds for writing files at the end


@arguments.command(
    "run",
    {
        "mem0tray run": "until Ctrl-C",
        "mem0tray run --until-idle": "deliver what can be delivered, then stop",
    },
)
@click.option("--once", is_flag=True, help="One cycle: what is due now, then stop.")
@click.option("--until-idle", is_flag=True, help="Stop when nothing is left to deliver now.")
def run(*, once: bool, until_idle: bool) -> None:
    """Run the worker in the terminal, until you stop it with Ctrl-C.

    Each delivery and each failure is a line; many are counted in one. With --until-idle it exits
    with 1 if something still waits, and says what.
    """
    work(once=once, until_idle=until_idle)


def work(*, once: bool = False, until_idle: bool = False, greeting: str = "") -> None:
    """Run the worker in the terminal, after `greeting` on stderr once we have the folder."""
    from mem0tray.worker.folders.settings import SettingsFile

    file = SettingsFile()  # before the reading, so that it notices a change in between
    loaded = config.load()
    output.remark(*loaded.warnings)
    from mem0tray.agents import session_socket
    from mem0tray.worker.log import EventLog
    from mem0tray.worker.thread import WorkerThread

    bus = events.Events()
    worker = WorkerThread(loaded.settings, bus, file.changed)
    if greeting:
        click.echo(greeting, err=True)
    log = EventLog(worker.paths, loaded.settings.log)
    bus.subscribe(log)
    finite = once or until_idle
    done = UntilDone(worker, 0.0 if once else _SOON)
    turn = done if finite else until_stopped(worker, bus)
    answers = nullcontext() if finite else session_socket.answering(lambda: worker.settings)
    try:
        with Bell() as bell, RunScreen(bell.set) as screen, answers:
            bus.subscribe(screen)
            drive(worker, bell, lambda: None if screen.left else turn(), finite=finite)
    finally:
        log.close()
    if worker.failure is not None:
        raise worker.failure
    if screen.left:
        raise BrokenPipeError
    problem = describe_rest(done.left) if finite else ""
    screen.close(problem)
    if problem:
        sys.exit(1)


# The worker -----------------------------------------------------------------------------


def drive(
    worker: "WorkerThread", bell: Bell, turn: Callable[[], float | None], *, finite: bool
) -> None:
    """Run the worker until a signal stops it, or `turn` returns None; it is called again and again.

    `turn` returns the seconds until its next call. Raises what has ended the worker.
    """
    with programs.signals(lambda _: worker.stop()):
        worker.start(watch=not finite, patient=not finite, over=bell.set)
        try:
            while worker.is_alive and (seconds := turn()) is not None:
                bell.wait(seconds)
        finally:
            worker.stop()
            worker.join()
    if worker.fatal is not None:
        raise worker.fatal


def until_stopped(worker: "WorkerThread", bus: events.Events) -> Callable[[], float | None]:
    """Return a turn that looks for alerts, after mending a start at login as the tray does."""
    from mem0tray.alerts import AlertWatch
    from mem0tray.desktop import autostart

    try:
        autostart.current().mend()
    except Mem0TrayError as error:
        bus.emit(events.PartFailed("start at login", str(error), 0.0))
    watch = AlertWatch(bus, lambda: worker.settings, worker.counts, worker.paths.alerts)

    def look() -> float:
        if not worker.is_ready:
            return _SOON_READY
        if time.monotonic() >= watch.due:
            watch.look()
        return max(0.0, watch.due - time.monotonic())

    return look


class UntilDone:
    """A turn that ends when nothing more can be delivered within `horizon` seconds; files show it.

    `left` is what is left then; it stays None if the worker was stopped before.
    """

    def __init__(self, worker: "WorkerThread", horizon: float) -> None:
        self.left: WorkerStatus | None = None
        self._worker, self._horizon = worker, horizon
        self._idle_since = math.inf

    def __call__(self) -> float | None:
        worker, now = self._worker, time.monotonic()
        try:
            is_idle = worker.is_idle(self._horizon)
            self._idle_since = min(self._idle_since, now) if is_idle else math.inf
            if is_idle and (worker.has_published or now - self._idle_since > _PUBLISHING):
                self.left = worker.look()
                return None
        except LedgerError:
            if not worker.is_leaving:  # else the ledger was closed while we asked
                raise
        return _LOOK


def describe_rest(left: "WorkerStatus | None") -> str:
    """Say what still waits at the end of a finite run, and why; nothing if all is done."""
    lists = "`mem0tray list` and `mem0tray list --queue` show what still waits."
    if left is None:
        return f"The run was stopped before the end. {lists}"
    if left.unread:
        return f"Not everything could be read: {left.unread}"
    if not (left.queue or left.dlq):
        return ""
    held = f" ({left.held:,} held: {PERHAPS})" if left.held else ""
    memories = plural(left.queue, "memory", "memories")
    waits = f"{memories} in the queue{held}, {plural(left.dlq, 'dead letter')}"
    why = str(left.state.reason).rstrip(".")
    if left.state.name == DOWN:
        why = f"the server is down{f' ({why})' if why else ''}"
    elif not why and left.held == left.queue + left.dlq:
        why = "`mem0tray retry` sends what is held, `mem0tray delete` drops it"
    if not why:
        return f"Still waiting for the next retry: {waits}. {lists}"
    return f"Still waiting: {waits}. {why[0].upper()}{why[1:]}. {lists}"


# The screen -----------------------------------------------------------------------------

_FEW: Final = 20  # lines at once; further events are counted
_EVERY: Final = 1.0  # seconds between two looks
_BLOCKED: Final = 3.0  # seconds that the end waits for a reader that does not read
_LONGEST: Final = 300
_QUIET_EVENTS: Final = (
    events.InBackoff,
    events.Accepted,
    events.LedgerRebuilt,
    events.WorkerStopped,  # said at the end, after the sum
)
_GOOD: Final = (events.Delivered, events.DlqRecovered)


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
        # Each event with its time (Unix seconds); None: there is no more.
        self._news: SimpleQueue[tuple[float, events.Event] | None] = SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mem0tray-screen", daemon=True)

    def __enter__(self) -> Self:
        threads.start(self._thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._news.put(None)
        self._thread.join(_BLOCKED)

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.WorkerStarted | events.ServerChanged):
            self._destination = event.destination
        if isinstance(event, _GOOD):
            there = event.elsewhere  # a server by its name in the ledger
            shown = THIS_COMPUTER if there == LOCAL_URL else urlsplit(there).netloc
            with self._lock:
                self.delivered[shown or self._destination] += 1
        if not isinstance(event, _QUIET_EVENTS):
            self._news.put((time.time(), event))

    def close(self, problem: str) -> None:
        """Write the sum, what is wrong with it, and the end. OSError when that cannot be written.

        Where nobody reads, the process ends at once: it could not even close its output.
        """
        if self._thread.is_alive():
            os._exit(1 if problem else 0)
        now = time.time()
        for there, count in self.delivered.items():
            memories = plural(count, "memory", "memories")
            _write(now, Style.GOOD, f"Delivered {memories}{f' to {there}' if there else ''}.")
        if not self.delivered:
            _write(now, Style.DIM, "Nothing was delivered.")
        if problem:
            output.remark(problem)
        _write(now, Style.DIM, "Worker stopped.")

    def _work(self) -> None:
        is_last = False
        while not (is_last or self.left):
            news = [self._news.get()]
            while not self._news.empty():
                news.append(self._news.get())
            is_last = None in news
            try:
                shown = [each for each in news if each is not None]
                for at, event in shown[:_FEW]:
                    _show(at, event)
                if more := shown[_FEW:]:
                    _show(*more[-1], f"{plural(len(more), 'more event')}; the last: ")
            except BrokenPipeError:
                self.left = True
                self._on_left()
            except OSError:
                pass  # a full disk, a terminal that is gone: no reason to stop; the log has it
            self._closing.wait(_EVERY)


def _show(at: float, event: events.Event, before: str = "") -> None:
    line = describe(event)
    style, text = style_of(line) or Style.DIM, line.partition(" ")[2]
    match event:
        case events.Delivered(project, item_id):  # not in the log
            style, text = Style.GOOD, f"Delivered: {named(project, item_id)}"
        case events.DlqRetryFailed(reason=reason):
            text += f": {one_line(reason)}"
    if text:
        _write(at, style, before + text, error=isinstance(event, events.PartFailed))


def _write(at: float, style: Style, text: str, *, error: bool = False) -> None:
    stream = sys.stderr if error else sys.stdout
    clock = datetime.fromtimestamp(at).strftime("%H:%M:%S")  # noqa: DTZ006  (local)
    text = one_line(text, _LONGEST)
    if style is not Style.DIM:  # only the sign is dimmed, as the text is to be read
        text = output.paint(text, style, stream)
    sign = output.paint(output.sign(style), style, stream)
    output.write(f"{output.paint(clock, Style.DIM, stream)} {sign} {text}", error=error)
