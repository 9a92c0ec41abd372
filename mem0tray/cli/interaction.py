"""Questions to a person: one answer to consent, or as many as it takes to choose."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

from mem0tray.cli import output
from mem0tray.core import times
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line


def consents(question: str, unchanged: str, remedy: str) -> bool:
    """Ask once; whatever is not yes means no. Raises Mem0TrayError if nobody can answer."""
    output.write(f"{one_line(question, 1000)} [y/N] ", end="")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer:
        output.write("")
        raise Mem0TrayError(f"Nobody is there to answer; {unchanged}", remedy)
    return answer.strip().lower() in ("y", "yes")


def chooses(question: str, *, default: bool) -> bool:
    """Ask a person at a terminal for y or n, again until they say one; Enter: the default.

    Raises click.Abort at the end of input and at Ctrl-C.
    """
    import click

    while True:
        shown = f"{question} [{'Y/n' if default else 'y/N'}]"
        answer = str(click.prompt(shown, default="", show_default=False)).strip().lower()
        if answer in ("", "y", "yes", "n", "no"):
            return answer.startswith("y") if answer else default
        output.remark("Answer y or n.")


_EVERY: Final = 0.1  # seconds between two lines
_EVERY_LINE: Final = 10.0  # the same without a terminal
_KNOWN: Final = 1.0  # seconds before we can tell how long it takes
_CLEAR: Final = "\r\x1b[K"
_MOMENT: Final = 0.5  # seconds after which a person is told what we wait for
ASKING: Final = "Asking the server"


@contextmanager
def waiting(what: str = ASKING, *, told: bool = True) -> Iterator[None]:
    """Say on a terminal what we wait for, if that takes longer than a moment."""
    shown = threading.Event()

    def show() -> None:
        sys.stderr.write(f"\r{what}…")
        sys.stderr.flush()
        shown.set()

    timer = threading.Timer(_MOMENT, show)
    is_told = told and output.can_redraw(sys.stderr)
    if is_told:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_told:
            timer.join()
        if shown.is_set():
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()


class ProgressLine:
    """`with ProgressLine() as progress: …`; without a terminal it shows nothing."""

    def __init__(self) -> None:
        self._redraws = output.can_redraw(sys.stderr)
        self._next = 0.0
        self._is_shown = False

    def __enter__(self) -> Self:
        """Begin with nothing shown."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the line."""
        self.clear()

    @property
    def is_due(self) -> bool:
        """Whether another line would be shown; this is cheap to ask."""
        return self._redraws and time.monotonic() >= self._next

    def show(self, text: str) -> None:
        """Show the progress, unless another line was shown a moment ago."""
        if self.is_due:
            self._next = time.monotonic() + _EVERY
            self._is_shown = True
            line = one_line(text, max(1, output.columns() - 1))
            output.write(f"{_CLEAR}{line}", end="", error=True)

    def clear(self) -> None:
        """Remove the line, before something else is printed."""
        if self._is_shown:
            self._is_shown = False
            output.write(_CLEAR, end="", error=True)


class EstimatedProgress(ProgressLine):
    """`with EstimatedProgress("memories") as tell: tell(done, total)`, with the time left.

    Without a terminal it adds a line every ten seconds.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._what = what
        self._clock = clock
        self._began = self._told = clock()

    def __call__(self, done: int, total: int) -> None:
        """Tell how many are done, of how many."""
        now = self._clock()
        if self._redraws:
            if self.is_due:
                self.show(self._line(done, total, now))
        elif now - self._told >= _EVERY_LINE:
            self._told = now
            output.remark(f"{self._line(done, total, now)}.")

    def _line(self, done: int, total: int, now: float) -> str:
        line, passed = f"{done:,} of {total:,} {self._what}", now - self._began
        if passed < _KNOWN or not 0 < done < total:
            return line
        return f"{line}, about {times.span(passed / done * (total - done))} left"
