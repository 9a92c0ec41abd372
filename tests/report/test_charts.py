"""Charts: their numbers, and the SVG that is drawn of them."""

import math
from collections import Counter
from dataclasses import replace
from typing import Literal, get_args
from xml.etree import ElementTree as ET

import pytest

from mem0tray.actions import waiting
from mem0tray.actions.standing import Overview
from mem0tray.actions.waiting import listing
from mem0tray.config.settings import ServerSettings
from mem0tray.core.due import GROWS_UNTIL
from mem0tray.core.language import Language
from mem0tray.ledger.waiting import ProjectCounts
from mem0tray.report import charts
from mem0tray.report.charts import Chart, Series
from mem0tray.report.gathering import Gathered, History, Period
from mem0tray.report.page import Cleaner, templates
from tests.report.past import parsed
from tests.support.shapes import dead, entry

Shape = Literal["bars", "area", "rows"]
_SHAPES: tuple[Shape, ...] = get_args(Shape)
_NOW = 1_764_500_000.0


def _charts(
    letters: list[dict[str, object]],
    entries: list[dict[str, object]] | None = None,
    past: History | None = None,
    language: str = "en",
) -> dict[str, Chart]:
    dead_by, fresh_by = (
        Counter(parsed(each).project for each in made) for made in (letters, entries or [])
    )
    names = sorted(dead_by | fresh_by, key=lambda name: (-dead_by[name], -fresh_by[name], name))
    gathered = Gathered(
        _NOW,
        Overview(),
        listing([parsed(each).raw for each in letters], waiting.DLQ_LIST),
        0,
        [ProjectCounts(name, dead_by[name], fresh_by[name]) for name in names],
        Counter(min(parsed(each).retry_count, GROWS_UNTIL) for each in letters),
        {},
        unreadable=False,
        past=past,
    )
    return {each.title: each for each in charts.charts(gathered, Language(language))}


def _past(delivered: list[int], in_dlq: list[int], *, by_hour: bool = False) -> History:
    step = 3600.0 if by_hour else 86_400.0
    starts = [_NOW - step * n for n in reversed(range(len(delivered)))]
    period = Period(starts, by_hour=by_hour)
    return History(period, delivered, in_dlq, in_dlq[-1], [0] * len(starts), all_outages=0)


def _chart(values: list[int], shape: Shape = "bars") -> Chart:
    labels = [f"<{n}>" for n in range(len(values))]
    series = [Series("dead", "warn", values)]
    return Chart("Title", "summary", shape, "Day", labels, labels, series)


def _drawn(chart: Chart) -> ET.Element:
    template = templates(Language("en"), Cleaner(ServerSettings())).get_template("charts.html")
    text = vars(template.make_module())["drawn"](chart)
    return ET.fromstring(text)  # noqa: S314  (made just now)


def test_without_a_past_and_memories_there_is_no_chart() -> None:
    assert _charts([]) == {}


def test_projects_beyond_eight_are_summed_up() -> None:
    """The seven with most dead letters, and the sum of the others."""
    letters = [dead(f"{n} {k}", f"p{n}") for n in range(10) for k in range(10 - n)]
    chart = _charts(letters, [entry("w", "p9"), entry("v", "p0")])["By project"]
    assert chart.labels == [*(f"p{n}" for n in range(7)), "others"]
    assert [list(each.values) for each in chart.series] == [
        [10, 9, 8, 7, 6, 5, 4, 6],
        [1, 0, 0, 0, 0, 0, 0, 1],
    ]
    assert chart.summary == "10 projects"


def test_every_count_of_retries_up_to_seven_and_more_has_a_column() -> None:
    chart = _charts([dead("a", retry_count=n) for n in (0, 0, 3, 7, 8, 10**9)])
    assert list(chart["Not delivered, by retries"].series[0].values) == [2, 0, 0, 1, 0, 0, 0, 3]


def test_over_time() -> None:
    """Deliveries and the size of the DLQ, with what they come to in words."""
    made = _charts([], past=_past([1, 2, 3], [0, 9, 4]))
    assert made["Deliveries by day"].summary.startswith("6 since Nov 2")
    assert made["Memories not delivered"].summary.startswith("4 now, at most 9 since")
    assert list(made["Memories not delivered"].series[0].values) == [0, 9, 4]


