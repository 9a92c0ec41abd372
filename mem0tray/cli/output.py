"""What commands print: lines, tables, one JSON document. Foreign text is made harmless here."""

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import click

from mem0tray.text import one_line

NEVER: Final = "–"
_CELL: Final = 200
_EXCERPT: Final = 60
_NARROW_INDENT: Final = 4
_UNITS: Final = ((1, "s", 60), (60, "min", 60), (3600, "h", 24))  # seconds; how many, at most
_DAY: Final = 86_400
_EARLIEST, _LATEST = 0.0, 253_402_300_799.0  # of years that a date can be made of


def say(text: str, *, error: bool = False) -> None:
    """One line of ours; whatever foreign text is in it stays one line."""
    click.echo(one_line(text, 1000), err=error)


def say_beside(begin: str, text: str) -> None:
    """One line whose beginning is ours and laid out, `text` made harmless.

    At a terminal what does not fit stands below the text, not below the beginning.
    """
    line = f"{begin}{one_line(text, 1000)}".rstrip()
    click.echo(_hanging(line, len(begin)) if sys.stdout.isatty() else line)


def _hanging(line: str, indent: int) -> str:
    """`line`, wrapped between words; paths and commands stay whole, so that they can be copied."""
    width = shutil.get_terminal_size().columns
    if indent > width // 2:
        indent = _NARROW_INDENT
    return textwrap.fill(
        line,
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def excerpt(text: str) -> str:
    """The beginning of a memory's text, in quotes, by which a person knows it again."""
    return f"“{one_line(text, _EXCERPT)}”"


def print_json(value: Any) -> None:
    """One JSON document and nothing else; escapes where the terminal has no such sign."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:  # a lone surrogate, or a terminal that knows ASCII only
        text = json.dumps(value, indent=2)
    click.echo(text)


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Collection[str] = (),
    *,
    cut: Collection[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """A table; plain columns where no terminal is. The columns named in `right` hold numbers.

    Where a terminal is too narrow, cells wrap. If `cut` names columns, each row
    stays one line instead: these are shortened, others never, and the columns
    in `spare` are left out one after the other.
    """
    cells = [[one_line(cell, _CELL) for cell in row] for row in rows]
    if sys.stdout.isatty():
        # Slow to import, and only a person at a terminal sees the difference.
        from mem0tray.cli import table

        table.show(headers, cells, right, cut, spare)
        return
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for row in (headers, *cells):
        padded = [
            cell.rjust(width) if header in right else cell.ljust(width)
            for header, cell, width in zip(headers, row, widths, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Names and values, one a line, the values below each other; empty ones are left out."""
    shown = [(name, value) for name, value in facts if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        say_beside(f"{name.ljust(width)}  ", value)


def span(seconds: float) -> str:
    """A duration in its largest unit, rounded: `3 min`."""
    for size, unit, limit in _UNITS:
        if round(seconds / size) < limit:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds / _DAY):,} d"


def ago(at: float | None, now: float | None = None) -> str:
    """`3 min ago`, `in 20 s` for what is to come, a dash for never."""
    if not at or at <= 0:
        return NEVER
    distance = (time.time() if now is None else now) - at
    if -1 < distance < 1:
        return "just now"
    return f"{span(distance)} ago" if distance > 0 else f"in {span(-distance)}"


def clock(at: float | None) -> str:
    """Local date and time to the second; a dash for never, and for what no calendar has."""
    if not at or not _EARLIEST < at < _LATEST:
        return NEVER
    try:
        return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006  (local)
    except (OverflowError, OSError, ValueError):
        return NEVER


def moment(at: float | None, now: float | None = None) -> str:
    """Both: `2025-11-30 04:38:18 (3 min ago)`."""
    shown = clock(at)
    return shown if shown == NEVER else f"{shown} ({ago(at, now)})"
