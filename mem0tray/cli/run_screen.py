"""What `mem0tray run` shows: a line for each event while they are few, counts when they are many.

Whoever emits an event only leaves it here. The screen's own thread writes,
so that a terminal that stands still holds up no delivery; with nothing to show
it sleeps.
"""

import select
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Final, NamedTuple, Self, TextIO
from urllib.parse import urlsplit

from mem0tray.cli import output
from mem0tray.cli.output import Style
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL
from mem0tray.core import events, times
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.core.text import one_line, plural
from mem0tray.system import threads
from mem0tray.worker.reporting.log import describe, named

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
_STATES: Final = {HEALTHY: Style.GOOD, DOWN: Style.BAD, ACTION_NEEDED: Style.BAD}


class Line(NamedTuple):
    """A line: Unix seconds, the kind of news, harmless text."""

    at: float
    style: Style
    text: str
    error: bool = False


def line_of(event: events.Event, at: float) -> Line | None:
    """The line for an event; None for an event not worth a line."""
    match event:
        case events.Delivered(project, item_id):
            return Line(at, Style.GOOD, f"Delivered: {named(project, item_id)}")
        case events.DlqRecovered(project, item_id, retries):
            failed = plural(retries, "failed retry", "failed retries")
            how = f"after {failed}" if retries else "at the first retry"
            return Line(at, Style.GOOD, f"DLQ recovered: {named(project, item_id)} {how}")
        case events.MovedToDlq(project, item_id, retries):
            after = plural(retries, "failed attempt")
            return Line(at, Style.BAD, f"Moved to DLQ: {named(project, item_id)} after {after}")
        case events.DlqRetryFailed(project, item_id, retries, delay, reason):
            name, next_one = named(project, item_id), f"next in {times.span(delay)}"
            text = f"DLQ retry {retries} failed: {name}: {one_line(reason)} ({next_one})"
            return Line(at, Style.WARNING, text)
    _, _, text = describe(event).partition(" ")  # without the log's own sign
    return Line(at, _style(event), text, isinstance(event, events.PartFailed)) if text else None


def _style(event: events.Event) -> Style:
    match event:
        case events.StateChanged(state, _):
            return _STATES.get(state, Style.DIM)
        case events.PartFailed() | events.AlertBegan() | events.AlertCommandFailed():
            return Style.BAD
        case (
            events.AttemptFailed()
            | events.NotTaken()
            | events.FileBroken()
            | events.Quarantined()
            | events.SlowedDown()
            | events.NotificationFailed()
        ):
            return Style.WARNING
        case _:
            return Style.DIM


class _News:
    """Events since the last look: the first of each kind, and how many there were."""

    def __init__(self) -> None:
        self._first: list[tuple[float, events.Event]] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._last: dict[tuple[str, str], events.Event] = {}

    def add(self, event: events.Event) -> None:
        """Keep the event, or count it if many of its kind are there."""
        kind = _kind(event)
        if self._counts[kind] < FEW:
            self._first.append((time.time(), event))
        self._counts[kind] += 1
        self._last[kind] = event

    def lines(self) -> list[Line]:
        """A line for each event that was kept, then one for each kind of which there were more."""
        found = [line_of(event, at) for at, event in self._first]
        for kind, count in self._counts.items():
            last = line_of(self._last[kind], time.time()) if count > FEW else None
            if last is not None:
                more = f"{plural(count - FEW, *kind)}; the last: {last.text}"
                found.append(last._replace(text=more))
        return [line for line in found if line is not None]


def _kind(event: events.Event) -> tuple[str, str]:
    """The kind in words, for one and for many."""
    if isinstance(event, _GOOD):
        return "more delivery", "more deliveries"
    if isinstance(event, _FAILED):
        return "more failure", "more failures"
    return "more event", "more events"


def _shown(server: str) -> str:
    """A server in the words for the destination, by its name in the ledger."""
    return THIS_COMPUTER if server == LOCAL_URL else urlsplit(server).netloc


class RunScreen:
    """Call it with each event, from any thread, within its `with`.

    `on_left` is called when nobody reads any more.
    """

    def __init__(self, on_left: Callable[[], None]) -> None:
        self.delivered: Counter[str] = Counter()  # memories, by where they went
        self.left = False  # the reader of our output has left
        self._destination = ""
        self._on_left = on_left
        self._lock = threading.Lock()
        self._news = _News()
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._stuck = False  # the reader does not read
        self._thread = threading.Thread(target=self._work, name="mem0tray-screen", daemon=True)

    def __enter__(self) -> Self:
        threads.start(self._thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
                self.delivered[_shown(event.elsewhere) or self._destination] += 1
            self._news.add(event)
        self._changed.set()

    def ended(self, line: Line) -> None:
        """Write a line after all others. OSError when it cannot be written."""
        if not (self._stuck or self.left):
            output.write(_laid_out(line))

    def _work(self) -> None:
        while not (self.left or self._stuck):
            self._changed.wait()
            self._changed.clear()
            is_closing = self._closing.is_set()  # after the other was cleared: it was set before
            with self._lock:
                news, self._news = self._news, _News()
            for line in news.lines():
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
    """The time of day, a sign, the text; with colours if wanted."""
    stream = sys.stderr if line.error else sys.stdout
    clock = datetime.fromtimestamp(line.at).strftime("%H:%M:%S")  # noqa: DTZ006  (local)
    sign = output.sign(line.style, stream)
    text = one_line(line.text, _LONGEST)
    if line.style is not Style.DIM:  # only the sign is coloured, as the text is to be read
        text = output.paint(text, line.style, stream)
    clock = output.paint(clock, Style.DIM, stream)
    return f"{clock} {output.paint(sign, line.style, stream)} {text}"


def _takes(stream: TextIO, seconds: float) -> bool:
    """Whether a line can be written within so many seconds without waiting for the reader."""
    try:
        return bool(select.select([], [stream], [], seconds)[1])
    except (
        OSError,
        ValueError,
        TypeError,
    ):  # no file (a test), or Windows, which cannot tell
        return True
