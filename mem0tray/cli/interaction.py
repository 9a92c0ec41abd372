"""Questions to a person at a terminal, and the progress of a long command."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Self

from mem0tray.cli import output
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line

ASKING: Final = "Asking the server"
_EVERY: Final = 0.1  # seconds between two lines of progress
_KNOWN: Final = 1.0  # seconds before we can tell how long it takes
_CLEAR: Final = "\r\x1b[K"


def consents(question: str, unchanged: str, remedy: str) -> bool:
    """Ask once; whatever is not yes means no. Raises Mem0TrayError if nobody can answer."""
    output.write(f"{one_line(question, 1000)} [y/N] ", end="")
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer:
        output.write("")
        raise Mem0TrayError(f"Nobody is there to answer; {unchanged}", remedy)
    return answer.strip().lower() in ("y", "yes")


@contextmanager
def waiting(what: str = ASKING, *, told: bool = True) -> Iterator[None]:
    """Say on a terminal what we wait for, and remove that at the end."""
    if not (told and output.can_redraw(sys.stderr)):
        yield
        return
    output.write(f"\r{what}…", end="", error=True)
    try:
        yield
    finally:
        output.write(_CLEAR, end="", error=True)


class Progress:
    """`with Progress("memories") as tell: tell(done, total)`: a line on a terminal, redrawn.

    Without a terminal it shows nothing.
    """

    def __init__(self, what: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._clock = clock
        self._began = clock()
        self._redraws = output.can_redraw(sys.stderr)
        self._next = 0.0
        self._is_shown = False

    def __enter__(self) -> Self:
        """Begin with nothing shown."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the line."""
        self.clear()

    def __call__(self, done: int, total: int) -> None:
        """Show how many are done, of how many, and the time left."""
        line, passed = f"{done:,} of {total:,} {self._what}", self._clock() - self._began
        if passed >= _KNOWN and 0 < done < total:
            line += f", about {text.span(passed / done * (total - done))} left"
        self.show(line)

    @property
    def is_due(self) -> bool:
        """Whether another line would be shown; this is cheap to ask."""
        return self._redraws and self._clock() >= self._next

    def show(self, text: str) -> None:
        """Show the progress, unless another line was shown a moment ago."""
        if self.is_due:
            self._next = self._clock() + _EVERY
            self._is_shown = True
            line = one_line(text, max(1, output.columns() - 1))
            output.write(f"{_CLEAR}{line}", end="", error=True)

    def clear(self) -> None:
        """Remove the line, before something else is printed."""
        if self._is_shown:
            self._is_shown = False
            output.write(_CLEAR, end="", error=True)
