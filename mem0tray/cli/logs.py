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
_STYLES: Final = {
    "✅": Style.GOOD,
    "♻️": Style.GOOD,
    "⏳": Style.WARNING,
    "⚠️": Style.WARNING,
    "🩹": Style.WARNING,
    "🐢": Style.WARNING,
    "🔕": Style.WARNING,
    "📋": Style.BAD,
    "❌": Style.BAD,
    "🚨": Style.BAD,
    "⏸️": Style.DIM,
}
_STATES: Final = {
    "State: healthy": Style.GOOD,
    "State: down": Style.BAD,
    "State: action needed": Style.BAD,
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
    "lines",
    type=click.IntRange(0),
    default=_SHOWN,
    show_default=True,
    metavar="N",
    help="Show this many of the last lines, old logs included.",
)
def command(lines: int, *, follow: bool) -> None:
    """Show the worker's log.

    Control characters that a terminal would obey are left out. With --follow it goes on
    when the log is rotated, and waits for a log where there is none yet.
    """
    path = context.load().locations().log
    reader = LogReader(path)
    try:
        for line in reader.last(lines):
            _show(line)
        if follow:
            if not reader.is_open:
                output.say(f"There is no log yet; waiting for {path}.", error=True)
            _follow(reader)
        if not reader.is_open:
            raise NotFoundError(f"There is no log yet: {path}.", "`mem0tray run` begins one.")
        if lines and reader.rest:
            _show(reader.rest)
    finally:
        reader.close()


def _follow(reader: LogReader) -> None:
    """Show new lines, until Ctrl-C."""
    while True:
        for line in reader.new():
            _show(line)
        time.sleep(_LOOK)


def _show(line: str) -> None:
    """Print a harmless line; a terminal shows its time dim, the rest in its marker's colour."""
    at, _, rest = one_line(line, _LONGEST).partition(" ")
    marker, _, text = rest.partition(" ")
    style = _STYLES.get(marker, Style.PLAIN)
    for begin, of_state in _STATES.items():
        if text.startswith(begin):
            style = of_state
    output.write(f"{output.paint(at, Style.DIM)} {output.paint(rest, style)}".rstrip())
