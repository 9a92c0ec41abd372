"""How many requests at once, and which lane's turn it is."""

import pytest

from mem0tray.core.item import DEAD, FRESH
from mem0tray.worker.sending.schedule import Throttle, choose_lane


def after(*answers: float) -> Throttle:
    throttle = Throttle()
    for answer in answers:
        throttle.note_answer(answer)
    return throttle


def test_slots_grow_with_the_median() -> None:
    """Slower answers never mean fewer slots, and just above 5 ms there is more than one."""
    answers = (0.0051, 0.0075, 0.01, 0.02, 1.0, 60.0)
    slots = [after(*[answer] * 9).slots([], 8, both_lanes=False) for answer in answers]
    assert slots == sorted(slots)
    assert slots[0] > 1
    assert slots[-1] == 8


@pytest.mark.parametrize("limit", [1, 2, 8])
@pytest.mark.parametrize("answer", [0.001, 60.0])
def test_two_lanes_have_two_slots(limit: int, answer: float) -> None:
    assert 2 <= after(*[answer] * 9).slots([], limit, both_lanes=True) <= max(limit, 2)


def test_the_median_forgives_an_outlier() -> None:
    assert after(*[0.001] * 8, 30.0).slots([], 8, both_lanes=False) == 1


def test_old_answers_are_forgotten() -> None:
    """A server that has become fast is treated as one after five answers: the last nine count."""
    slots = [after(*[1.0] * 9, *[0.001] * n).slots([], 8, both_lanes=False) for n in (4, 5, 9)]
    assert slots == [8, 1, 1]


def test_an_unanswered_request_counts_with_its_age() -> None:
    assert Throttle().slots([0.5], 8, both_lanes=False) == 8


def test_a_stalled_request_does_not_hold_up_others() -> None:
    throttle = after(*[0.001] * 9)
    assert throttle.slots([5.0], 8, both_lanes=False) == 2
    assert throttle.slots([5.0, 5.0], 8, both_lanes=False) == 3
    assert throttle.slots([5.0, 5.0], 2, both_lanes=False) == 2


@pytest.mark.parametrize("slots", range(2, 9))
def test_each_lane_gets_half_of_the_slots(slots: int) -> None:
    under_way = {FRESH: 0, DEAD: 0}
    last = FRESH
    while (chosen := choose_lane({FRESH: True, DEAD: True}, under_way, slots, last)) is not None:
        under_way[chosen] += 1
        last = chosen
    assert sum(under_way.values()) == slots
    assert min(under_way.values()) >= slots // 2
