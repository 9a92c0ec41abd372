"""What the page shows of the past, counted as everywhere else."""

import itertools
import json
import math
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest

from mem0tray.actions import standing
from mem0tray.actions.standing import Overview
from mem0tray.config.settings import load
from mem0tray.core.language import Language
from mem0tray.core.reasons import quoted
from mem0tray.ledger.outages import Outage
from mem0tray.ledger.reader import Reader
from mem0tray.window import outages, page
from mem0tray.window.page import Gathered, Slot
from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.past import past
from tests.support.shapes import dead
from tests.window.reading import Document, rendered

_DAY = 86_400.0


def _gathered(now: float) -> Gathered:
    seen = standing.read(load().settings, now)
    with Reader(seen.paths.ledger) as reader:
        return page.gather(seen, reader, page.MONTH)


@pytest.fixture
def now() -> Iterator[float]:
    """Be in Paris, at noon on the day after summer time ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Paris")
        time.tzset()
        yield datetime(2025, 10, 27, 12, 30).timestamp()  # noqa: DTZ001  (local)
    time.tzset()


@needs.CLOCK
@pytest.mark.parametrize(("ago", "parts"), [(0.1, 2), (3.1, 5), (5, 7), (90, 30)])
def test_the_past_is_shown_from_the_day_before_the_first_memory(
    home: Scratch, now: float, ago: float, parts: int
) -> None:
    with past(home.paths) as ledger:
        ledger.delivered("first", now - ago * _DAY + 1)
    with Reader(home.paths.ledger) as reader:
        odd = [json.dumps({"moved_to_dlq_at": at}).encode() for at in (now - 1, now - 0.6 * _DAY)]
        days = page.history(reader, now, odd, page.MONTH)
    assert len(days) == parts
    assert {time.strftime("%H:%M", time.localtime(each.start)) for each in days} == {"00:00"}
    assert [each.dead for each in days][-2:] == [1, 2]
    assert sum(each.delivered for each in days) == (ago < 90)


def test_a_day_is_shown_by_hours_and_a_week_by_days(home: Scratch) -> None:
    now = time.time()
    with past(home.paths) as ledger:
        ledger.delivered("old", now - 8 * _DAY)
        ledger.delivered("new", now - 1.0)
    with Reader(home.paths.ledger) as reader:
        hours, days = (page.history(reader, now, [], span) for span in (page.DAY, page.WEEK))
    assert {later.start - each.start for each, later in itertools.pairwise(hours)} == {3600.0}
    assert (len(hours), len(days)) == (24, 7)
    assert [sum(each.delivered for each in past) for past in (hours, days)] == [1, 1]


def test_the_past_of_the_dlq_stays_what_it_was(home: Scratch) -> None:
    now = time.time()
    letter = dead("a", moved_to_dlq_at=now - 20 * _DAY)
    reports: list[dict[float, int]] = []

    def report(at: float) -> None:
        reports.append({each.start: each.dead for each in _gathered(at).past[:-1]})

    with past(home.paths) as ledger:
        ledger.delivered("first", now - 30 * _DAY)
        ledger.adopted(letter, now - 17 * _DAY)
        report(now - 15 * _DAY)
        for hours in (14, 11):
            letter, key = ledger.edited(letter, f"text {hours}", now - hours * _DAY)
            report(now - (hours - 2) * _DAY)
        ledger.discarded(key, now - 8 * _DAY - 1)
        ledger.restored(letter, now - 8 * _DAY)
        report(now - 6 * _DAY)
        ledger.recovered(key, now - 5 * _DAY)
        letter = {}
        report(now - 3 * _DAY)
    for earlier, later in itertools.pairwise(reports):
        assert {at: later[at] for at in earlier} == earlier
    assert set(reports[-1].values()) == {0, 1}


def test_the_dlq_has_one_size(home: Scratch) -> None:
    """The chart's "now" is that of `status`: what makes no sense counts, with an id or without."""
    home.write("mem0_queue_dlq.json", {"items": []})
    assert not _gathered(time.time()).past
    home.write("mem0_queue_dlq.json", {"items": [dead("a"), {"id": "odd"}, None, 7]})
    with worker(home.paths):
        pass
    seen = _gathered(time.time())
    assert seen.past[-1].dead == seen.overview.dlq == 4
    assert seen.nonsense == 3


def _charts(delivered: Sequence[int], in_dlq: Sequence[int], language: str = "en") -> Document:
    starts = [1_764_500_000.0 - _DAY * n for n in reversed(range(len(delivered)))]
    seen = Gathered(0.0, Overview(), past=list(map(Slot, starts, delivered, in_dlq)))
    return rendered(seen, language)


def test_a_chart_says_in_words_what_its_values_come_to() -> None:
    made = [each.attributes["aria-label"] for each in _charts([1, 2, 3], [0, 9, 4]).all("svg")[1:]]
    assert made[0].startswith("Deliveries: 6 since Nov 2")
    assert made[1] == "Memories not delivered: 4 now"
    french = _charts([1, 2], [0, 0], language="fr").all("svg")
    assert " depuis le " in french[1].attributes["aria-label"]
    assert len(french) == 2, "a DLQ that was always empty is not drawn"


def test_bars_are_as_high_as_their_values() -> None:
    drawn = _charts([1, 2, 0, 4], [0] * 4)
    heights = [float(bar.attributes["height"]) for bar in drawn.all("rect")]
    assert math.isclose(heights[3], 2 * heights[1], abs_tol=0.2)
    assert math.isclose(heights[3], 4 * heights[0], abs_tol=0.4)
    assert heights[2] == 0
    assert [each.text.partition(": ")[2] for each in drawn.all("title")[1:]] == list("1204")


@pytest.mark.parametrize(
    ("spans", "drawn"),
    [
        ([], []),
        ([(0, 1)], [(0, 0.25)]),
        ([(-5, 0.5), (2, 9)], [(0, 0.125), (0.5, 1)]),  # before the first bar, beyond the last
        ([(-5, -1)], []),
        ([(3.999, 4)], [(0.992, 1)]),
        ([(1, 1.0001)], [(0.25, 0.258)]),  # it can be seen
        ([(1, 1.0001), (1.001, 1.002), (3, 4)], [(0.25, 0.258), (0.75, 1)]),
    ],
)
def test_an_outage_is_drawn_where_its_time_is(
    spans: list[tuple[float, float]], drawn: list[tuple[float, float]]
) -> None:
    start = 1_764_500_000.0
    lasted = [Outage(start + began * _DAY, start + ended * _DAY) for began, ended in spans]
    starts = [start + n * _DAY for n in range(4)]
    found = list(outages.bands(lasted, starts, start + 4 * _DAY, Language("en")))
    assert [(round(each.left, 3), round(each.right, 3)) for each in found] == drawn
    if len(spans) > len(drawn) > 1:
        assert found[0].title.startswith("Server not reached, 2 times: from Dec 1")


def test_outages_are_told_in_words() -> None:
    start, english = 1_764_500_000.0, Language("en")
    over = [Outage(start + n * _DAY, start + n * _DAY + 600) for n in range(7)]
    lasts = Outage(start + 9 * _DAY, start + 9 * _DAY + 7200, quoted("why"), lasts=True)
    said = outages.summary([*over, lasts], english)
    assert said == "Server not reached: 8 times, 3 hours in all"
    assert outages.summary([], english) == ""
    assert outages.span(lasts, english).startswith("since Dec 9, 2025, ")
    assert outages.span(lasts, english).endswith(" (2 hours)")
    assert outages.span(over[0], english).endswith(" (10 minutes)")
