"""Which notifications are due, and when: bursts, the limit of an hour, levels."""

import random

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED
from mem0tray.desktop.notify.notices import BURST, HOUR, LIMIT, Subject
from tests.desktop.notice_desk import Desk, alert, healthy_desk, moved, recovered


@pytest.fixture
def desk() -> Desk:
    """Start with a worker that is healthy."""
    return healthy_desk()


# Bursts -------------------------------------------------------------------------


def test_one_event_is_told_when_no_other_has_joined_it(desk: Desk) -> None:
    """A single move shows project, short id and attempts, five seconds later."""
    desk.happens(moved())
    desk.passes(BURST - 0.01)
    assert desk.seen == []
    desk.passes(0.02)
    assert desk.titles == ["Moved to DLQ"]
    assert desk.last.body == "Will be retried: alpha (ID: 12345678…), 5 attempts failed."


def test_a_recovery_is_told(desk: Desk) -> None:
    """A recovery shows project, short id and retries."""
    desk.happens(recovered())
    desk.passes(BURST)
    assert desk.titles == ["DLQ recovered"]
    assert desk.last.body == "Delivered after 3 failed retries: alpha (ID: 87654321…)."


def test_a_burst_becomes_one_with_counts_by_project(desk: Desk) -> None:
    """Events of one subject within five seconds of each other are one notice."""
    for project in ("alpha", "beta", "alpha", "alpha"):
        desk.happens(moved(project))
        desk.passes(BURST - 1)
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"]
    assert desk.last.body == "4 memories: they are retried automatically.\nalpha: 3, beta: 1"


def test_subjects_do_not_mix(desk: Desk) -> None:
    """Moves and recoveries of the same seconds are a notice each."""
    desk.happens(moved(), recovered(), moved())
    desk.passes(BURST)
    assert sorted(desk.titles) == ["DLQ recovered", "Moved to DLQ"]


def test_events_apart_are_told_apart(desk: Desk) -> None:
    """After five quiet seconds the next event is another notice."""
    desk.happens(moved())
    desk.passes(BURST + 1)
    desk.happens(moved("beta"))
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"] * 2


def test_a_burst_without_end_is_told_ever_more_rarely(desk: Desk) -> None:
    """A stream of an hour makes few notices, and every event is in one of them."""
    for _ in range(3600):
        desk.happens(recovered())
        desk.passes(1)
    desk.passes(BURST)
    assert len(desk.seen) == 4
    first, *_ = desk.seen
    assert first[0] < 1_000 + 10 + 65
    counts = [int(notice.body.split()[0].replace(",", "")) for _, notice in desk.seen]
    assert sum(counts) == 3600


def test_many_projects_are_counted_without_end(desk: Desk) -> None:
    """Of many projects the largest are named, the others counted together."""
    for number in range(1_000):
        desk.happens(moved(f"project-{number}"))
    desk.happens(*[moved("large")] * 3)
    desk.passes(BURST)
    assert desk.last.body.startswith("1,003 memories: ")
    assert desk.last.body.count(":") == 6
    assert "others: 999" in desk.last.body


def test_hostile_names_stay_one_short_line(desk: Desk) -> None:
    """A project with line breaks, controls or endless length harms no notice."""
    for project in ("a\nb\0\ud800\u202e", "x" * 10**6):
        desk.happens(moved(project), moved(project))
    desk.passes(BURST)
    lines = desk.last.body.splitlines()
    assert lines[1] == f"a b: 2, {'x' * 39}…: 2"


def test_an_empty_project_has_a_name(desk: Desk) -> None:
    """What has no project is counted as such."""
    desk.happens(moved(""), moved(""), moved("alpha"))
    desk.passes(BURST)
    assert "(no project): 2, alpha: 1" in desk.last.body


# What is delivered meanwhile ---------------------------------------------------------


def test_a_move_is_not_shown_once_its_memory_is_delivered(desk: Desk) -> None:
    """Within the burst: the memories that still wait are counted and named."""
    desk.happens(moved("beta", "b"), moved("alpha", "a"), recovered("alpha", "a"))
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ", "DLQ recovered"]
    assert desk.seen[0][1].body == "Will be retried: beta (ID: b…), 5 attempts failed."
    desk.happens(*(moved("gamma", f"g{number}") for number in range(30)))
    desk.happens(*(recovered("gamma", f"g{number}") for number in range(30)))
    desk.passes(HOUR)
    assert desk.titles[2:] == ["DLQ recovered"]


