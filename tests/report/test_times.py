"""Times in words."""

import pytest

from mem0tray.core.language import Language
from mem0tray.report import times

_NOW = 1_764_500_000.0
_ENGLISH = Language("en")


@pytest.mark.parametrize("at", [None, 0.0, -1e300, 1e300, 253_402_300_800.0])
def test_times_that_cannot_be(at: float | None) -> None:
    """A dash for never and for what no calendar has."""
    assert times.absolute(at, _ENGLISH) == times.NEVER
    assert times.relative(at, _NOW, _ENGLISH) == times.NEVER


def test_times_that_this_system_cannot_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows knows no year beyond 3000."""

    def fail(_: Language, moment: float) -> str:
        raise OSError(moment)

    monkeypatch.setattr(Language, "date", fail)
    assert times.absolute(_NOW, _ENGLISH) == times.NEVER


def test_times_near_and_far() -> None:
    """Just now, ago and in; the date beside the time of day only where it is far."""
    assert times.relative(_NOW - 2, _NOW, _ENGLISH) == "just now"
    assert times.relative(_NOW - 7200, _NOW, _ENGLISH) == "2 hours ago"
    assert times.relative(_NOW + 60, _NOW, _ENGLISH) == "in 1 minute"
    assert len(times.clock(_NOW + 60, _NOW, _ENGLISH)) == len("12:00")
    assert "2025" in times.clock(_NOW + 2 * 86_400, _NOW, _ENGLISH)
