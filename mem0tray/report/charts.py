"""Charts as SVG within the page: drawn by pygal, coloured by the page's style sheet.

What pygal adds for a file of its own (scripts, styles, fonts, tooltips) is left out, as the page
forbids it. A bar names its value in a `title`, which browsers show.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from xml.etree import ElementTree as ET

from mem0tray.report.model import Chart, Shape

_Value = TypeVar("_Value")
_WIDTH: Final = 400
_HEIGHT: Final = 190
_ROW: Final = 26  # height of one row of a horizontal chart
_FOOT: Final = 30
_FONT: Final = 11
_FEW: Final = 10
_ROUND: Final = (12, 16, 20, 30, 40, 60, 80, 100)
_SVG: Final = "{http://www.w3.org/2000/svg}"
_LONG: Final = re.compile(r"-?\d+\.\d+")
_KEPT: Final = ("x", "y", "width", "height", "rx", "d", "transform", "viewBox")
_DRAWN: Final = frozenset(f"{_SVG}{name}" for name in ("g", "rect", "path", "text"))
_LEFT_OUT: Final = frozenset({"background", "overlay", "text-overlay", "tooltip-overlay", "titles"})


def svg(chart: Chart, number: Callable[[float], str]) -> str:
    """The chart as an `svg` element; `number` writes the numbers of its axis."""
    tones = [series.tone for series in chart.series]
    drawn = _drawn(chart, number)
    # pygal has just written it; foreign names stand in it as text.
    root = ET.fromstring(drawn)  # noqa: S314
    tidy = _tidy(root)
    tidy.set("role", "img")
    tidy.set("aria-label", f"{chart.title}: {chart.summary}")
    tidy.set("class", f"chart {chart.shape.name.lower()}")
    for group in tidy.iter("g"):
        found = re.match(r"series serie-(\d+)", group.get("class", ""))
        if found:
            # An area has two layers of one colour.
            tone = tones[0] if chart.shape is Shape.AREA else tones[int(found[1])]
            layer = " layer" if chart.shape is Shape.AREA and found[1] == "0" else ""
            group.set("class", f"series {tone}{layer}")
    return ET.tostring(tidy, encoding="unicode")


def top(largest: int) -> int:
    """The end of an axis from 0: a round number, and even, so that its middle is whole."""
    if largest <= _FEW:
        return max(2, largest + largest % 2)
    scale = 1
    while largest > _ROUND[-1] * scale:
        scale *= 10
    return next(end * scale for end in _ROUND if end * scale >= largest)


def _drawn(chart: Chart, number: Callable[[float], str]) -> str:
    # Slow to import, and untyped.
    import pygal  # type: ignore[import-untyped]
    from pygal.style import Style  # type: ignore[import-untyped]

    kinds = {
        Shape.COLUMNS: pygal.Bar,
        Shape.AREA: pygal.Line,
        Shape.ROWS: pygal.HorizontalStackedBar,
    }
    rows = chart.shape is Shape.ROWS
    each = list(zip(*(series.values for series in chart.series), strict=True))
    end = top(max(sum(values) if rows else max(values) for values in each))
    graph = kinds[chart.shape](
        width=_WIDTH,
        height=_FOOT + _ROW * len(chart.labels) if rows else _HEIGHT,
        style=Style(font_family="sans-serif", label_font_size=_FONT, major_label_font_size=_FONT),
        show_legend=False,
        show_dots=False,
        margin=2,
        spacing=6,
        js=[],
        css=[],
        disable_xml_declaration=True,
        truncate_label=-1,
        x_labels=_order(chart, chart.ticks),
        y_labels=[0, end // 2, end],
        range=(0, end),
        value_formatter=number,
        rounded_bars=2,
        x_label_rotation=0,
    )
    for series in chart.series:
        if chart.shape is Shape.AREA:
            graph.add(series.name, series.values, fill=True)
            graph.add(series.name, series.values)
        else:
            graph.add(series.name, _named(chart, series.name, series.values, number))
    drawn: str = graph.render()
    return drawn


def _named(
    chart: Chart, name: str, values: Sequence[int], number: Callable[[float], str]
) -> list[dict[str, Any]]:
    several = f" {name}" if len(chart.series) > 1 else ""
    named = [
        {"value": value, "label": f"{label}: {number(value)}{several}"}
        for label, value in zip(chart.labels, values, strict=True)
    ]
    return _order(chart, named)


def _order(chart: Chart, values: Sequence[_Value]) -> list[_Value]:
    """The values in the order in which pygal draws them: rows from the bottom up."""
    return list(reversed(values)) if chart.shape is Shape.ROWS else list(values)


def _tidy(element: ET.Element) -> ET.Element:
    """The element with only what the page needs."""
    kept = ET.Element(element.tag.removeprefix(_SVG))
    for name in _KEPT:
        if name in element.attrib:
            kept.set(name, _LONG.sub(_shorter, element.attrib[name]))
    if element.get("class"):
        kept.set("class", element.attrib["class"])
    if kept.tag == "text":
        kept.text = element.text
    for child in element:
        words = set(child.get("class", "").split())
        if child.tag == f"{_SVG}desc" and words == {"label"}:
            ET.SubElement(kept, "title").text = child.text
        elif child.tag in _DRAWN and not words & _LEFT_OUT:
            kept.append(_tidy(child))
    return kept


def _shorter(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}"
