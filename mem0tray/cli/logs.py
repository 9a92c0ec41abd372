"""`mem0tray logs`: the worker's log, its last lines and new ones."""

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import click

from mem0tray.cli import arguments, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.core.errors import NotFoundError
from mem0tray.core.text import one_line
from mem0tray.files import atomic
from mem0tray.system import regular_file


class LogReader:
    """Lines of the log at `path`, which another process writes and turns over.

    Old logs stand beside it as `.1` (the youngest), `.2` and so on. Lines are text without their
    end, and not yet harmless for a terminal. Raises FileUnavailableError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._half = b""

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def is_open(self) -> bool:
        """Whether there was a log to read."""
        return self._file is not None

    @property
    def rest(self) -> str:
        """The last line so far, if it has no end yet."""
        return _text(self._half)

    def last(self, count: int) -> list[str]:
        """Return the last `count` whole lines, from old logs too; `new` gives those after them."""
        self._file = _open(self._path)
        if self._file is None:
            return []
        lines = self._read()
        for number in itertools.count(1):
            if len(lines) >= count:
                break
            old = _open(self._path.with_name(f"{self._path.name}.{number}"))
            if old is None:
                break
            with old:
                lines = [*map(_text, old.read().removesuffix(b"\n").split(b"\n")), *lines]
        return lines[-count:] if count else []

    def new(self) -> Iterator[str]:
        """Yield the lines that came since the last look, even if the log was turned over or cut."""
        if self._file is None:
            self._file = _open(self._path)
            if self._file is None:
                return
        if os.fstat(self._file.fileno()).st_size < self._file.tell():  # somebody emptied it
            self._file.seek(0)
            self._half = b""
        following = _open(self._path)  # None while it is being turned over
        yield from self._read()
        if following is None:
            return
        if os.path.sameopenfile(following.fileno(), self._file.fileno()):
            following.close()
            return
        if self._half:
            yield self.rest
        self._file.close()
        self._file, self._half = following, b""
        yield from self._read()

    def _read(self) -> list[str]:
        """Return the whole lines that stand in the open file from where we stopped."""
        if self._file is None:
            return []
        *lines, self._half = (self._half + self._file.read()).split(b"\n")
        return [_text(line) for line in lines]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removesuffix("\r")


def _open(path: Path) -> BinaryIO | None:
    """Return the log, opened without waiting for anything; None where there is none."""
    try:
        return regular_file.open_binary(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(path, error) from error


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


@click.command(
    "logs",
    cls=Command,
    examples={
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
        if follow and not reader.is_open:
            output.say(f"There is no log yet; waiting for {path}.", error=True)
        while follow:
            for line in reader.new():
                _show(line)
            time.sleep(_LOOK)
        if not reader.is_open:
            raise NotFoundError(f"There is no log yet: {path}.", "`mem0tray run` begins one.")
        if number and reader.rest:
            _show(reader.rest)
    finally:
        reader.close()


def _show(line: str) -> None:
    """Print a harmless line; a terminal shows its time dim, the rest in its marker's colour."""
    at, _, rest = one_line(line, _LONGEST).partition(" ")
    style = next((_STYLES[each] for each in _STYLES if rest.startswith(each)), Style.PLAIN)
    output.write(f"{output.paint(at, Style.DIM)} {output.paint(rest, style)}".rstrip())
