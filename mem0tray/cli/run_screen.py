"""What `mem0tray run` shows: a line for each event while they are few, counts when they are many.

Whoever emits an event only leaves it here. The screen's own thread writes,
so that a terminal that stands still holds up no delivery; with nothing to show
it sleeps.
"""

import select
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, NamedTuple, Self, TextIO
from urllib.parse import urlsplit

from mem0tray.cli import output, times
from mem0tray.cli.output import Style
from mem0tray.config.server_choice import THIS_COMPUTER
from mem0tray.config.settings import LOCAL_URL
from mem0tray.core import events
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.core.text import one_line, plural
from mem0tray.system import threads
from mem0tray.worker.telling.log import describe, named

FEW: Final = 10  # lines of a kind in a row; after that they are counted, until there are few again
SUMMARY: Final = 5.0  # seconds between two lines with counts
_QUIET: Final = 1.0  # seconds without a further event that end a count
_REDRAW: Final = 0.5  # seconds between two looks while something is counted
_BLOCKED: Final = 1.0  # seconds that the end waits for a reader that does not read
_LONGEST: Final = 300
_BEFORE: Final = len("12:34:56 ✓ ")
_KEPT: Final = 100  # lines that wait for such a reader
_QUIET_EVENTS: Final = (
    events.InBackoff,
    events.MoreInBackoff,
    events.Accepted,
    events.LedgerRebuilt,
    events.WorkerStopped,  # told at the end, after the summary
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
    if isinstance(event, _QUIET_EVENTS):
        return None
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


@dataclass(slots=True)
class _Kind:
    """Events of one kind: how many lines they may still have, and what was counted instead.

    `count` runs since there were few, `untold` since the last line with counts;
    `began`, `latest` and `told` are monotonic times.
    """

    left: float = FEW
    many: bool = False
    count: int = 0
    untold: int = 0
    began: float = 0.0
    latest: float = 0.0
    told: float = 0.0
    last: events.Event | None = None

    def takes_line(self, event: events.Event, now: float) -> bool:
        """Count the event; return whether it gets its own line. One more a second is granted."""
        if not self.many:
            self.left = min(FEW, self.left + now - self.latest)
            if self.left >= FEW:
                self.count, self.began = 0, now
        self.latest = now
        self.count += 1
        if not self.many and self.left >= 1:
            self.left -= 1
            return True
        if not self.many:
            self.many, self.told = True, now
        self.untold += 1
        self.last = event
        return False

    def is_over(self, now: float) -> bool:
        """Whether events have become few again."""
        pause = now - self.latest >= _QUIET
        return pause or (now - self.told >= SUMMARY and self.untold <= FEW / 2)

    def end(self) -> None:
        """Start again, with a line for each event."""
        self.left, self.many, self.untold, self.count = FEW, False, 0, 0


def _shown(server: str) -> str:
    """A server in the words for the destination, by its name in the ledger."""
    return THIS_COMPUTER if server == LOCAL_URL else urlsplit(server).netloc


class RunScreen:
    """Call it with each event, from any thread, within its `with`.

    `waiting` says how many memories wait, or None while unknown;
    `on_left` is called when nobody reads any more.
    """

    def __init__(self, waiting: Callable[[], int | None], on_left: Callable[[], None]) -> None:
        self.delivered: Counter[str] = Counter()  # memories, by where they went
        self._destination = ""
        self.left = False  # the reader of our output has left
        self._waiting = waiting
        self._on_left = on_left
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._lines: deque[Line] = deque()
        self._good, self._failed, self._others = self._kinds = (_Kind(), _Kind(), _Kind())
        self._stuck = False  # the reader does not read
        self._drawn = ""
        self._redraws = output.can_redraw()
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
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join()

    # What is told -------------------------------------------------------------------

    def __call__(self, event: events.Event) -> None:
        """Show an event, on a line of its own or counted."""
        if isinstance(event, events.WorkerStarted | events.ServerChanged):
            self._destination = event.destination
        if isinstance(event, _QUIET_EVENTS):
            return
        now = time.monotonic()
        with self._changed:
            if isinstance(event, _GOOD):
                self.delivered[_shown(event.elsewhere) or self._destination] += 1
                kind = self._good
            else:
                kind = self._failed if isinstance(event, _FAILED) else self._others
            was_many = kind.many
            if len(self._lines) < _KEPT and kind.takes_line(event, now):
                line = line_of(event, time.time())
                if line is not None:
                    self._lines.append(line)
            elif was_many:
                return  # the thread is up already
            self._changed.notify()

    def ended(self, line: Line) -> None:
        """Write a line after all others. OSError when it cannot be written."""
        if not (self._stuck or self.left):
            output.write(_laid_out(line))

    # The thread ---------------------------------------------------------------------

    def _work(self) -> None:
        while not (self.left or self._stuck):
            with self._changed:
                self._changed.wait_for(self._has_news)
                counts = self._good.many
            # Not under our lock: a thread that emits an event may hold the ledger's.
            waiting = self._waiting() if counts else None
            with self._changed:
                closing = self._closing.is_set()
                lines = [*self._lines]
                self._lines.clear()
                lines += self._counted(time.monotonic(), waiting, closing=closing)
                progress = "" if closing or not self._good.many else self._progress(waiting)
            for line in lines:
                self._write(line)
            self._draw(progress)
            if closing:
                return
            self._closing.wait(_REDRAW)

    def _has_news(self) -> bool:
        counts = any(kind.many for kind in self._kinds)
        return bool(self._lines) or counts or self._closing.is_set()

    def _counted(self, now: float, waiting: int | None, *, closing: bool) -> list[Line]:
        """The lines with counts that are due; at the end also recent ones of failures."""
        lines = []
        for kind in self._kinds:
            over = kind.is_over(now)
            if not kind.many or not (over or closing or now - kind.told >= SUMMARY):
                continue
            if kind is self._good:
                if over and not closing:
                    lines.append(self._sum())
                elif not (closing or self._redraws):
                    lines.append(Line(time.time(), Style.GOOD, self._progress(waiting)))
            elif kind.untold:
                lines.append(self._more(kind))
            kind.told, kind.untold = now, 0
            if over:
                kind.end()
        return lines

    def _sum(self) -> Line:
        """A line on how many memories were delivered since events became many."""
        memories = plural(self._good.count, "memory", "memories")
        took = times.span(max(1.0, self._good.latest - self._good.began))
        return Line(time.time(), Style.GOOD, f"Delivered {memories} in {took}")

    def _more(self, kind: _Kind) -> Line:
        """A line on how many events of a kind had no line, and on the last of them."""
        at = time.time()
        last = line_of(kind.last, at) if kind.last is not None else None
        what = plural(kind.untold, "more failure" if kind is self._failed else "more event")
        return Line(at, Style.WARNING, f"{what}; the last: {last.text}" if last else what)

    def _progress(self, waiting: int | None) -> str:
        rest = "" if waiting is None else f", {waiting:,} waiting"
        return f"{self._good.count:,} delivered{rest}"

    # Writing ------------------------------------------------------------------------

    def _draw(self, progress: str) -> None:
        """Show the progress on a terminal's last line, or remove it."""
        if not self._redraws or progress == self._drawn or self.left:
            return
        self._drawn = progress
        text = ""
        if progress:
            shown = one_line(progress, max(1, output.columns() - _BEFORE - 1))
            text = _laid_out(Line(time.time(), Style.GOOD, shown))
        self._put(f"\r\x1b[2K{text}", end="")

    def _write(self, line: Line) -> None:
        if self.left:
            return
        self._draw("")
        self._put(_laid_out(line), error=line.error)

    def _put(self, text: str, *, end: str = "\n", error: bool = False) -> None:
        """Write a text as soon as that does not have to wait for the reader."""
        stream = sys.stderr if error else sys.stdout
        while not _takes(stream, _BLOCKED):
            if self._closing.is_set():
                self._stuck = True
                return
        try:
            output.write(text, end=end, error=error)
        except BrokenPipeError:
            self.left = True
            self._on_left()
        except OSError:
            return  # a full disk, a terminal that is gone: no reason to stop; the log tells


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
