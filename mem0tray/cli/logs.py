"""`mem0tray logs`: the worker's log, its last lines and new ones."""

import time
from typing import Final

import click

from mem0tray.cli import context, output
from mem0tray.cli.command_help import Command
from mem0tray.cli.output import Style
from mem0tray.core.errors import NotFoundError
from mem0tray.core.text import one_line
from mem0tray.files.log_reader import LogReader

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
    path = context.load().locations().log
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
