"""Which notifications are due, and when: bursts, the limit of an hour, levels."""

import random

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING
from mem0tray.desktop.notify.notices import BURST, DOWN_AFTER, HOUR, LIMIT, Subject
from mem0tray.ledger.waiting import Counts
from tests.desktop.notice_desk import Desk, alert, healthy_desk, moved, recovered


@pytest.fixture
def desk() -> Desk:
    """Start with a worker that is healthy."""
    return healthy_desk()


# Bursts -------------------------------------------------------------------------


def test_one_event_is_told_when_no_other_has_joined_it(desk: Desk) -> None:
    desk.happens(moved())
    desk.passes(BURST - 0.01)
    assert desk.seen == []
    desk.passes(0.02)
    assert desk.titles == ["Moved to DLQ"]
    assert desk.last.body == "Not delivered, tried again later: alpha (ID: 12345678…)."


def test_a_recovery_is_told(desk: Desk) -> None:
    desk.happens(recovered())
    desk.passes(BURST)
    assert desk.titles == ["DLQ recovered"]
    assert desk.last.body == "Delivered after all: alpha (ID: 87654321…)."


def test_a_burst_becomes_one_with_counts_by_project(desk: Desk) -> None:
    for project in ("alpha", "beta", "alpha", "alpha"):
        desk.happens(moved(project))
        desk.passes(BURST - 1)
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"]
    assert desk.last.body == "4 memories not delivered, tried again later.\nalpha: 3, beta: 1"


def test_subjects_do_not_mix(desk: Desk) -> None:
    desk.happens(moved(), recovered(), moved())
    desk.passes(BURST)
    assert sorted(desk.titles) == ["DLQ recovered", "Moved to DLQ"]


def test_events_apart_are_told_apart(desk: Desk) -> None:
    desk.happens(moved())
    desk.passes(BURST + 1)
    desk.happens(moved("beta"))
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"] * 2


def test_a_burst_without_end_is_shown_now_and_then_and_counts_all(desk: Desk) -> None:
    for _ in range(3600):
        desk.happens(recovered())
        desk.passes(1)
    desk.passes(HOUR)
    assert len(desk.seen) == LIMIT
    first, *_ = desk.seen
    assert first[0] < 1_000 + 10 + 65
    assert desk.told[Subject.RECOVERED] == 3600


def test_many_projects_are_counted_without_end(desk: Desk) -> None:
    for number in range(1_000):
        desk.happens(moved(f"project-{number}"))
    desk.happens(*[moved("large")] * 3)
    desk.passes(BURST)
    assert desk.last.body.startswith("1,003 memories not ")
    assert desk.last.body.count(":") == 5
    assert "others: 999" in desk.last.body


def test_hostile_names_stay_one_short_line(desk: Desk) -> None:
    for project in ("a\nb\0\ud800\u202e", "x" * 10**6):
        desk.happens(moved(project), moved(project))
    desk.passes(BURST)
    lines = desk.last.body.splitlines()
    assert lines[1] == f"a b: 2, {'x' * 39}…: 2"


def test_an_empty_project_has_a_name(desk: Desk) -> None:
    desk.happens(moved(""), moved(""), moved("alpha"))
    desk.passes(BURST)
    assert "(no project): 2, alpha: 1" in desk.last.body


# What is delivered meanwhile ---------------------------------------------------------


def test_a_move_is_not_shown_once_its_memory_is_delivered(desk: Desk) -> None:
    desk.happens(moved("beta", "b"), moved("alpha", "a"), recovered("alpha", "a"))
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ", "DLQ recovered"]
    assert desk.seen[0][1].body == "Not delivered, tried again later: beta (ID: b…)."
    desk.happens(*(moved("gamma", f"g{number}") for number in range(30)))
    desk.happens(*(recovered("gamma", f"g{number}") for number in range(30)))
    desk.passes(HOUR)
    assert desk.titles[2:] == ["DLQ recovered"]


