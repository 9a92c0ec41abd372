"""A day of events at speed: every notification once, and nothing grows."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.proofs.day.proof import HOUR, MEGABYTE, Needs, Result, Shown, faults, play

if TYPE_CHECKING:
    from tests.support.desktop import Desktop

FLAT: Final[Needs] = {
    "rss": 90 * MEGABYTE,
    "anonymous": 60 * MEGABYTE,
    "descriptors": 12,
    "threads": 9,
}
ONE: Final = "Server down"
GOOD: Final = Result([FLAT] * 5, [Shown(10.0, ONE)], [ONE], [ONE])


def test_some_hours(desktop: "Desktop", tmp_path: Path) -> None:
    assert list(faults(play(desktop, tmp_path / "player", 5, 7))) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_whole_day(desktop: "Desktop", tmp_path: Path, seed: int) -> None:
    """Eighteen calm hours and six stormy ones, of different kinds."""
    assert list(faults(play(desktop, tmp_path / "player", 24, seed))) == []


def test_what_is_well_is_no_fault() -> None:
    assert list(faults(GOOD)) == []


@pytest.mark.parametrize("name", FLAT)
def test_growth_is_seen(name: str) -> None:
    """A little in each hour after warming up is too much."""
    needs = [{**FLAT, name: FLAT[name] + n * max(1, FLAT[name] // 50)} for n in range(5)]
    (fault,) = faults(replace(GOOD, needs=needs))
    assert fault.startswith(f"{name} grew by ")


@pytest.mark.parametrize(
    ("titles", "arrived"),
    [([], []), ([ONE, ONE], [ONE, ONE]), ([ONE], [ONE, ONE])],
    ids=["none", "two", "two arrived"],
)
def test_one_too_few_or_too_many_is_seen(titles: list[str], arrived: list[str]) -> None:
    shown = [Shown(10.0 * n, title) for n, title in enumerate(titles)]
    assert list(faults(replace(GOOD, shown=shown, arrived=arrived)))


def test_seven_within_an_hour_are_seen() -> None:
    for last, wrong in ((HOUR - 1, True), (HOUR, False)):
        times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, last]
        shown = [*GOOD.shown, *(Shown(1e5 + at, "Moved to DLQ", stormy=True) for at in times)]
        arrived = [each.title for each in shown]
        found = list(faults(replace(GOOD, shown=shown, arrived=arrived)))
        assert bool(found) is wrong, found
