"""The page of figures: a table in README.md between two marks, and a plot for each comparison."""

import platform
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from tests.benchmarks.figure import Figure

FOLDER: Final = Path(__file__).parent
README: Final = FOLDER / "README.md"
_PLOTS: Final = FOLDER / "plots"
_MARKS: Final = re.compile(r"(<!-- figures -->\n).*(<!-- end of figures -->)", re.DOTALL)
_ROW: Final = 44  # pixels
_STYLE: Final = Style(
    background="#ffffff", plot_background="#ffffff", colors=("#2f6f4f",), label_font_size=12,
    value_font_size=12, title_font_size=14, font_family="sans-serif",
)  # fmt: skip


def write(figures: Iterable[Figure]) -> None:
    """Put the figures into the page, and draw the plots beside it; earlier plots go."""
    shown = list(figures)
    plots = [(figure, _file(figure)) for figure in shown if figure.parts]
    for earlier in _PLOTS.glob("*.svg"):
        earlier.unlink()
    for figure, path in plots:
        path.parent.mkdir(exist_ok=True)
        path.write_text(_plot(figure), encoding="utf-8")
    pictures = "\n".join(f"![{each.name}]({path.relative_to(FOLDER)})" for each, path in plots)
    text = f"{_made()}\n\n{_table(shown)}\n\n{pictures}\n"
    page = README.read_text(encoding="utf-8")
    README.write_text(_MARKS.sub(lambda found: found[1] + text + found[2], page), encoding="utf-8")


def _made() -> str:
    today = datetime.now(UTC).date().isoformat()
    python = ".".join(map(str, sys.version_info[:3]))
    return f"Made on {today} by Python {python} on {platform.system()} ({platform.machine()})."


def _table(figures: Iterable[Figure]) -> str:
    rows = [
        f"| {each.name} | {each.measured} | {each.bound} | {'yes' if each.met else '**no**'} |"
        f" {each.detail} |"
        for each in figures
    ]
    return "\n".join(
        ["| what | measured | target | met | of that |", "|---|---|---|---|---|", *rows]
    )


def _plot(figure: Figure) -> str:
    """Bars side by side, as SVG that loads and runs nothing."""
    chart = pygal.HorizontalBar(
        style=_STYLE, title=figure.name, show_legend=False, js=[], css=["file://style.css",
        "file://graph.css"], print_values=True, width=640, height=80 + _ROW * len(figure.parts),
        value_formatter=lambda value: f"{value:.3g} {figure.parts_unit}", show_x_guides=False,
        show_y_guides=False,
        x_labels_major_count=3, show_minor_x_labels=False, truncate_label=-1,
    )  # fmt: skip
    names, values = zip(*reversed(figure.parts), strict=True)
    chart.x_labels = names
    chart.add("", values)
    drawn: str = chart.render(is_unicode=True)
    return drawn


def _file(figure: Figure) -> Path:
    return _PLOTS / (re.sub(r"[^a-z0-9]+", "-", figure.name.lower()).strip("-") + ".svg")
