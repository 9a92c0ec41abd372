"""Tables where a line has little room: never short of what is to be typed again."""

from collections.abc import Collection, Sequence
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

_LEAST: Final = 10  # signs of a column that is cut
_GAP: Final = 3  # between two columns


def made(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[str],
    cut: Collection[str],
    spare: Sequence[str],
    *,
    style: str,
    room: int,
    plain: bool,
) -> tuple[Table, list[str]]:
    """A table of harmless text, `room` characters wide, its headers in `style`; what it leaves out.

    Text is never markup. `plain`: as for a pipe, with no rule below its headers. The rest is
    said of `output.print_table`.
    """
    columns = [
        (header, max(map(cell_len, (header, *(row[at] for row in rows)))))
        for at, header in enumerate(headers)
    ]
    gone = _gone(columns, cut, spare, room)
    table = Table(
        box=None if plain else box.SIMPLE_HEAD,
        padding=(0, 2, 0, 0) if plain else (0, 1),
        pad_edge=False,
        show_edge=False,
        header_style=style,
    )
    long: OverflowMethod = "ellipsis" if cut else "fold"  # where none may be cut, all is there
    widths = _shared({name: width for name, width in columns if name not in gone}, cut, room)
    for header, width in columns:
        if header not in gone:
            whole = bool(cut) and header not in cut
            table.add_column(
                Text(header, no_wrap=bool(cut), overflow=long),
                justify="right" if header in right else "left",
                no_wrap=whole,
                min_width=width if whole else None,
                width=widths[header] if header in cut else None,
            )
    for row in rows:
        cells = [cell for header, cell in zip(headers, row, strict=True) if header not in gone]
        table.add_row(*(Text(cell, no_wrap=bool(cut), overflow=long) for cell in cells))
    return table, [header for header in headers if header in gone]


def lines(console: Console, table: Table, room: int) -> list[str]:
    """The lines of a table on a console of that width, without blanks at their ends."""
    console.width = room
    with console.capture() as caught:
        console.print(table, crop=False)
    return [line.rstrip() for line in caught.get().splitlines()]


def _gone(
    columns: Sequence[tuple[str, int]], cut: Collection[str], spare: Sequence[str], room: int
) -> set[str]:
    """The columns that a terminal of this width does without."""
    least = {name: min(width, _LEAST) if name in cut else width for name, width in columns}
    gone = set()
    for name in spare:
        if sum(least.values()) + _GAP * (len(least) - 1) <= room:
            break
        least.pop(name)
        gone.add(name)
    return gone


def _shared(columns: dict[str, int], cut: Collection[str], room: int) -> dict[str, int]:
    """The widths: those that are cut share what the others leave, the narrow ones whole."""
    widths = {name: min(width, _LEAST) if name in cut else width for name, width in columns.items()}
    left = room - sum(widths.values()) - _GAP * (len(widths) - 1)
    for _ in range(left):
        growing = [name for name, width in columns.items() if widths[name] < width]
        if not growing:
            break
        widths[min(growing, key=lambda name: widths[name])] += 1
    return widths
