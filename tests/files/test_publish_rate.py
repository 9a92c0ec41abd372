"""How often files are published."""

import math

import pytest

from mem0tray.files.publish_rate import PublishRate


def test_files_are_published_once_a_second_at_most() -> None:
    rate = PublishRate()
    assert rate.ready(0.0)
    rate.note_cost(100.0, 0.001)
    assert (rate.ready(100.9), rate.ready(101.0)) == (False, True)
    assert (rate.wait(100.25), rate.wait(200.0)) == (0.75, 0.0)


@pytest.mark.parametrize(
    ("longest", "cost", "wait"),
    [(math.inf, 0.05, 1.0), (math.inf, 0.1, 1.9), (math.inf, 2.0, 38.0), (5.0, 2.0, 5.0)],
)
def test_what_takes_long_is_published_more_rarely(longest: float, cost: float, wait: float) -> None:
    rate = PublishRate(longest)
    rate.note_cost(100.0, cost)
    assert rate.wait(100.0) == pytest.approx(wait)


def test_a_command_waits_for_what_was_published_within_a_tenth_of_a_second() -> None:
    rate = PublishRate()
    found = [rate.is_quick]
    for cost in (0.099, 0.1):
        rate.note_cost(0.0, cost)
        found.append(rate.is_quick)
    assert found == [True, True, False]