def test_a_move_that_had_to_wait_is_not_shown_once_its_memory_is_delivered(desk: Desk) -> None:
    for number in range(LIMIT + 3):
        desk.happens(moved(f"p{number}", f"id{number}"))
        desk.passes(2 * BURST)
    desk.happens(recovered("p6", "id6"), recovered("p8", "id8"))
    desk.passes(HOUR)
    sums = [notice.body for _, notice in desk.seen if "Moved to DLQ" in notice.title][5:]
    assert [body.splitlines()[1] for body in sums] == ["p5: 1, p7: 1"]


@pytest.mark.parametrize("stuck", [0, 1])
def test_good_news_follows_whatever_was_shown(desk: Desk, stuck: int) -> None:
    desk.happens(*[moved("stuck", "s")] * stuck)
    desk.passes(2 * BURST)
    shown = LIMIT - 1 - stuck
    for number in range(shown):
        desk.happens(moved("alpha", f"id{number}"))
        desk.passes(2 * BURST)
    for number in range(shown):
        desk.happens(recovered("alpha", f"id{number}"))
        desk.passes(2 * BURST)
        assert desk.titles[-1] == "DLQ recovered"
    assert desk.titles.count("DLQ recovered") == shown


def test_good_news_about_one_notice_is_one(desk: Desk) -> None:
    desk.happens(*(moved("alpha", f"id{number}") for number in range(10)))
    desk.passes(2 * BURST)
    for number in range(10):
        desk.happens(recovered("alpha", f"id{number}"))
        desk.passes(2 * BURST)
    assert desk.titles == ["Moved to DLQ"] + ["DLQ recovered"] * (LIMIT - 1)
    assert desk.last.body.startswith("6 memories")


# The limit of an hour --------------------------------------------------------------


def test_six_an_hour_and_the_rest_summed_up(desk: Desk) -> None:
    for number in range(19):
        desk.happens(moved(f"p{number % 2}"))
        desk.passes(2 * BURST)
    desk.happens(moved("p1"))
    assert len(desk.seen) == LIMIT - 1
    assert desk.notices.next_due() > desk.now + HOUR / 2, "what has to wait wakes nobody before"
    desk.passes(HOUR)
    assert len(desk.seen) == LIMIT
    assert "15 memories not delivered, tried again later.\np1: 8, p0: 7\n" in desk.last.body
    assert "Summed up since " in desk.last.body
    desk.passes(3 * HOUR)
    assert len(desk.seen) == LIMIT


def test_the_last_place_is_kept_for_what_needs_the_user(desk: Desk) -> None:
    for _ in range(8):
        desk.happens(moved())
        desk.passes(2 * BURST)
    desk.happens(recovered("beta"))
    desk.passes(2 * BURST)
    desk.happens(alert())
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"] * 5 + ["Memories not delivered"]
    assert "Moved to DLQ: 3 (alpha: 3)\nDLQ recovered: 1 (beta: 1)\n" in desk.last.body


def test_pressing_ones_are_limited_too(desk: Desk) -> None:
    for number in range(10):
        desk.state(ACTION_NEEDED, f"reason {number}")
        desk.passes(2 * BURST)
    assert len(desk.seen) == LIMIT
    desk.passes(HOUR)
    assert len(desk.seen) == LIMIT + 1
    assert desk.last.body.startswith("Reason 9.\n")


# Levels ---------------------------------------------------------------------------------


def _everything(desk: Desk) -> None:
    desk.happens(moved(), recovered(), alert(), events.HandEdit(discarded=1))
    desk.passes(HOUR)
    desk.state(DOWN, "x")
    desk.passes(HOUR)
    desk.state(HEALTHY)
    desk.passes(HOUR)


def test_level_problems_shows_no_good_news(desk: Desk) -> None:
    desk.notices.level = "problems"
    _everything(desk)
    assert set(desk.titles) == {
        "Moved to DLQ",
        "Memories not delivered",
        "Removed by hand",
        "Server down",
    }