def test_a_move_that_had_to_wait_is_not_shown_once_its_memory_is_delivered(desk: Desk) -> None:
    """The sum of an hour has no memory that was delivered in it."""
    for number in range(LIMIT + 3):
        desk.happens(moved(f"p{number}", f"id{number}"))
        desk.passes(2 * BURST)
    desk.happens(recovered("p6", "id6"), recovered("p8", "id8"))
    desk.passes(HOUR)
    sums = [notice.body for _, notice in desk.seen if "Moved to DLQ" in notice.title][5:]
    assert [body.splitlines()[1] for body in sums] == ["p5: 1, p7: 1"]


@pytest.mark.parametrize("stuck", [0, 1])
def test_good_news_follows_whatever_was_shown(desk: Desk, stuck: int) -> None:
    """However much was shown in the hour, and while another memory still waits."""
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
    """What it showed may come back one by one: the last is told at once, with what waited."""
    desk.happens(*(moved("alpha", f"id{number}") for number in range(10)))
    desk.passes(2 * BURST)
    for number in range(10):
        desk.happens(recovered("alpha", f"id{number}"))
        desk.passes(2 * BURST)
    assert desk.titles == ["Moved to DLQ"] + ["DLQ recovered"] * (LIMIT - 1)
    assert desk.last.body.startswith("6 memories")


def test_what_was_not_shown_is_in_the_next_one(desk: Desk) -> None:
    """It took no place of the hour; a delivery since is taken off."""
    for number in range(LIMIT):
        desk.happens(moved("alpha", f"a{number}"))
        desk.now += BURST
        (due,) = desk.notices.due(desk.now)
        desk.happens(moved("beta", f"b{number}"))  # while it is being sent
        desk.notices.not_shown(due)
    desk.happens(recovered("alpha", "a0"))
    desk.passes(BURST)
    first, second = desk.seen
    assert first[1].body == "11 memories: they are retried automatically.\nbeta: 6, alpha: 5"
    assert second[1].title == "DLQ recovered"


# The limit of an hour --------------------------------------------------------------


def test_six_an_hour_and_the_rest_summed_up(desk: Desk) -> None:
    """What is over the limit is shown later, counted, in one notice."""
    for number in range(19):
        desk.happens(moved(f"p{number % 2}"))
        desk.passes(2 * BURST)
    desk.happens(moved("p1"))
    assert len(desk.seen) == LIMIT - 1
    due = desk.notices.next_due()
    assert due is not None
    assert due > desk.now + HOUR / 2, "what has to wait wakes nobody before"
    desk.passes(HOUR)
    assert len(desk.seen) == LIMIT
    assert "15 memories: they are retried automatically.\np1: 8, p0: 7\n" in desk.last.body
    assert "Summed up since " in desk.last.body
    desk.passes(3 * HOUR)
    assert len(desk.seen) == LIMIT


def test_the_last_place_is_kept_for_what_needs_the_user(desk: Desk) -> None:
    """After five ordinary notices an alert is still shown, with the sum of what waited."""
    for _ in range(8):
        desk.happens(moved())
        desk.passes(2 * BURST)
    desk.happens(recovered("beta"))
    desk.passes(2 * BURST)
    desk.happens(alert())
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"] * 5 + ["DLQ alert"]
    assert "Moved to DLQ: 3 (alpha: 3)\nDLQ recovered: 1 (beta: 1)\n" in desk.last.body


def test_pressing_ones_are_limited_too(desk: Desk) -> None:
    """Six is the most in any hour, whatever they are about."""
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
    """Neither "recovered" nor "back" is shown."""
    desk.notices.level = "problems"
    _everything(desk)
    assert set(desk.titles) == {"Moved to DLQ", "DLQ alert", "Removed from the DLQ", "Server down"}


def test_level_none_shows_nothing(desk: Desk) -> None:
    """Nothing is shown, and nothing waits to be shown when the level changes."""
    desk.notices.level = "none"
    _everything(desk)
    desk.notices.level = "all"
    desk.passes(HOUR)
    assert desk.seen == []


def test_level_all_shows_all(desk: Desk) -> None:
    """The same events with every title."""
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
    """Six in any hour, good news aside; every move is counted once, and nothing grows."""
    chance = random.Random(7)  # noqa: S311  (the same day each time)
    end = desk.now + 24 * HOUR
    happened = 0
    while desk.now < end:
        found = [_random_event(chance) for _ in range(chance.choice([1, 1, 1, 40]))]
        happened += sum(isinstance(event, events.MovedToDlq) for event in found)
        desk.happens(*found)
        if chance.random() < 0.01:
            desk.notices.woke(desk.now)
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
    """A flapping server of ten outages makes ten pairs of notices, one of each an outage."""
    for _ in range(10):
        for _ in range(30):
            desk.state(DOWN, "x")
            desk.passes(60)
            desk.state(HEALTHY)
            desk.passes(BURST - 1)
        desk.state(HEALTHY)
        desk.passes(2 * HOUR)
    assert desk.titles == ["Server down", "Server back"] * 10