def test_outages_over_time() -> None:
    """Minutes without the server, rounded up, with the number of outages."""
    past = replace(_past([1, 2, 3], [0, 0, 0]), down=[1.0, 0.0, 90.0], all_outages=3)
    chart = _charts([], past=past)["Minutes without the server"]
    assert chart.summary.startswith("3 outages, 2 min in all since Nov 2")
    assert list(chart.series[0].values) == [1, 0, 2]


def test_every_summary_names_its_begin_alike_in_french() -> None:
    """A date has its article in each of the three."""
    past = replace(_past([1, 2], [3, 4]), down=[60.0, 0.0], all_outages=1)
    summaries = [chart.summary for chart in _charts([], past=past, language="fr").values()]
    assert len(summaries) == 3
    assert all(" depuis le " in summary for summary in summaries), summaries


def test_a_dlq_that_was_always_empty_is_not_drawn() -> None:
    assert set(_charts([], past=_past([1, 2], [0, 0], by_hour=True))) == {"Deliveries by hour"}


def test_a_long_axis_has_few_labels() -> None:
    """Every fifth day is named, counted from today."""
    chart = _charts([], past=_past([1] * 30, [0] * 30))["Deliveries by day"]
    named = [at for at, tick in enumerate(chart.ticks) if tick]
    assert named == [4, 9, 14, 19, 24, 29]
    assert all(chart.labels)


@pytest.mark.parametrize(
    ("largest", "end"), [(0, 2), (1, 2), (3, 4), (10, 10), (11, 12), (101, 120), (99_999, 100_000)]
)
def test_an_axis_ends_at_a_round_number(largest: int, end: int) -> None:
    assert charts.top(largest) == end
    assert end % 2 == 0


def test_bars_are_as_high_as_their_values() -> None:
    drawn = _drawn(_chart([1, 2, 0, 4]))
    heights = [float(bar.get("height", "")) for bar in drawn.iter("rect")]
    assert math.isclose(heights[3], 2 * heights[1], abs_tol=0.2)
    assert math.isclose(heights[3], 4 * heights[0], abs_tol=0.4)
    assert heights[2] == 0
    assert [each.text for each in drawn.iter("title")] == ["<0>: 1", "<1>: 2", "<2>: 0", "<3>: 4"]


def test_rows_stand_in_the_order_of_their_labels() -> None:
    """The first is on top, and the bars of a row follow each other."""
    chart = _chart([3, 2, 0], "rows")
    chart = chart._replace(series=[*chart.series, Series("waiting", "calm", [1, 2, 4])])
    bars = [
        tuple(float(bar.get(name, "")) for name in ("y", "x", "width"))
        for bar in _drawn(chart).iter("rect")
    ]
    rows = list(zip(bars[::2], bars[1::2], strict=True))
    assert [first[0] for first, _ in rows] == sorted(first[0] for first, _ in rows)
    assert [(second[1], second[2]) for _, second in rows] == [(300, 100), (200, 200), (0, 400)]


def test_a_curve_passes_through_its_values() -> None:
    drawn = _drawn(_chart([0, 2, 4], "area"))
    (line,) = (each.get("points", "").split() for each in drawn.iter("polyline"))
    heights = [165 - float(point.split(",")[1]) for point in line]
    assert heights == [0, 77.5, 155]
    assert len(list(drawn.iter("polygon"))) == 1


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("values", [[1, 5], [0], [0, 0, 0]])
def test_drawings_hold_nothing_but_shapes(shape: Shape, values: list[int]) -> None:
    """No script, style or reference; an image with a name, in its colour, for any values."""
    drawn = _drawn(_chart(values, shape))
    used = {each.tag for each in drawn.iter()}
    assert used <= {"svg", "g", "path", "rect", "text", "title", "polygon", "polyline"}
    assert (drawn.get("role"), drawn.get("aria-label")) == ("img", "Title: summary")
    assert any(each.get("class") == "warn" for each in drawn.iter("g"))
