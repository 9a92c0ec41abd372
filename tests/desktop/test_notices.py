"""Which notifications are due, and when."""

import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from mem0tray import events
from mem0tray.desktop import notice_texts
from mem0tray.desktop.notice_texts import Notice
from mem0tray.desktop.notices import (
    AWAKE_AFTER,
    BURST,
    DOWN_AFTER,
    HOUR,
    LIMIT,
    Due,
    Group,
    Notices,
    Subject,
)
from mem0tray.events import Event
from mem0tray.language import Language
from mem0tray.worker.metrics import Counts
from mem0tray.worker.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING

WALL = 1_764_460_000.0  # where the wall clock stands when the other is at 0


@dataclass
class Desk:
    """The policy with a clock in hand; `seen` is what was shown, `told` counts what it told."""

    notices: Notices = field(default_factory=Notices)
    now: float = 1_000.0
    seen: list[tuple[float, Notice]] = field(default_factory=list)
    told: Counter[Subject] = field(default_factory=Counter)

    def happens(self, *found: Event) -> None:
        """Let events come, now."""
        for event in found:
            self.notices.take(event, self.now, WALL + self.now)

    def state(self, name: str, reason: str = "") -> None:
        """Let the worker's state change."""
        self.happens(events.StateChanged(name, reason))

    def passes(self, seconds: float) -> None:
        """Let time pass, and ask just when the policy wants to be asked."""
        end = self.now + seconds
        while (due := self.notices.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.show()
        self.now = end
        self.show()

    def show(self) -> None:
        """Show what is due."""
        for each in self.notices.due(self.now):
            for group in (each.lead, *each.rest):
                self.told[group.subject] += group.count
            self.seen.append((self.now, notice_texts.compose(each, Language("en"))))
        due = self.notices.next_due()
        assert due is None or due > self.now, "it would be asked again at once, without end"

    @property
    def titles(self) -> list[str]:
        """The titles shown so far."""
        return [notice.title for _, notice in self.seen]

    @property
    def last(self) -> Notice:
        """The latest notice."""
        return self.seen[-1][1]


@pytest.fixture
def desk() -> Desk:
    """Start with a worker that is healthy."""
    result = Desk()
    result.state(STARTING)
    result.state(HEALTHY)
    result.passes(10)
    assert result.seen == []
    return result


def moved(project: str = "alpha", item_id: str = "12345678-9abc") -> events.MovedToDlq:
    """Make the event of a move."""
    return events.MovedToDlq(project, item_id, 5)


def recovered(project: str = "alpha") -> events.DlqRecovered:
    """Make the event of a recovery."""
    return events.DlqRecovered(project, "12345678-9abc", 3)


def alert(name: str = "dlq_size") -> events.AlertBegan:
    """Make the beginning of an alert."""
    return events.AlertBegan(name, 10, 30.0, 2, 12, WALL)


# Bursts -------------------------------------------------------------------------


def test_one_event_is_told_when_no_other_has_joined_it(desk: Desk) -> None:
    """A single move shows project, short id and attempts, five seconds later."""
    desk.happens(moved())
    desk.passes(BURST - 0.01)
    assert desk.seen == []
    desk.passes(0.02)
    assert desk.titles == ["Moved to DLQ"]
    assert desk.last.body == ("alpha (ID: 12345678…): 5 attempts failed. It is retried by itself.")


def test_a_recovery_is_told(desk: Desk) -> None:
    """A recovery shows project, short id and retries."""
    desk.happens(recovered())
    desk.passes(BURST)
    assert desk.titles == ["DLQ recovered"]
    assert desk.last.body == "alpha (ID: 12345678…): delivered after 3 failed retries."


def test_a_burst_becomes_one_with_counts_by_project(desk: Desk) -> None:
    """Events of one subject within five seconds of each other are one notice."""
    for project in ("alpha", "beta", "alpha", "alpha"):
        desk.happens(moved(project))
        desk.passes(BURST - 1)
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"]
    assert "4 memories\nalpha: 3, beta: 1\n" in desk.last.body


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
    assert desk.last.body.startswith("1,003 memories\n")
    assert desk.last.body.count(":") == 5
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
    assert "15 memories\np1: 8, p0: 7\n" in desk.last.body
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
    assert desk.last.body.startswith("reason 9\n")


# Outages -----------------------------------------------------------------------------


def test_an_outage_is_told_after_two_minutes(desk: Desk) -> None:
    """With its beginning, the reason and what waits."""
    desk.notices.observe(Counts(7, 3, None))
    desk.state(DOWN, "connection refused")
    desk.passes(DOWN_AFTER - 1)
    assert desk.seen == []
    desk.passes(1)
    assert desk.titles == ["Server down"]
    since, waiting = desk.last.body.splitlines()
    assert since.endswith(": connection refused")
    assert waiting == "Waiting: 7 memories, 3 dead letters."


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
    assert desk.last.body.startswith("It was down from ")


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
    assert desk.last.body.startswith("It was down 2 times between ")


# Action needed -------------------------------------------------------------------------


def test_action_needed_is_told_with_its_reason(desk: Desk) -> None:
    """What the user has to do stands in the notice."""
    desk.state(ACTION_NEEDED, "choose a server")
    desk.passes(BURST)
    assert desk.titles == ["Action needed"]
    assert desk.last.body == "choose a server"


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
    assert [notice.body for _, notice in desk.seen] == ["one", "two"]
    desk.state(HEALTHY)
    desk.passes(2 * BURST)
    desk.state(ACTION_NEEDED, "one")
    desk.passes(BURST)
    assert desk.last.body == "one"
    assert len(desk.seen) == 3


# Files and alerts -----------------------------------------------------------------------


def test_removed_items_can_be_restored(desk: Desk) -> None:
    """A hand edit that removed items says how many and how to undo it."""
    desk.happens(events.HandEdit(discarded=2), events.HandEdit(discarded=1, edited=4))
    desk.passes(BURST)
    assert desk.titles == ["Removed from the DLQ"]
    assert desk.last.body.startswith("3 dead letters were removed")
    assert "`mem0tray restore`" in desk.last.body
    assert desk.last.restores


def test_other_edits_are_not_told(desk: Desk) -> None:
    """An edit that removed nothing is what the user wanted."""
    desk.happens(events.HandEdit(edited=1, forced=2, adopted=3, restored=4))
    desk.passes(HOUR)
    assert desk.seen == []


def test_a_broken_file_is_told(desk: Desk) -> None:
    """Which file, and where what it held is kept; the parser's words are not shown."""
    desk.happens(events.FileBroken("mem0_queue_dlq.json", "secret words", "kept-1"))
    desk.passes(BURST)
    assert desk.titles == ["File broken"]
    assert desk.last.body.startswith("mem0_queue_dlq.json could not be read whole")
    assert "kept-1" in desk.last.body
    assert "secret" not in desk.last.body
    assert not desk.last.restores


def test_a_broken_file_that_was_empty(desk: Desk) -> None:
    """Nothing is kept of it, and the notice does not say so."""
    desk.happens(events.FileBroken("q.json", "x", "nothing: it was empty"))
    desk.passes(BURST)
    assert "kept" not in desk.last.body


def test_alerts_are_told(desk: Desk) -> None:
    """Both alerts have the same title and their own text."""
    desk.happens(alert(), alert("max_age"))
    desk.passes(BURST)
    assert desk.titles == ["DLQ alert", "DLQ alert"]
    (_, size), (_, age) = desk.seen
    assert size.body.startswith("12 dead letters, more than 10 for 30 min.")
    assert age.body.startswith("The oldest undelivered memory has waited since ")


def test_an_alert_that_is_over_is_not_told(desk: Desk) -> None:
    """One that ended before there was room for it needs nobody."""
    desk.happens(alert(), events.AlertOver("dlq_size"))
    desk.passes(HOUR)
    assert desk.seen == []


def test_other_events_are_not_told(desk: Desk) -> None:
    """Deliveries, waits and the like are for the log."""
    desk.happens(
        events.Delivered("a", "b"),
        events.Accepted(3),
        events.AttemptFailed("a", "b", 1, "x"),
        events.DlqRetryFailed("a", "b", 1, 60.0),
        events.NotificationFailed("x", "y"),
        events.PartFailed("x", "y", 1.0),
    )
    desk.passes(HOUR)
    assert desk.seen == []


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


# Words --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["en", "fr"])
def test_everything_can_be_said(code: str, desk: Desk) -> None:
    """In each language every subject has title and body, alone and in a sum, and no gaps."""
    desk.happens(moved(), recovered(), alert(), alert("max_age"))
    desk.happens(events.HandEdit(discarded=1), events.FileBroken("a", "b", "c"))
    desk.state(DOWN, "x")
    desk.now += DOWN_AFTER
    desk.state(HEALTHY)
    desk.now += BURST
    desk.state(ACTION_NEEDED, "y")
    groups = dict(desk.notices._groups)
    down = Group(Subject.DOWN, events.StateChanged(DOWN, "x"), 0, WALL, counts=Counts(1, 2, None))
    back = replace(down, subject=Subject.BACK, count=1)
    every = [*groups.values(), down, back]
    assert {group.subject for group in every} == set(Subject)
    language = Language(code)
    for lead in every:
        rest = tuple(replace(group, held=True) for group in every if group is not lead)
        for due in (Due(lead), Due(lead, rest)):
            notice = notice_texts.compose(due, language)
            assert notice.title
            assert len(notice.body.splitlines()) >= len(due.rest) + 1
            assert not re.search(r"[{}]|\bNone\b|\(\)", notice.body)


# A day ----------------------------------------------------------------------------------


def _random_event(chance: random.Random) -> Event:
    project = f"project-{chance.randrange(500)}"
    kinds: list[Event] = [
        moved(project),
        recovered(project),
        events.StateChanged(chance.choice([HEALTHY, DOWN, PAUSED]), "x"),
        events.StateChanged(ACTION_NEEDED, f"reason {chance.randrange(10**6)}"),
        events.HandEdit(discarded=chance.randrange(3)),
        events.FileBroken(f"{project}.json", "x", "y"),
        chance.choice([alert(), events.AlertOver("dlq_size")]),
    ]
    return chance.choice(kinds)


def test_a_day_of_everything(desk: Desk) -> None:
    """Six in any hour, every move counted once, and nothing grows."""
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
        assert desk.notices._trouble is None or len(desk.notices._trouble.reasons) <= 20
    times = [at for at, _ in desk.seen]
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
