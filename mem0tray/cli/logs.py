"""`mem0tray logs`: the worker's log, its last lines and new ones."""

import itertools
import os
import time
from collections.abc import Generator
from contextlib import closing, suppress
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
    with closing(read(path, number)) as reading:
        for turn, lines in enumerate(reading):
            for line in lines:
                at, _, rest = one_line(line, _LONGEST).partition(" ")
                said = f"{output.paint(at, Style.DIM)} {output.paint(rest, style_of(rest))}"
                output.write(said.rstrip())
            if not follow:
                break
            if not (turn or lines or path.exists()):  # one that is being rotated was there
                output.say(f"There is no log yet; waiting for {path}.", error=True)
            time.sleep(_LOOK)
    if not (follow or path.exists()):
        raise NotFoundError(f"There is no log yet: {path}.", "`mem0tray run` begins one.")


def read(path: Path, count: int) -> Generator[list[str]]:
    """Yield the last `count` lines, old logs (`.1` the youngest) included, then each time new ones.

    No line is missed if the log is rotated or cut; none is harmless for a terminal yet. Raises
    FileUnavailableError.
    """
    file = _open(path)
    lines = _lines(file) if file is not None else []
    older = (path.with_name(f"{path.name}.{each}") for each in itertools.count(1))
    while len(lines) < count and (old := _open(next(older))) is not None:
        with old:
            lines = _lines(old) + lines
    try:
        yield lines[-count:] if count else []
        while True:
            file = file or _open(path)
            if file is None:
                yield []
                continue
            if os.fstat(file.fileno()).st_size < file.tell():  # somebody emptied it
                file.seek(0)
            following = _open(path)  # None while it is being rotated
            lines = _lines(file)
            if following is not None and not os.path.sameopenfile(
                file.fileno(), following.fileno()
            ):
                file, following = following, file
                lines += _lines(file)
            if following is not None:
                following.close()
            yield lines
    finally:
        if file is not None:
            file.close()


def _lines(file: BinaryIO) -> list[str]:
    """Read the lines up to one that is still being written, which is left to be read again."""
    data = file.read()
    end = data.rfind(b"\n") + 1
    file.seek(end - len(data), os.SEEK_CUR)
    return data[:end].decode("utf-8", "replace").split("\n")[:-1]


def _open(path: Path) -> BinaryIO | None:
    """Return the log, opened without waiting for anything; None where there is none."""
    with atomic.explained(path), suppress(FileNotFoundError):
        return regular_file.open_binary(path)
    return None


def style_of(line: str) -> Style:
    """Return the style of a line of the log, without its time."""
    return next((style for begin, style in _STYLES.items() if line.startswith(begin)), Style.PLAIN)
