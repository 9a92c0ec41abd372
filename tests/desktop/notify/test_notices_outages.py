"""What is told of outages, and of what the user has to do."""

import pytest

from mem0tray.core import events
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING
from mem0tray.desktop.notify.notices import AWAKE_AFTER, BURST, DOWN_AFTER, HOUR, LIMIT, Subject
from mem0tray.ledger.waiting import Counts
from tests.desktop.notice_desk import Desk, alert, healthy_desk, moved


@pytest.fixture
def desk() -> Desk:
    """Start with a worker that is healthy."""
    return healthy_desk()


# Outages -----------------------------------------------------------------------------


def test_an_outage_is_told_after_two_minutes(desk: Desk) -> None:
    """With its beginning, the reason and what waits."""
    desk.notices.observe(Counts(7, 3, None))
    desk.state(DOWN, "connection refused")
    desk.passes(DOWN_AFTER - 1)
    assert desk.seen == []
    desk.passes(1)
    assert desk.titles == ["Server down"]
    waiting, since = desk.last.body.splitlines()
    assert since.endswith(": Connection refused.")
    assert waiting == "7 memories and 3 dead letters wait until it is back."


def test_a_short_outage_is_not_told(desk: Desk) -> None:
    """One that is over within two minutes makes neither notice."""
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER - 1)
    desk.state(HEALTHY)
    desk.passes(HOUR)
    assert desk.seen == []


def test_the_return_is_told_with_counts(desk: Desk) -> None:
    """What waited when the server came back, though it may be delivered by now."""
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    desk.notices.observe(Counts(1_234, 1, None))
    desk.state(HEALTHY)
    desk.notices.observe(Counts(0, 0, None))
    desk.passes(BURST)
    assert desk.titles == ["Server down", "Server back"]
    assert desk.last.body.endswith("Waiting: 1,234 memories, 1 dead letter.")
    assert desk.last.body.startswith("Down from ")


def test_an_outage_is_one_until_it_stays_healthy(desk: Desk) -> None:
    """Pauses, other troubles and a healthy moment within it make no second outage."""
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
    """A healthy moment does not begin them anew."""
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER - 10)
    desk.state(HEALTHY)
    desk.passes(1)
    desk.state(DOWN, "x")
    desk.passes(9)
    assert desk.titles == ["Server down"]


def test_nothing_is_down_in_the_first_minute_after_waking(desk: Desk) -> None:
    """An outage that began before the sleep is told a minute after it at the soonest."""
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER - 10)
    desk.notices.woke(desk.now)
    desk.passes(AWAKE_AFTER - 1)
    assert desk.seen == []
    desk.passes(1)
    assert desk.titles == ["Server down"]


def test_waking_shortens_nothing(desk: Desk) -> None:
    """An outage that begins on waking is told after two minutes."""
    desk.notices.woke(desk.now)
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER - 1)
    assert desk.seen == []
    desk.passes(1)
    assert desk.titles == ["Server down"]


def test_a_server_that_never_answered_is_down() -> None:
    """At the start too an outage is told after two minutes."""
    fresh = Desk()
    fresh.state(STARTING)
    fresh.state(DOWN, "x")
    fresh.passes(DOWN_AFTER)
    assert fresh.titles == ["Server down"]


def test_an_outage_that_had_to_wait_is_told_as_over(desk: Desk) -> None:
    """When there was no room for it, only its end is told, once there is."""
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
    assert desk.last.body.startswith("Down 2 times from ")


def test_the_return_is_not_held_back(desk: Desk) -> None:
    """Whoever was told "Server down" is told its end at once, however much else was told."""
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
    """With the last place of the hour "Server down" is shown, and its end follows all the same."""
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
    """When all is well "Action needed" is over, and said to be so once; before it is not."""
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
    """What the alert said is true no longer."""
    desk.happens(alert())
    desk.passes(BURST)
    desk.happens(events.AlertOver("dlq_size"))
    assert desk.notices.over() == {Subject.ALERT_SIZE}


# Action needed -------------------------------------------------------------------------


def test_action_needed_is_told_with_its_reason(desk: Desk) -> None:
    """What the user has to do stands in the notice."""
    desk.state(ACTION_NEEDED, "choose a server")
    desk.passes(BURST)
    assert desk.titles == ["Action needed"]
    assert desk.last.body == "Choose a server."


def test_a_passing_trouble_is_not_told(desk: Desk) -> None:
    """What has gone within five seconds needs nobody."""
    desk.state(ACTION_NEEDED, "x")
    desk.passes(BURST - 1)
    desk.state(HEALTHY)
    desk.passes(HOUR)
    assert desk.seen == []


def test_each_reason_is_told_once_until_all_is_well(desk: Desk) -> None:
    """Coming back to a reason says nothing new; after all was well it does."""
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
