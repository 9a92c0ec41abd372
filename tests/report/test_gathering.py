"""What the page shows, counted as everywhere else, and over time."""

import itertools
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from mem0tray.config.settings import load
from mem0tray.report import gathering
from mem0tray.report.gathering import Gathered
from tests.actions.scene import worker
from tests.cli.scratch import Scratch
from tests.report.past import past
from tests.support import needs
from tests.support.shapes import dead

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
@pytest.mark.parametrize(("days", "parts"), [(0.1, 2), (3.1, 5), (5, 7), (90, 30)])
def test_the_past_is_shown_from_the_day_before_the_first_memory(
    now: float, days: float, parts: int
) -> None:
    starts = gathering.days(now - days * _DAY, now)
    assert len(starts) == parts
    assert {time.strftime("%H:%M", time.localtime(at)) for at in starts} == {"00:00"}


@needs.CLOCK
@pytest.mark.parametrize(
    ("stays", "since", "dead"),  # in hours of the period's four
    [
        ([(-9, 0.1), (0.1, 2.1), (1.1, 1.2)], [-9, 3.1], [3, 3, 2, 2]),
        ([(1, 1.4), (1.1, 1.5), (1.2, 1.6), (1.3, 2.1)], [], [0, 4, 1, 0]),
        ([(0, 1), (1, 2), (1.2, 1.2)], [], [1, 2, 0, 0]),
    ],
    ids=["within a part", "all at one moment", "at the edges"],
)
def test_the_most_dead_letters_of_each_part_are_shown(
    now: float, stays: list[tuple[float, float]], since: list[float], dead: list[int]
) -> None:
    starts = [now + number * _HOUR for number in range(4)]

    def at(hours: float) -> float:
        return starts[0] + round(hours * _HOUR)

    seen = gathering.history(starts, {}, [(at(a), at(b)) for a, b in stays], map(at, since))
    assert (seen.dead, seen.dead_now) == (dead, len(since))


def test_the_past_of_the_dlq_stays_what_it_was(home: Scratch) -> None:
    now = time.time()
    letter = dead("a", moved_to_dlq_at=now - 20 * _DAY)
    reports: list[dict[float, int]] = []

    def report(at: float) -> None:
        seen = _gathered(at).past
        assert seen is not None
        reports.append(dict(zip(seen.starts[:-1], seen.dead, strict=False)))

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
    assert _gathered(time.time()).past is None
    home.write("mem0_queue_dlq.json", {"items": [dead("a"), {"id": "odd"}, None, 7]})
    with worker(home.paths):
        pass
    seen = _gathered(time.time())
    assert seen.past is not None
    assert seen.past.dead_now == seen.overview.dlq == 4
    assert seen.nonsense == 3
