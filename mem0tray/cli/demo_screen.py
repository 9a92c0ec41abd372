"""The demo in a terminal: the story above, and one line below for how things are."""

import textwrap
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NamedTuple, Self

from rich.console import Group
from rich.constrain import Constrain
from rich.live import Live
from rich.rule import Rule
from rich.text import Text

from mem0tray.cli import output
from mem0tray.cli.output import Style
from mem0tray.core.text import plural
from mem0tray.demo import progress
from mem0tray.demo.director import StoryRecord
from mem0tray.demo.progress import Happening
from mem0tray.demo.story import MOVED, RECOVERED, StoryMemory, StorySnapshot

_WIDEST: Final = 80  # columns; longer lines are harder to read
_NARROWEST: Final = 20  # columns of a wrapped text
_ROOMY: Final = 56  # columns; with fewer the gauge has no blocks
_INDENT: Final = "     "
_PROJECT: Final = 8
_STATES: Final = {"healthy": Style.GOOD, "down": Style.BAD}


class _Marks(NamedTuple):
    """The signs that a terminal may not have."""

    kept: str = "✓"
    block: str = "■"
    dot: str = "●"
    log: str = "│"


_PLAIN: Final = _Marks("+", "#", "*", "|")


class Screen:
    """A terminal of any width, or a pipe, which gets no last line.

    Call it with each happening, within its `with`.
    """

    def __init__(self) -> None:
        self._console = output.console()
        self._marks = _Marks() if output.has_signs("".join(_Marks())) else _PLAIN
        self._is_blank = False
        self._gauge: Text | None = None
        self._live: Live | None = None
        if output.can_redraw():
            self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Begin to draw."""
        about = "The real worker in a scratch home; its server fails when it is told to."
        self._gap()
        self._text("mem0tray demo", Style.HEADING, Text("  "))
        self._text(about, Style.DIM, Text("  "))
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the last line away."""
        if self._live is not None:
            self._live.stop()

    # What is told -------------------------------------------------------------------

    def __call__(self, happening: Happening) -> None:
        """Show what has happened."""
        match happening:
            case progress.Looked(seen):
                self._looked(seen)
            case progress.ActBegan(number, act):
                self._gap()
                self._text(act.title, Style.HEADING, Text(f"  {number}  ", Style.NAME))
                self._gap()
            case progress.Said(text):
                self._text(text)
            case progress.Queued(StoryMemory(project, text)):
                name = project.ljust(_PROJECT)
                self._line(Text.assemble(("+ ", Style.NAME), (name, Style.NAME), text))
            case progress.Commanded(arguments, printed):
                self._commanded(arguments, printed)
            case progress.Logged(line):
                style = (
                    Style.WARNING
                    if MOVED in line
                    else Style.GOOD
                    if RECOVERED in line
                    else Style.DIM
                )
                self._line(Text.assemble((f"{self._marks.log} ", Style.DIM), (line, style)))
            case progress.Kept(promise):
                mark = Text(f"{_INDENT}{self._marks.kept} ", Style.GOOD)
                self._text(promise, "", mark)

    def _commanded(self, arguments: Sequence[str], printed: str) -> None:
        """The command as one types it, and what it printed."""
        self._gap()
        self._line(
            Text.assemble(("$ ", Style.NAME), (f"mem0tray {' '.join(arguments)}", Style.HEADING))
        )
        for line in printed.splitlines():
            words = line.strip()
            if "  " in words:  # columns are cut off, as wrapped they would be no columns
                self._line(Text(line, Style.DIM))
            else:
                own = line[: len(line) - len(line.lstrip())]
                self._text(words, Style.DIM, Text(_INDENT + own))
        self._gap()

    def _looked(self, seen: StorySnapshot) -> None:
        """Draw the last line anew, if anything has changed."""
        if self._live is None:
            return
        gauge = self._gauge_of(seen)
        if gauge != self._gauge:
            self._gauge = gauge
            rule = Rule(style=Style.DIM, characters="─" if self._marks != _PLAIN else "-")
            below = Constrain(Group(Text(), rule, gauge), self._width)
            self._live.update(below, refresh=True)

    def ended(self, record: StoryRecord) -> None:
        """Print the summary, after removing the last line."""
        counts = Counter(each.project for each in record.seen.stored)
        each = ", ".join(f"{project} {count}" for project, count in counts.items())
        memories = plural(len(record.queued), "memory", "memories")
        self._gap()
        total = f"{memories} queued, {len(record.seen.stored)} on the server, each once."
        self._text(total, Style.GOOD, Text("  "))
        self._text(f"{each}; in {record.seconds:.0f} seconds.", Style.DIM, Text("  "))
        self._gap()

    # How it is laid out -------------------------------------------------------------

    @property
    def _width(self) -> int:
        return min(self._console.width, _WIDEST)

    def _print(self, line: Text) -> None:
        self._console.print(line, width=self._width, no_wrap=True, overflow="ellipsis")
        self._is_blank = False

    def _gap(self) -> None:
        """Print a blank line, and never two."""
        if not self._is_blank:
            self._console.print()
        self._is_blank = True

    def _text(self, text: str, style: str = "", begin: Text | None = None) -> None:
        """Print a wrapped text that hangs beside what stands before it."""
        before = Text(_INDENT) if begin is None else begin
        for line in textwrap.wrap(text, max(self._width - before.cell_len, _NARROWEST)):
            self._print(Text.assemble(before, (line, style)))
            before = Text(" " * before.cell_len)

    def _line(self, text: Text) -> None:
        """Print a line, cut off where the terminal ends."""
        self._print(Text.assemble(_INDENT, text))

    def _gauge_of(self, seen: StorySnapshot) -> Text:
        state = seen.state or "starting"
        gauge = Text(no_wrap=True, overflow="ellipsis")
        gauge.append(f"  {self._marks.dot} {state.ljust(8)}", _STATES.get(state, Style.DIM))
        for name, count, style in (
            ("queue", seen.fresh, Style.NAME),
            ("DLQ", seen.dead, Style.WARNING),
            ("delivered", len(seen.stored), Style.GOOD),
        ):
            gauge.append(f"  {name} ", Style.DIM)
            if count and self._width >= _ROOMY:
                gauge.append(f"{self._marks.block * count} ", style)
            gauge.append(str(count), style if count else Style.DIM)
        return gauge
