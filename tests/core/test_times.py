"""Times and durations in words."""

import pytest

from mem0tray.core import text


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (None, "–"), (1e30, "–"), (0, "–"), (-5, "–"), (10_000.5, "just now"),
        (9_970, "30 s ago"), (9_800, "3 min ago"), (10_000 - 7200, "2 h ago"),
        (10_020, "in 20 s"), (10_479.9, "in 8 min"), (10_059.7, "in 1 min"), (13_599.5, "in 1 h"),
        (10_000 + 1800, "in 30 min"), (10_000 + 86_399, "in 1 d"),
        (10_000 + 86_400 * 40, "in 40 d"),
    ],
)  # fmt: skip
def test_ages_in_words(at: float | None, shown: str) -> None:
    """An age is given in its largest unit, to the nearest of it."""
    assert text.ago(at, 10_000) == shown


@pytest.mark.parametrize(
    ("at", "shown"),
    [(0, "due now"), (9_000, "due now"), (10_000.9, "due now"), (10_020, "in 20 s")],
)
def test_what_is_to_come_is_never_just_now(at: float, shown: str) -> None:
    assert text.due(at, 10_000) == shown


@pytest.mark.parametrize("at", [None, 0, -1, 1e300, float("inf"), float("nan")])
def test_impossible_times_are_a_dash(at: float | None) -> None:
    assert text.moment(at, 0) == text.NEVER
