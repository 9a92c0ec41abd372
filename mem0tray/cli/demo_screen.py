"""How a terminal shows the demo: the story above, and one line below for how things are."""

from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NamedTuple, Self

from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from mem0tray.demo.director import Record
from mem0tray.demo.story import MOVED, RECOVERED, Act, Memory, Seen
from mem0tray.text import plural

_WIDEST: Final = 80  # beyond, lines would only be harder to read
_ROOMY: Final = 56  # below, the gauge goes without its blocks
_INDENT: Final = 5
_PROJECT: Final = 8
_STATES: Final = {"healthy": "green", "down": "red"}


class _Marks(NamedTuple):
    """The signs that a terminal may not have."""

    kept: str = "✓"
    block: str = "■"
    dot: str = "●"
    log: str = "│"


_PLAIN: Final = _Marks("+", "#", "*", "|")


class _Console(Console):
    """Ends at a reader that has left as every command does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Silence:
    """Shows nothing: the document at the end says it all."""

    def act(self, number: int, act: Act) -> None:
        """Nothing."""

    def said(self, text: str) -> None:
        """Nothing."""

    def queued(self, memory: Memory) -> None:
        """Nothing."""

    def commanded(self, arguments: Sequence[str], printed: str) -> None:
        """Nothing."""

    def logged(self, line: str) -> None:
        """Nothing."""

    def kept(self, promise: str) -> None:
        """Nothing."""

    def seen(self, seen: Seen) -> None:
        """Nothing."""

    def ended(self, record: Record) -> None:
        """Nothing."""


class Screen:
    """A terminal of any width, or a pipe, which gets the same without the last line."""

    def __init__(self) -> None:
        self._console = _Console(highlight=False, emoji=False, markup=False)
        encoding = self._console.encoding or "ascii"
        self._marks = _Marks() if _knows(encoding, "".join(_Marks())) else _PLAIN
        self._is_blank = False
        self._gauge: Text | None = None
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Begin."""
        title = Text.assemble(("mem0tray demo", "bold"))
        about = "The real worker in a scratch home; its server fails when it is told to."
        self._gap()
        self._print(_indented(title, 2))
        self._print(_indented(Text(about, "dim"), 2))
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

    def act(self, number: int, act: Act) -> None:
        """Its number and title."""
        self._gap()
        self._row(Text(str(number).rjust(3), "cyan"), Text(act.title, "bold"), 2)
        self._gap()

    def said(self, text: str) -> None:
        """The sentence, wrapped."""
        self._print(_indented(Text(text), _INDENT))

    def queued(self, memory: Memory) -> None:
        """Project and text, on one line."""
        self._line(
            Text.assemble(("+ ", "blue"), (memory.project.ljust(_PROJECT), "cyan"), memory.text)
        )

    def commanded(self, arguments: Sequence[str], printed: str) -> None:
        """The command as one types it, and what it printed."""
        self._gap()
        self._line(Text.assemble(("$ ", "cyan"), (f"mem0tray {' '.join(arguments)}", "bold")))
        for line in printed.splitlines():
            words = line.strip()
            if "  " in words:  # columns: cut off, since wrapped they are no columns
                self._line(Text(line, "dim"))
            else:
                own = len(line) - len(line.lstrip())
                self._print(_indented(Text(words, "dim"), _INDENT + own))
        self._gap()

    def logged(self, line: str) -> None:
        """Nothing."""

    def kept(self, promise: str) -> None:
        """Nothing."""

    def seen(self, seen: Seen) -> None:
        """Nothing."""

    def ended(self, record: Record) -> None:
        """Nothing."""


