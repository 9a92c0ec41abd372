"""`mem0tray logs`: the worker's log, its last lines and new ones."""

import itertools
import os
import time
from pathlib import Path
from typing import BinaryIO, Final

import click

from mem0tray.cli import arguments, output
from mem0tray.cli.output import Style
from mem0tray.core.errors import NotFoundError
from mem0tray.core.text import one_line
from mem0tray.files import atomic
from mem0tray.system import regular_file

_SHOWN: Final = 20
_LONGEST: Final = 2_000
_LOOK: Final = 0.25  # seconds between two looks for new lines
# By the beginning of a line behind its time; the first that fits.
_STYLES: Final = {
    "🔔 State: healthy": Style.GOOD,
    "🔔 State: down": Style.BAD,
    "🔔 State: action needed": Style.BAD,
    **dict.fromkeys(("✅", "♻️"), Style.GOOD),
    **dict.fromkeys(("⏳", "⚠️", "🩹", "🐢", "🔕"), Style.WARNING),
    **dict.fromkeys(("📋", "❌", "🚨"), Style.BAD),
    "⏸️": Style.DIM,
}


@arguments.command(
    "logs",
    {
        "mem0tray logs": f"the last {_SHOWN} lines",
        "mem0tray logs -n 100 -f": "the last 100, and new ones",
    },
)
@click.option("-f", "--follow", is_flag=True, help="Follow new lines, until Ctrl-C.")
@click.option(
    "-n",
    "--limit",
    "number",
    type=click.IntRange(0),
    default=_SHOWN,
    show_default=True,
    metavar="N",
    help="Show this many of the last lines, old logs included.",
)
def command(number: int, *, follow: bool) -> None:
    """Show the worker's log.

    Control characters that a terminal would obey are left out. With --follow it goes on
    when the log is rotated, and waits for a log where there is none yet.
    """
    path = arguments.load().locations().log
    reader = LogReader(path)
    try:
        for line in reader.last(number):
            _show(line)
        if follow and reader.file is None:
            output.say(f"There is no log yet; waiting for {path}.", error=True)
        while follow:
            for line in reader.new():
                _show(line)
            time.sleep(_LOOK)
        if reader.file is None:
            raise NotFoundError(f"There is no log yet: {path}.", "`mem0tray run` begins one.")
    finally:
        reader.close()


class LogReader:
    """Whole lines of the log at `path`, and of old logs beside it, `.1` being the youngest.

    They are not yet harmless for a terminal. Raises FileUnavailableError.
    """

    def __init__(self, path: Path) -> None:
        self.file: BinaryIO | None = None  # None: there was no log yet
        self._path = path

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    def last(self, count: int) -> list[str]:
        """Return the last `count` lines, from old logs too; `new` gives those after them."""
        lines = self.new()
        older = (self._path.with_name(f"{self._path.name}.{each}") for each in itertools.count(1))
        while len(lines) < count and (old := _open(next(older))) is not None:
            with old:
                lines = _lines(old) + lines
        return lines[-count:] if count else []

    def new(self) -> list[str]:
        """Return the lines that came since the last look, even if the log was rotated or cut."""
        self.file = self.file or _open(self._path)
        if self.file is None:
            return []
        if os.fstat(self.file.fileno()).st_size < self.file.tell():  # somebody emptied it
            self.file.seek(0)
        following = _open(self._path)  # None while it is being rotated
        lines = _lines(self.file)
        if following is None:
            return lines
        if os.path.sameopenfile(following.fileno(), self.file.fileno()):
            following.close()
            return lines
        self.file.close()
        self.file = following
        return lines + _lines(following)


def _lines(file: BinaryIO) -> list[str]:
    """Read the lines up to one that is still being written, which is left to be read again."""
    data = file.read()
    end = data.rfind(b"\n") + 1
    file.seek(end - len(data), os.SEEK_CUR)
    return data[:end].decode("utf-8", "replace").split("\n")[:-1]


def _open(path: Path) -> BinaryIO | None:
    """Return the log, opened without waiting for anything; None where there is none."""
    try:
        return regular_file.open_binary(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(path, error) from error


def style_of(line: str) -> Style:
    """Return the style of a line of the log, without its time."""
    return next((style for begin, style in _STYLES.items() if line.startswith(begin)), Style.PLAIN)


def _show(line: str) -> None:
    at, _, rest = one_line(line, _LONGEST).partition(" ")
    output.write(f"{output.paint(at, Style.DIM)} {output.paint(rest, style_of(rest))}".rstrip())
