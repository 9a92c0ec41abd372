"""What the page shows, counted as everywhere else, and over time."""

import itertools
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from mem0tray.config.settings import load
from mem0tray.ledger.reader import Reader
from mem0tray.report import gathering
from mem0tray.report.gathering import Gathered
from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.report.past import past
from tests.support import needs
from tests.support.shapes import dead, entry, queue_document

_DAY = 86_400.0
_HOUR = 3600.0


def _gathered(now: float) -> Gathered:
    return gathering.gather(load().settings, now)


@pytest.fixture
def now() -> Iterator[float]:
    """Be in Paris, at noon on the day after summer time ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Paris")
        time.tzset()
        yield datetime(2025, 10, 27, 12, 30).timestamp()  # noqa: DTZ001  (local)
    time.tzset()


@needs.CLOCK
def test_days_begin_at_local_midnight(now: float) -> None:
    period = gathering.period(now - 90 * _DAY, now)
    assert not period.by_hour
    assert len(period.starts) == 30
    assert {time.strftime("%H:%M", time.localtime(at)) for at in period.starts} == {"00:00"}
    assert period.starts[-1] == now - 12.5 * _HOUR
    assert period.starts[-1] - period.starts[-2] == 25 * _HOUR


@needs.CLOCK
def test_hours_while_there_is_little_to_show(now: float) -> None:
    period = gathering.period(now - 2.9 * _DAY, now)
    assert period.by_hour
    assert len(period.starts) == 48
    assert period.starts[-1] == now - 0.5 * _HOUR


@needs.CLOCK
def test_it_begins_just_before_the_first_memory(now: float) -> None:
    assert len(gathering.period(now - 3 * _HOUR, now).starts) == 5
    assert len(gathering.period(now - 5 * _DAY, now).starts) == 7


@needs.CLOCK
def test_deliveries_fall_into_their_parts(now: float) -> None:
    period = gathering.period(now - 2 * _HOUR, now)
    first, second, third, fourth = period.starts
    slots = {first - 900: 50, first: 1, second + 1800: 2, third - 900: 3, fourth: 4}
    seen = gathering.history(period, slots, [], [])
    assert seen.delivered == [1, 5, 0, 4]


@needs.CLOCK
def test_the_most_dead_letters_of_each_part_are_shown(now: float) -> None:
    period = gathering.period(now - 2 * _HOUR, now)
    first, second, third, fourth = period.starts
    stays = [(0.0, first + 1), (first + 1, third + 1), (second + 1, second + 2)]
    seen = gathering.history(period, {}, stays, [0.0, fourth + 1])
    assert seen.dead == [3, 3, 2, 2]
    assert seen.dead_now == 2


@needs.CLOCK
def test_four_dead_letters_within_an_hour_are_four(now: float) -> None:
    period = gathering.period(now - 2 * _HOUR, now)
    start = period.starts[1]
    stays = [(start + 60 * n, start + 1200 + 60 * n) for n in range(3)]
    seen = gathering.history(period, {}, [*stays, (start + 600, start + _HOUR + 1)], [])
    assert seen.dead == [0, 4, 1, 0]
    assert seen.dead_now == 0


@needs.CLOCK
def test_the_edge_belongs_to_the_later_part(now: float) -> None:
    period = gathering.period(now - 2 * _HOUR, now)
    first, second, third, _ = period.starts
    seen = gathering.history(
        period, {}, [(first, second), (second, third), (second + 9, second + 9)], []
    )
    assert seen.dead == [1, 2, 0, 0]


@needs.CLOCK
def test_the_hour_that_comes_twice_is_two_parts(now: float) -> None:
    twice = datetime(2025, 10, 26, 2, 0).timestamp()  # noqa: DTZ001  (local; the first one)
    period = gathering.period(now - 2 * _DAY, now)
    at = period.starts.index(twice)
    assert period.starts[at + 1] == twice + _HOUR
    stays = [(twice + 1, twice + 2), (twice + _HOUR + 1, twice + _HOUR + 3)] * 2
    seen = gathering.history(period, {}, stays, [])
    assert seen.dead[at - 1 : at + 3] == [0, 2, 2, 0]


def test_the_ledger_tells_what_was_delivered_when(home: Scratch) -> None:
    with past(home.paths) as ledger:
        for at in (1800.0, 1801.0, 2699.0, 2700.0, 899.0):
            ledger.delivered(f"at {at}", at)
        ledger.taken_in("waits", 3000.0)
    with Reader(home.paths.ledger) as reader:
        assert reader.deliveries(900.0, 900.0) == {1800.0: 3, 2700.0: 1}
        assert reader.began() == 1799.0


def test_the_ledger_tells_when_dead_letters_came_and_went(home: Scratch) -> None:
    with past(home.paths) as ledger:
        moved = ledger.taken_in("moved", 100.0)
        ledger.failed(moved, 110.0)
        ledger.buried(moved, "moved", 150.0)
        ledger.failed(moved, 160.0, "outage")
        ledger.failed(moved, 170.0, "unanswered")
        ledger.retried(moved, "moved", 1, 180.0)
        ledger.retried(moved, "moved", 2, 240.0)
        ledger.recovered(moved, 300.0)
        adopted = ledger.adopted(dead("adopted", moved_to_dlq_at=350.0), 400.0)
        ledger.discarded(adopted, 500.0)
        ledger.recovered(ledger.adopted(dead("earlier"), 10.0), 20.0)
        ledger.adopted(dead("still there"), 450.0)
        ledger.delivered("never dead", 460.0)
    with Reader(home.paths.ledger) as reader:
        assert sorted(reader.stays(100.0)) == [(150.0, 300.0), (350.0, 500.0)]


def test_dead_letters_of_the_file_count_from_their_move(home: Scratch) -> None:
    now = time.time()
    with past(home.paths) as ledger:
        ledger.delivered("first", now - 10 * _HOUR)
    letters = [
        dead("a", moved_to_dlq_at=now - 3 * _HOUR),
        dead("b", moved_to_dlq_at=now + 5 * _HOUR),
        dead("c", moved_to_dlq_at="yesterday"),
    ]
    home.write("mem0_queue_dlq.json", {"items": letters})
    seen = _gathered(now).past
    assert seen is not None
    assert (seen.dead[0], seen.dead[-1]) == (2, 3)
    assert sum(seen.delivered) == 1


def test_the_past_of_the_dlq_stays_what_it_was(home: Scratch) -> None:
    now = time.time()
    letter = dead("a", moved_to_dlq_at=now - 20 * _HOUR)
    reports: list[dict[float, int]] = []

    def report(at: float) -> None:
        seen = _gathered(at).past
        assert seen is not None
        reports.append(dict(zip(seen.period.starts[:-1], seen.dead, strict=False)))

    with past(home.paths) as ledger:
        ledger.delivered("first", now - 30 * _HOUR)
        ledger.adopted(letter, now - 17 * _HOUR)
        report(now - 15 * _HOUR)
        for hours in (14, 11):
            letter, key = ledger.edited(letter, f"text {hours}", now - hours * _HOUR)
            report(now - (hours - 2) * _HOUR)
        ledger.discarded(key, now - 8 * _HOUR - 1)
        ledger.restored(letter, now - 8 * _HOUR)
        report(now - 6 * _HOUR)
        ledger.recovered(key, now - 5 * _HOUR)
        letter = {}
        report(now - 3 * _HOUR)
    for earlier, later in itertools.pairwise(reports):
        assert {at: later[at] for at in earlier} == earlier
    assert set(reports[-1].values()) == {0, 1}


def test_without_a_memory_there_is_no_past(home: Scratch) -> None:
    home.write("mem0_queue_dlq.json", {"items": []})
    assert _gathered(time.time()).past is None


def test_the_dlq_has_one_size(home: Scratch) -> None:
    """The chart's "now" is that of `status`: what makes no sense counts, with an id or without."""
    home.write("mem0_queue_dlq.json", {"items": [dead("a"), {"id": "odd"}, None, 7]})
    with worker(home.paths):
        pass
    seen = _gathered(time.time())
    assert seen.past is not None
    assert seen.past.dead_now == seen.overview.dlq == 4
    assert seen.nonsense == 3


def test_what_waits_is_what_status_counts(home: Scratch) -> None:
    home.write("mem0_queue.json", queue_document([entry("sent"), entry("left")]))
    with worker(home.paths) as context:
        context.outbox.record_delivery(min(context.inbox.fresh_entries()), "s", time.time())
    seen = _gathered(time.time())
    assert seen.overview.queue == 1
