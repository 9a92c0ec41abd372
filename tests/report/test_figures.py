"""Charts: their numbers, and the SVG that is drawn of them."""

import math
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from mem0tray.actions import find
from mem0tray.actions.find import listing
from mem0tray.actions.standing import Overview
from mem0tray.config.settings import ServerSettings
from mem0tray.core.due import GROWS_UNTIL
from mem0tray.core.language import Language
from mem0tray.ledger.waiting import ProjectCounts
from mem0tray.report import charts, figures
from mem0tray.report.gathering import Gathered
from mem0tray.report.history import History, Period
from mem0tray.report.model import Chart, Series, Shape, Tone
from mem0tray.report.redaction import Cleaner
from tests.report.past import parsed
from tests.support.shapes import dead, entry

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
        listing([parsed(each).raw for each in letters], find.DLQ_LIST),
        0,
        [ProjectCounts(name, dead_by[name], fresh_by[name]) for name in names],
        Counter(min(parsed(each).retry_count, GROWS_UNTIL) for each in letters),
        {},
        unreadable=False,
        past=past,
    )
    made = figures.charts(gathered, Language(language), Cleaner(ServerSettings()))
    return {each.title: each for each in made}


def _past(delivered: list[int], in_dlq: list[int], *, by_hour: bool = False) -> History:
    step = 3600.0 if by_hour else 86_400.0
    starts = [_NOW - step * n for n in reversed(range(len(delivered)))]
    none = [0] * len(starts)
    return History(
        Period(starts, by_hour=by_hour), delivered, in_dlq, in_dlq[-1], none, none, all_outages=0
    )


def _chart(values: list[int], shape: Shape = Shape.COLUMNS) -> Chart:
    labels = [f"<{n}>" for n in range(len(values))]
    series = [Series("dead", Tone.WARN, values)]
    return Chart("Title", "summary", shape, labels, labels, series, [], [])


def _drawn(chart: Chart) -> ET.Element:
    return ET.fromstring(charts.svg(chart, str))  # noqa: S314  (made just now)


def test_nothing_to_draw() -> None:
    """Without a past and without memories there is no chart."""
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
    assert chart.shown[-1] == ["others", "6", "1"]


def test_retries_up_to_seven_and_more() -> None:
    """Every count has its column, also an empty one; from seven on all are one."""
    chart = _charts([dead("a", retry_count=n) for n in (0, 0, 3, 7, 8, 10**9)])
    assert list(chart["Dead letters by retries"].series[0].values) == [2, 0, 0, 1, 0, 0, 0, 3]


def test_over_time() -> None:
    """Deliveries and the size of the DLQ, with what they come to in words."""
    made = _charts([], past=_past([1, 2, 3], [0, 9, 4]))
    assert made["Deliveries by day"].summary.startswith("6 since Nov 2")
    assert made["Size of the DLQ"].summary.startswith("4 now, at most 9 since")
    assert list(made["Size of the DLQ"].series[0].values) == [0, 9, 4]


def test_outages_over_time() -> None:
    """Minutes without the server, rounded up, with the number of outages."""
    past = replace(
        _past([1, 2, 3], [0, 0, 0]), outages=[1, 0, 2], down=[0.0, 0.0, 90.0], all_outages=3
    )
    chart = _charts([], past=past)["Minutes without the server"]
    assert chart.summary.startswith("3 outages, 2 min in all since Nov 2")
    assert list(chart.series[0].values) == [1, 0, 2]
    assert [row[1:] for row in chart.shown] == [["1", "1"], ["0", "0"], ["2", "2"]]


def test_every_summary_names_its_begin_alike_in_french() -> None:
    """A date has its article in each of the three."""
    past = replace(_past([1, 2], [3, 4]), outages=[1, 0], down=[60.0, 0.0], all_outages=1)
    summaries = [chart.summary for chart in _charts([], past=past, language="fr").values()]
    assert len(summaries) == 3
    assert all(" depuis le " in summary for summary in summaries), summaries


def test_a_dlq_that_was_always_empty_is_not_drawn() -> None:
    """There would be nothing to see."""
    assert set(_charts([], past=_past([1, 2], [0, 0], by_hour=True))) == {"Deliveries by hour"}


def test_a_long_axis_has_few_labels() -> None:
    """Every seventh day is named, counted from today."""
    chart = _charts([], past=_past([1] * 30, [0] * 30))["Deliveries by day"]
    named = [at for at, tick in enumerate(chart.ticks) if tick]
    assert named == [1, 8, 15, 22, 29]
    assert all(chart.labels)


@pytest.mark.parametrize(
    ("largest", "end"), [(0, 2), (1, 2), (3, 4), (10, 10), (11, 12), (101, 120), (99_999, 100_000)]
)
def test_an_axis_ends_at_a_round_number(largest: int, end: int) -> None:
    """Not far above the largest value, and with a whole number in its middle."""
    assert charts.top(largest) == end
    assert end % 2 == 0


def test_bars_are_as_high_as_their_values() -> None:
    """Each value has a bar in proportion, named by a title."""
    drawn = _drawn(_chart([1, 2, 0, 4]))
    heights = [float(bar.get("height", "")) for bar in drawn.iter("rect")]
    assert math.isclose(heights[3], 2 * heights[1], abs_tol=0.2)
    assert math.isclose(heights[3], 4 * heights[0], abs_tol=0.4)
    assert heights[2] == 0
    assert [each.text for each in drawn.iter("title")] == ["<0>: 1", "<1>: 2", "<2>: 0", "<3>: 4"]


def test_rows_stand_in_the_order_of_their_labels() -> None:
    """The first is on top."""
    drawn = _drawn(_chart([3, 2, 1], Shape.ROWS))
    tops = {
        (bar[0].text or "")[:3]: float(bar[1].get("y", ""))
        for bar in drawn.iter("g")
        if bar.get("class") == "bar"
    }
    assert tops["<0>"] < tops["<1>"] < tops["<2>"]


@pytest.mark.parametrize("shape", list(Shape))
def test_drawings_hold_nothing_but_shapes(shape: Shape) -> None:
    """No script, style, comment or reference; it is an image with a name, in the state's colour."""
    text = charts.svg(_chart([1, 5], shape), str)
    for word in ("script", "style", "<!--", "http", "href", "desc", "Pygal"):
        assert word not in text
    drawn = ET.fromstring(text)  # noqa: S314  (made just now)
    assert drawn.get("role") == "img"
    assert drawn.get("aria-label") == "Title: summary"
    assert "series warn" in text


def test_all_zero_and_one_value() -> None:
    """Charts without a rise are drawn all the same."""
    for shape in Shape:
        assert _drawn(_chart([0], shape)).tag == "svg"
        assert _drawn(_chart([0, 0, 0], shape)).tag == "svg"
