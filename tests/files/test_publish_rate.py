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
    ("longest", "cost", "wait", "quick"),
    [
        (math.inf, 0.05, 1.0, True), (math.inf, 0.099, 1.881, True), (math.inf, 0.1, 1.9, False),
        (math.inf, 2.0, 38.0, False), (5.0, 2.0, 5.0, False),
    ],
)  # fmt: skip
def test_what_takes_long_is_published_more_rarely_and_no_command_waits_for_it(
    longest: float, cost: float, wait: float, *, quick: bool
) -> None:
    rate = PublishRate(longest)
    assert rate.is_quick
    rate.note_cost(100.0, cost)
    assert rate.wait(100.0) == pytest.approx(wait)
    assert rate.is_quick is quick
