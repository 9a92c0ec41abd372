"""Charts: their numbers, and the SVG that is drawn of them."""

import math
from xml.etree import ElementTree as ET

import pytest

from mem0tray.actions.standing import Overview
from mem0tray.core.language import Language
from mem0tray.report import page
from mem0tray.report.gathering import Gathered, History
from mem0tray.report.page import Chart, templates

_NOW = 1_764_500_000.0


def _charts(delivered: list[int], in_dlq: list[int], language: str = "en") -> dict[str, Chart]:
    starts = [_NOW - 86_400.0 * n for n in reversed(range(len(delivered)))]
    past = History(starts, delivered, in_dlq, in_dlq[-1])
    seen = Gathered(_NOW, Overview(), [], 0, {}, unreadable=False, past=past)
    return {each.title: each for each in page.charts(seen, Language(language))}


def _drawn(values: list[int], *, area: bool = False) -> ET.Element:
    labels = [f"<{n}>" for n in range(len(values))]
    chart = Chart("Title", "summary", area, "Day", "dead", "warn", labels, labels, values)
    template = templates(Language("en")).get_template("charts.html")
    text = vars(template.make_module())["drawn"](chart)
    return ET.fromstring(text)  # noqa: S314  (made just now)


def test_a_chart_says_in_words_what_its_values_come_to() -> None:
    made = _charts([1, 2, 3], [0, 9, 4])
    assert made["Deliveries by day"].summary.startswith("6 since Nov 2")
    assert made["Memories not delivered"].summary.startswith("4 now, at most 9 since")
    assert list(made["Memories not delivered"].values) == [0, 9, 4]
    french = [chart.summary for chart in _charts([1, 2], [3, 4], language="fr").values()]
    assert all(" depuis le " in summary for summary in french), french


def test_a_dlq_that_was_always_empty_is_not_drawn() -> None:
    assert set(_charts([1, 2], [0, 0])) == {"Deliveries by day"}


@pytest.mark.parametrize(
    ("largest", "end"), [(0, 2), (1, 2), (3, 4), (10, 10), (11, 12), (101, 120), (99_999, 100_000)]
)
def test_an_axis_ends_at_a_round_number(largest: int, end: int) -> None:
    assert page.Chart("", "", False, "", "", "good", [], [], [0, largest]).end == end  # noqa: FBT003


def test_bars_are_as_high_as_their_values() -> None:
    drawn = _drawn([1, 2, 0, 4])
    heights = [float(bar.get("height", "")) for bar in drawn.iter("rect")]
    assert math.isclose(heights[3], 2 * heights[1], abs_tol=0.2)
    assert math.isclose(heights[3], 4 * heights[0], abs_tol=0.4)
    assert heights[2] == 0
    assert [each.text for each in drawn.iter("title")] == ["<0>: 1", "<1>: 2", "<2>: 0", "<3>: 4"]


def test_an_area_passes_through_its_values() -> None:
    drawn = _drawn([0, 2, 4], area=True)
    (line,) = (each.get("points", "").split() for each in drawn.iter("polyline"))
    assert [165 - float(point.split(",")[1]) for point in line] == [0, 77.5, 155]
    assert len(list(drawn.iter("polygon"))) == 1