def test_level_none_shows_nothing(desk: Desk) -> None:
    desk.notices.level = "none"
    _everything(desk)
    desk.notices.level = "all"
    desk.passes(HOUR)
    assert desk.seen == []


def test_level_all_shows_all(desk: Desk) -> None:
    _everything(desk)
    assert len(set(desk.titles)) == 6


# A day ----------------------------------------------------------------------------------


def _random_event(chance: random.Random) -> Event:
    project = f"project-{chance.randrange(500)}"
    kinds: list[Event] = [
        moved(project),
        recovered(project),
        events.StateChanged(chance.choice([HEALTHY, DOWN, PAUSED]), reasons.quoted("x")),
        events.StateChanged(ACTION_NEEDED, reasons.quoted(f"reason {chance.randrange(10**6)}")),
        events.HandEdit(discarded=chance.randrange(3)),
        events.FileBroken(f"{project}.json", "x", "y"),
        chance.choice([alert(), events.AlertOver("dlq_size")]),
    ]
    return chance.choice(kinds)


def test_a_day_of_everything(desk: Desk) -> None:
    chance = random.Random(7)  # noqa: S311  (the same day each time)
    end = desk.now + 24 * HOUR
    happened = 0
    while desk.now < end:
        found = [_random_event(chance) for _ in range(chance.choice([1, 1, 1, 40]))]
        happened += sum(isinstance(event, events.MovedToDlq) for event in found)
        desk.happens(*found)
        desk.passes(chance.choice([0.1, 1, 4, 30, 300]))
        groups = desk.notices._groups
        assert len(groups) <= 9
        assert all(len(group.names) <= 20 for group in groups.values())
        assert len(desk.notices._moved) <= LIMIT
        assert desk.notices._trouble is None or len(desk.notices._trouble.reasons) <= 20
    good = ("Server back", "DLQ recovered")
    times = [at for at, notice in desk.seen if notice.title not in good]
    assert len(times) > 100
    assert all(times[n + LIMIT] - times[n] > HOUR - 0.001 for n in range(len(times) - LIMIT))
    desk.passes(2 * HOUR)
    assert desk.told[Subject.MOVED] == happened


def test_a_day_of_outages(desk: Desk) -> None:
    for _ in range(10):
        for _ in range(30):
            desk.state(DOWN, "x")
            desk.passes(60)
            desk.state(HEALTHY)
            desk.passes(BURST - 1)
        desk.state(HEALTHY)
        desk.passes(2 * HOUR)
    assert desk.titles == ["Server down", "Server back"] * 10


# Outages -----------------------------------------------------------------------------


def test_an_outage_is_told_after_two_minutes(desk: Desk) -> None:
    desk.notices.observe(Counts(7, 3, None))
    desk.state(DOWN, "connection refused")
    desk.passes(DOWN_AFTER - 1)
    assert desk.seen == []
    desk.passes(1)
    assert desk.titles == ["Server down"]
    waiting, since = desk.last.body.splitlines()
    assert since.endswith(": Connection refused.")
    assert waiting == "10 memories waiting until it is back."


def test_a_short_outage_is_not_told(desk: Desk) -> None:
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER - 1)
    desk.state(HEALTHY)
    desk.passes(HOUR)
    assert desk.seen == []


def test_the_return_is_told_with_counts(desk: Desk) -> None:
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    desk.notices.observe(Counts(1_234, 1, None))
    desk.state(HEALTHY)
    desk.notices.observe(Counts(0, 0, None))
    desk.passes(BURST)
    assert desk.titles == ["Server down", "Server back"]
    assert desk.last.body.endswith("Waiting: 1,235 memories.")
    assert desk.last.body.startswith("Down from ")


def test_an_outage_is_one_until_it_stays_healthy(desk: Desk) -> None:
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    for name in (PAUSED, DOWN, STARTING, HEALTHY, DOWN):
        desk.state(name)
        desk.passes(BURST - 1)
    desk.passes(HOUR)
    desk.state(HEALTHY)
    desk.passes(HOUR)
    assert desk.titles == ["Server down", "Server back"]


