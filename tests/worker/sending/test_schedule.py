"""Who sends next, and how many at a time."""

import pytest

from mem0tray.core.item import DEAD, FRESH
from mem0tray.worker.sending.schedule import Throttle, choose_lane


def after(*answers: float) -> Throttle:
    throttle = Throttle()
    for answer in answers:
        throttle.note_answer(answer)
    return throttle


def lane(
    pending: tuple[bool, int], dead: tuple[bool, int], slots: int, last: str = FRESH
) -> str | None:
    """Choose, given for each lane whether it has work and how many are under way."""
    return choose_lane(
        {FRESH: pending[0], DEAD: dead[0]}, {FRESH: pending[1], DEAD: dead[1]}, slots, last
    )


def test_the_first_request_goes_alone() -> None:
    assert Throttle().slots([], 8, both_lanes=False) == 1


@pytest.mark.parametrize("answer", [0.0, 0.001, 0.005])
def test_fast_answers_mean_one_at_a_time(answer: float) -> None:
    assert after(*[answer] * 9).slots([], 8, both_lanes=False) == 1


def test_slow_answers_open_all_slots() -> None:
    assert after(*[0.2] * 9).slots([], 8, both_lanes=False) == 8


def test_slots_grow_with_the_median() -> None:
    """Slower answers never mean fewer slots, and just above 5 ms there is more than one."""
    answers = (0.0051, 0.0075, 0.01, 0.02, 1.0, 60.0)
    slots = [after(*[answer] * 9).slots([], 8, both_lanes=False) for answer in answers]
    assert slots == sorted(slots)
    assert slots[0] > 1
    assert slots[-1] == 8


@pytest.mark.parametrize("limit", [1, 2, 8, 64])
def test_the_limit_holds(limit: int) -> None:
    assert after(*[60.0] * 9).slots([60.0] * 5, limit, both_lanes=False) == limit


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


def test_no_work_no_lane() -> None:
    assert lane((False, 0), (False, 0), 8) is None


@pytest.mark.parametrize("under_way", [(2, 0), (0, 2), (1, 1), (3, 3)])
def test_no_slot_no_lane(under_way: tuple[int, int]) -> None:
    assert lane((True, under_way[0]), (True, under_way[1]), 2) is None


def test_a_lone_lane_takes_every_slot() -> None:
    assert lane((True, 7), (False, 0), 8) == FRESH
    assert lane((False, 0), (True, 7), 8, last=DEAD) == DEAD


def test_lanes_take_turns() -> None:
    assert lane((True, 1), (True, 1), 8, last=FRESH) == DEAD
    assert lane((True, 1), (True, 1), 8, last=DEAD) == FRESH


def test_the_lane_with_fewer_under_way_comes_first() -> None:
    assert lane((True, 3), (True, 1), 8, last=DEAD) == DEAD
    assert lane((True, 0), (True, 4), 8, last=FRESH) == FRESH


@pytest.mark.parametrize("slots", range(2, 9))
def test_each_lane_gets_half_of_the_slots(slots: int) -> None:
    under_way = {FRESH: 0, DEAD: 0}
    last = FRESH
    while (chosen := choose_lane({FRESH: True, DEAD: True}, under_way, slots, last)) is not None:
        under_way[chosen] += 1
        last = chosen
    assert sum(under_way.values()) == slots
    assert min(under_way.values()) >= slots // 2


def test_with_one_slot_neither_lane_starves() -> None:
    last, turns = FRESH, []
    for _ in range(6):
        last = lane((True, 0), (True, 0), 1, last) or ""
        turns.append(last)
    assert turns == [DEAD, FRESH] * 3
