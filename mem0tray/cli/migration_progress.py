"""How far a migration is: a line that is written anew on a terminal, else one now and then."""

import sys
import time
from collections.abc import Callable
from typing import Final

from mem0tray.cli import output
from mem0tray.cli.progress import ProgressLine

_LINES: Final = 10.0  # seconds between two lines where no terminal is
_KNOWN: Final = 1.0  # seconds before anybody can tell how long it takes


class MigrationProgress:
    """Told what was read, and of how much, as often as one likes; times are monotonic seconds."""

    def __init__(self, line: ProgressLine, clock: Callable[[], float] = time.monotonic) -> None:
        self._line = line
        self._clock = clock
        self._began = self._said = clock()
        self._redraws = output.can_redraw(sys.stderr)

    def __call__(self, read: int, total: int) -> None:
        """So many memories were read, of so many."""
        now = self._clock()
        if self._redraws and self._line.is_due:
            self._line.show(self._text(read, total, now))
        elif not self._redraws and now - self._said >= _LINES:
            self._said = now
            output.remark(f"{self._text(read, total, now)}.")

    def _text(self, read: int, total: int, now: float) -> str:
        text = f"{read:,} of {total:,} memories read"
        passed = now - self._began
        if passed < _KNOWN or not 0 < read < total:
            return text
        return f"{text}, about {output.span(passed / read * (total - read))} left"