def test_the_two_minutes_count_from_the_first_of_it(desk: Desk) -> None:
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER - 10)
    desk.state(HEALTHY)
    desk.passes(1)
    desk.state(DOWN, "x")
    desk.passes(9)
    assert desk.titles == ["Server down"]


def test_a_server_that_never_answered_is_down() -> None:
    fresh = Desk()
    fresh.state(STARTING)
    fresh.state(DOWN, "x")
    fresh.passes(DOWN_AFTER)
    assert fresh.titles == ["Server down"]


def test_an_outage_that_had_to_wait_is_told_as_over(desk: Desk) -> None:
    for number in range(LIMIT):
        desk.state(ACTION_NEEDED, f"reason {number}")
        desk.passes(2 * BURST)
    for _ in range(2):
        desk.state(DOWN, "x")
        desk.passes(DOWN_AFTER)
        desk.state(HEALTHY)
        desk.passes(2 * BURST)
    assert len(desk.seen) == LIMIT
    desk.passes(HOUR)
    assert desk.titles[LIMIT:] == ["Server back"]
    assert desk.last.body.startswith("Down from ")


def test_the_return_is_not_held_back(desk: Desk) -> None:
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    for _ in range(LIMIT + 1):
        desk.happens(moved())
        desk.passes(2 * BURST)
    assert desk.titles == ["Server down"] + ["Moved to DLQ"] * (LIMIT - 2)
    desk.state(HEALTHY)
    desk.passes(BURST)
    assert desk.titles[-1] == "Server back"


def test_the_end_of_an_outage_takes_no_place(desk: Desk) -> None:
    for _ in range(LIMIT - 1):
        desk.happens(moved())
        desk.passes(2 * BURST)
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    desk.state(HEALTHY)
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"] * (LIMIT - 1) + ["Server down", "Server back"]


# What is over ---------------------------------------------------------------------------


def test_what_the_user_has_done_is_taken_away(desk: Desk) -> None:
    desk.state(ACTION_NEEDED, "one")
    desk.passes(BURST)
    desk.state(DOWN, "x")
    desk.passes(BURST)
    assert desk.notices.over() == set()
    desk.state(HEALTHY)
    desk.passes(BURST)
    assert desk.notices.over() == {Subject.ACTION}
    assert desk.notices.over() == set()


def test_an_alert_that_has_ended_is_taken_away(desk: Desk) -> None:
    desk.happens(alert())
    desk.passes(BURST)
    desk.happens(events.AlertOver("dlq_size"))
    assert desk.notices.over() == {Subject.ALERT_SIZE}


# Action needed -------------------------------------------------------------------------


def test_action_needed_is_told_with_its_reason(desk: Desk) -> None:
    desk.state(ACTION_NEEDED, "choose a server")
    desk.passes(BURST)
    assert desk.titles == ["Action needed"]
    assert desk.last.body == "Choose a server."


def test_a_passing_trouble_is_not_told(desk: Desk) -> None:
    desk.state(ACTION_NEEDED, "x")
    desk.passes(BURST - 1)
    desk.state(HEALTHY)
    desk.passes(HOUR)
    assert desk.seen == []


def test_each_reason_is_told_once_until_all_is_well(desk: Desk) -> None:
    for reason in ("one", "two", "one"):
        desk.state(ACTION_NEEDED, reason)
        desk.passes(2 * BURST)
        desk.state(DOWN, "x")
        desk.passes(2 * BURST)
    assert [notice.body for _, notice in desk.seen] == ["One.", "Two."]
    desk.state(HEALTHY)
    desk.passes(2 * BURST)
    desk.state(ACTION_NEEDED, "one")
    desk.passes(BURST)
    assert desk.last.body == "One."
    assert len(desk.seen) == 3
