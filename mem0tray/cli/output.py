"""Output of commands: lines, tables, a JSON document, a question, progress.

Foreign text is made harmless here.
"""

import json
import os
import re
import sys
import textwrap
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self, TextIO

import click

from mem0tray.core.text import cells as text_cells
from mem0tray.core.text import harmless_json, one_line

_EVERY: Final = 0.1  # seconds between two lines of progress
_CLEAR: Final = "\r\x1b[K"
_CELL: Final = 200
_GAP: Final = "  "  # between two columns
_NARROW_INDENT: Final = 4
_COMMAND: Final = re.compile(r"`[^`]+`")
_GLUE: Final = "\0"  # stands for a blank at which no line may end; no harmless line has one


class Style(StrEnum):
    """What a colour means; each word of a value is a key of `_CODES`."""

    PLAIN = ""
    GOOD = "green"
    WARNING = "yellow"
    BAD = "bold red"
    DIM = "dim"
    HEADING = "bold"
    NAME = "cyan"  # a project, a command, a setting


_SIGNS: Final = {Style.GOOD: "✓", Style.WARNING: "!", Style.BAD: "✗"}
_CODES: Final = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


def has_colour(stream: TextIO | None = None) -> bool:
    """Return whether `stream` (None: standard output) gets colours; the environment wins."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return can_redraw(stream)


def can_redraw(stream: TextIO | None = None) -> bool:
    """Return whether `stream` (None: standard output) is a terminal that redraws lines."""
    to = sys.stdout if stream is None else stream
    return to.isatty() and os.environ.get("TERM") not in {"dumb", "unknown"}


def sign(style: Style) -> str:
    """Return the sign, one character wide, for good, warning or bad; else a dot."""
    return _SIGNS.get(style, "·")


def paint(text: str, style: Style, stream: TextIO | None = None) -> str:
    """Style `text`, already harmless, if `stream` has colours; for `write`."""
    if not (text and style and has_colour(stream)):
        return text
    begin = "".join(f"\x1b[{_CODES[word]}m" for word in reversed(style.split()))
    return f"{begin}{text}\x1b[0m"


def write(line: str, *, end: str = "\n", error: bool = False) -> None:
    """Write a line that is already harmless, laid out and painted."""
    click.echo(f"{line}{end}", nl=False, err=error, color=True)


def say(text: str, style: Style = Style.PLAIN, *, error: bool = False) -> None:
    """Print a line of ours; foreign text in it adds no further line."""
    stream = sys.stderr if error else sys.stdout
    write(paint(one_line(text, 1000), style, stream), error=error)


def remark(*texts: str) -> None:
    """Write each as a line on standard error, in the form of an error, that reports no failure."""
    for text in texts:
        say(f"mem0tray: {text}", error=True)


def say_beside(
    begin: str, text: str, style: Style = Style.PLAIN, text_style: Style = Style.PLAIN
) -> None:
    """Print a line whose beginning is ours, in `style`; harmless text continues below itself."""
    line, at, room = f"{begin}{one_line(text, 1000)}".rstrip(), len(begin), width()
    if room is not None:  # paths and commands stay whole, so that they can be copied
        whole = textwrap.fill(
            _COMMAND.sub(lambda found: found[0].replace(" ", _GLUE), line),
            room,
            subsequent_indent=" " * (at if at <= room // 2 else _NARROW_INDENT),
            break_long_words=False,
            break_on_hyphens=False,
        )
        line = whole.replace(_GLUE, " ")
    write(paint(line[:at], style) + paint(line[at:], text_style))


def _columns() -> int:
    import shutil  # slow to import, and needed only for a terminal

    return shutil.get_terminal_size().columns


def width() -> int | None:
    """Return how many characters a line may have: any number (None) without a terminal."""
    return _columns() if sys.stdout.isatty() else None


def print_json(value: Any) -> None:
    """Print a JSON document: UTF-8 or, if the output has another encoding, ASCII with escapes."""
    text = harmless_json(json.dumps(value, indent=2, ensure_ascii=False))
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    write(text if is_utf8 else json.dumps(value, indent=2))


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    right: Collection[str] = (),
    *,
    cut: Collection[str] = (),
) -> None:
    """Print a table; columns in `right` hold numbers, a narrow terminal shortens those in `cut`."""
    lines = [headers, *([one_line(cell, _CELL) for cell in row] for row in rows)]
    table = dict(zip(headers, zip(*lines, strict=True), strict=True))
    wide = {name: max(map(text_cells, each)) for name, each in table.items()}
    room = (width() or sys.maxsize) - len(_GAP) * (len(wide) - 1)
    while cut and sum(wide.values()) > room:
        widest = max(cut, key=wide.__getitem__)
        if wide[widest] <= 1:
            break
        wide[widest] -= 1
    columns = [[_cell(each, wide[name], name in right) for each in table[name]] for name in wide]
    for at, row in enumerate(zip(*columns, strict=True)):
        write(paint(_GAP.join(row).rstrip(), Style.PLAIN if at else Style.HEADING))


def _cell(text: str, wide: int, right: bool) -> str:  # noqa: FBT001  (a column's)
    shown = text
    while text_cells(shown) + (shown != text) > wide:
        shown = shown[:-1]
    shown += "…" if shown != text else ""
    blanks = " " * (wide - text_cells(shown))
    return blanks + shown if right else shown + blanks


class Fact(NamedTuple):
    """A name and its value, in a style."""

    name: str
    value: str
    style: Style = Style.PLAIN


def print_facts(facts: Iterable[Fact | tuple[str, str]]) -> None:
    """Print names, dim, and values, one a line; empty values are left out."""
    shown = [fact for fact in (Fact(*each) for each in facts) if fact.value]
    longest = max((len(fact.name) for fact in shown), default=0)
    for name, value, style in shown:
        say_beside(f"{name.ljust(longest)}  ", value, Style.DIM, style)


# Questions and progress -----------------------------------------------------------------------


def can_ask() -> bool:
    """Return whether a person is there to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def confirm(question: str) -> None:
    """Ask a question. Raises click.Abort unless the answer is yes."""
    click.confirm(one_line(question, 1000), abort=True)


@contextmanager
def waiting(what: str = "Asking the server", *, told: bool = True) -> Iterator[None]:
    """Say on a terminal what we wait for, and remove that at the end."""
    with Progress() as progress:
        if told:
            progress.show(f"{what}…")
        yield


class Progress:
    """`with Progress("memories") as tell: tell(done, total)`: a line on a terminal, redrawn.

    Without a terminal it shows nothing.
    """

    def __init__(self, what: str = "") -> None:
        self._what = what
        self._redraws = can_redraw(sys.stderr)
        self._next = 0.0
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __call__(self, done: int, total: int) -> None:
        self.show(f"{done:,} of {total:,} {self._what}")

    @property
    def is_due(self) -> bool:
        return self._redraws and time.monotonic() >= self._next

    def show(self, text: str) -> None:
        """Show the progress, unless another line was shown a moment ago."""
        if self.is_due:
            self._next = time.monotonic() + _EVERY
            self._is_shown = True
            line = one_line(text, max(1, _columns() - 1))
            write(f"{_CLEAR}{line}", end="", error=True)

    def clear(self) -> None:
        if self._is_shown:
            self._is_shown = False
            write(_CLEAR, end="", error=True)