class Screen:
    """A terminal of any width, or a pipe, which gets the same without the last line."""

    def __init__(self) -> None:
        self._console = _Console(highlight=False, emoji=False, markup=False)
        encoding = self._console.encoding or "ascii"
        self._marks = _Marks() if _knows(encoding, "".join(_Marks())) else _PLAIN
        self._is_blank = False
        self._gauge: Text | None = None
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        """Begin."""
        title = Text.assemble(("mem0tray demo", "bold"))
        about = "The real worker in a scratch home; its server fails when it is told to."
        self._gap()
        self._print(_indented(title, 2))
        self._print(_indented(Text(about, "dim"), 2))
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

    def act(self, number: int, act: Act) -> None:
        """Its number and title."""
        self._gap()
        self._row(Text(str(number).rjust(3), "cyan"), Text(act.title, "bold"), 2)
        self._gap()

    def said(self, text: str) -> None:
        """The sentence, wrapped."""
        self._print(_indented(Text(text), _INDENT))

    def queued(self, memory: Memory) -> None:
        """Project and text, on one line."""
        self._line(
            Text.assemble(("+ ", "blue"), (memory.project.ljust(_PROJECT), "cyan"), memory.text)
        )

    def commanded(self, arguments: Sequence[str], printed: str) -> None:
        """The command as one types it, and what it printed."""
        self._gap()
        self._line(Text.assemble(("$ ", "cyan"), (f"mem0tray {' '.join(arguments)}", "bold")))
        for line in printed.splitlines():
            text = Text(line, "dim")
            if "  " in line.strip():  # columns: cut off, since wrapped they are no columns
                self._line(text)
            else:
                self._print(_indented(text, _INDENT))
        self._gap()

    def logged(self, line: str) -> None:
        """The line, on one line."""
        style = "yellow" if MOVED in line else "green" if RECOVERED in line else "dim"
        self._line(Text.assemble((f"{self._marks.log} ", "dim"), (line, style)))

    def kept(self, promise: str) -> None:
        """The promise, ticked off."""
        self._row(Text(self._marks.kept, "bold green"), Text(promise), 1, _INDENT)

    def seen(self, seen: Seen) -> None:
        """The last line anew, if anything has changed."""
        if self._live is None:
            return
        gauge = self._gauge_of(seen)
        if gauge != self._gauge:
            self._gauge = gauge
            rule = Rule(style="dim", characters="─" if self._marks != _PLAIN else "-")
            below = Constrain(Group(Text(), rule, gauge), self._width)
            self._live.update(below, refresh=True)

    def ended(self, record: Record) -> None:
        """The sum of it."""
        counts = Counter(each.project for each in record.seen.stored)
        each = ", ".join(f"{project} {count}" for project, count in counts.items())
        memories = plural(len(record.queued), "memory", "memories")
        self._gap()
        sum_of_it = Text.assemble(
            (f"{memories} queued, {len(record.seen.stored)} on the server", "bold green"),
            f" ({each}), in {record.seconds:.0f}\N{NO-BREAK SPACE}s.",
        )
        self._print(_indented(sum_of_it, 2))
        self._gap()

    # How it is laid out -------------------------------------------------------------

    @property
    def _width(self) -> int:
        return min(self._console.width, _WIDEST)

    def _print(self, what: RenderableType) -> None:
        self._console.print(what, width=self._width)
        self._is_blank = False

    def _gap(self) -> None:
        """One blank line, and never two."""
        if not self._is_blank:
            self._console.print()
        self._is_blank = True

    def _line(self, text: Text) -> None:
        """One line, cut off where the terminal ends."""
        text.no_wrap, text.overflow = True, "ellipsis"
        self._print(_indented(text, _INDENT))

    def _row(self, mark: Text, text: Text, gap: int, indent: int = 0) -> None:
        """A mark, and a text that hangs beside it."""
        grid = Table.grid(padding=(0, gap, 0, 0))
        grid.add_row(mark, text)
        self._print(_indented(grid, indent))

    def _gauge_of(self, seen: Seen) -> Text:
        state = seen.state or "starting"
        gauge = Text(no_wrap=True, overflow="ellipsis")
        gauge.append(f"  {self._marks.dot} {state.ljust(8)}", _STATES.get(state, "dim"))
        for name, count, style in (
            ("queue", seen.waiting, "blue"),
            ("DLQ", seen.dead, "yellow"),
            ("delivered", len(seen.stored), "green"),
        ):
            gauge.append(f"  {name} ", "dim")
            if count and self._width >= _ROOMY:
                gauge.append(f"{self._marks.block * count} ", style)
            gauge.append(str(count), style if count else "dim")
        return gauge


def _indented(what: RenderableType, indent: int) -> Padding:
    """`what` so far from the left, and without blanks at its right."""
    return Padding(what, (0, 0, 0, indent), expand=False)


def _knows(encoding: str, signs: str) -> bool:
    try:
        signs.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
