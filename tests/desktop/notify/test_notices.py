"""Which notifications are due, and when: bursts, the limit of an hour, levels, outages."""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING
from mem0tray.desktop.notify import Notice, notice_texts
from mem0tray.desktop.notify.notices import BURST, DOWN_AFTER, HOUR, LIMIT, Notices, Subject
from mem0tray.ledger.counters import Counts

WALL = 1_764_460_000.0  # where the wall clock stands when the other is at 0


@dataclass
class Desk:
    """The policy with a clock in hand; `seen` is what was shown, `told` counts what it told."""

    notices: Notices = field(default_factory=Notices)
    now: float = 1_000.0
    seen: list[tuple[float, Notice]] = field(default_factory=list)
    told: Counter[Subject] = field(default_factory=Counter)

    def happens(self, *found: Event) -> None:
        for event in found:
            self.notices.take(event, self.now, WALL + self.now)

    def state(self, name: str, reason: str = "") -> None:
        self.happens(events.StateChanged(name, reasons.quoted(reason)))

    def passes(self, seconds: float) -> None:
        """Let time pass, and ask just when the policy wants to be asked."""
        end = self.now + seconds
        while (due := self.notices.next_due()) <= end:
            self.now = max(self.now, due)
            self.show()
        self.now = end
        self.show()

    def show(self) -> None:
        for group in self.notices.due(self.now):
            self.told[group.subject] += group.count
            self.seen.append((self.now, notice_texts.compose(group, Language("en"))))
        assert self.notices.next_due() > self.now, "it would be asked again at once, without end"

    @property
    def titles(self) -> list[str]:
        return [notice.title for _, notice in self.seen]

    @property
    def last(self) -> Notice:
        return self.seen[-1][1]


@pytest.fixture
def desk() -> Desk:
    result = Desk()
    result.state(STARTING)
    result.state(HEALTHY)
    result.passes(10)
    assert result.seen == []
    return result


def moved(project: str = "alpha", item_id: str = "12345678-9abc") -> events.MovedToDlq:
    return events.MovedToDlq(project, item_id, 5)


def recovered(project: str = "alpha", item_id: str = "87654321-cba9") -> events.DlqRecovered:
    return events.DlqRecovered(project, item_id, 3)


def alert(name: str = "dlq_size") -> events.AlertBegan:
    return events.AlertBegan(name, 10, 30.0, 2, 12, WALL)


def test_a_burst_becomes_one_with_counts_by_project(desk: Desk) -> None:
    for project in ("alpha", "beta", "alpha", "alpha"):
        desk.happens(moved(project))
        desk.passes(BURST - 1)
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"]
    assert desk.last.body == "4 memories not delivered, tried again later.\nalpha: 3, beta: 1"
    desk.passes(1)
    desk.happens(moved("beta"))
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ"] * 2


def test_a_burst_without_end_is_shown_now_and_then_and_counts_all(desk: Desk) -> None:
    for _ in range(3600):
        desk.happens(recovered())
        desk.passes(1)
    desk.passes(HOUR)
    assert (len(desk.seen), desk.told[Subject.RECOVERED]) == (LIMIT, 3600)
    assert desk.seen[0][0] < 1_000 + 10 + 65


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
    assert first[1].body == "11 memories not delivered, tried again later.\nbeta: 6, alpha: 5"
    assert second[1].title == "DLQ recovered"


def test_what_joins_a_notice_that_nothing_could_show_wakes_whoever_shows(desk: Desk) -> None:
    desk.happens(moved())
    desk.now += BURST
    desk.notices.not_shown(*desk.notices.due(desk.now))
    assert desk.notices.take(moved(), desk.now, WALL)


@pytest.mark.parametrize("meanwhile", [0, 1])
def test_a_burst_without_end_is_shown_within_a_minute_of_the_next_event_after_a_failure(
    desk: Desk, meanwhile: int
) -> None:
    desk.happens(moved())
    desk.now += BURST
    (failed,) = desk.notices.due(desk.now)
    begin = desk.now
    desk.happens(*[moved()] * meanwhile)  # while it is being sent
    desk.notices.not_shown(failed)
    while not desk.seen and desk.now < begin + 300:
        desk.passes(2)
        desk.happens(moved())
    assert desk.seen[0][0] == (begin if meanwhile else begin + 2) + 60


def test_of_many_projects_the_largest_are_named_each_in_one_short_line(desk: Desk) -> None:
    for number in range(1_000):
        desk.happens(moved(f"project-{number}"))
    for project in ("a\nb\0\ud800\u202e", "x" * 10**6, ""):
        desk.happens(moved(project), moved(project))
    desk.passes(BURST)
    assert desk.last.body.startswith("1,006 memories not ")
    largest = desk.last.body.splitlines()[1]
    assert largest.startswith(f"(no project): 2, a b: 2, {'x' * 39}…: 2, project-")
    assert largest.endswith("others: 999")


def test_a_move_is_not_shown_once_its_memory_is_delivered(desk: Desk) -> None:
    desk.happens(moved("beta", "b"), moved("alpha", "a"), recovered("alpha", "a"))
    desk.passes(BURST)
    assert desk.titles == ["Moved to DLQ", "DLQ recovered"]
    assert desk.seen[0][1].body == "Not delivered, tried again later: beta (ID: b…)."
    desk.happens(*(moved("gamma", f"g{number}") for number in range(30)))
    desk.happens(*(recovered("gamma", f"g{number}") for number in range(30)))
    desk.passes(HOUR)
    assert desk.titles[2:] == ["DLQ recovered"]


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


def test_six_an_hour_are_shown_and_the_rest_counted_in_a_later_one(desk: Desk) -> None:
    for number in range(19):
        desk.happens(moved(f"p{number % 2}"))
        desk.passes(2 * BURST)
    desk.happens(moved("p1"))
    assert len(desk.seen) == LIMIT - 1
    assert desk.notices.next_due() > desk.now + HOUR / 2, "what has to wait wakes nobody before"
    desk.passes(HOUR)
    assert len(desk.seen) == LIMIT
    assert desk.last.body == "15 memories not delivered, tried again later.\np1: 8, p0: 7"
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
    desk.passes(2 * HOUR)
    assert desk.titles[6:] == ["Moved to DLQ", "DLQ recovered"]


PROBLEMS = {"Moved to DLQ", "Memories not delivered", "Removed by hand", "Server down"}


@pytest.mark.parametrize(
    ("level", "titles"),
    [("none", set()), ("problems", PROBLEMS), ("all", PROBLEMS | {"DLQ recovered", "Server back"})],
)
def test_the_level_chooses_what_is_shown(desk: Desk, level: str, titles: set[str]) -> None:
    desk.notices.level = level
    desk.happens(moved(), recovered(), alert(), events.HandEdit(discarded=1))
    desk.passes(HOUR)
    for state in (DOWN, HEALTHY):
        desk.state(state, "x")
        desk.passes(HOUR)
    desk.notices.level = "all"  # nothing waits to be shown when the level changes
    desk.passes(HOUR)
    assert set(desk.titles) == titles


NOT_SHOWN: list[Event] = [
    *(events.UserAction(verb, dead=1) for verb in ("retry", "restore", "edit", "forget")),
    events.HandEdit(edited=1, forced=2, adopted=3, restored=4),
    events.Delivered("a", "b"),
    events.Accepted(3),
    events.AttemptFailed("a", "b", 1, "x"),
    events.DlqRetryFailed("a", "b", 1, 60.0, "500"),
    events.NotificationFailed("x", "y"),
    events.PartFailed("x", "y", 1.0),
]


def test_other_events_are_for_the_log_alone(desk: Desk) -> None:
    desk.happens(*NOT_SHOWN)
    desk.passes(HOUR)
    assert desk.seen == []


def test_what_has_ended_before_it_was_shown_is_not_shown(desk: Desk) -> None:
    desk.happens(alert(), events.AlertOver("dlq_size"))
    desk.happens(events.UserAction("delete", dead=2), events.UserAction("restore", dead=2))
    desk.state(ACTION_NEEDED, "x")
    desk.passes(BURST - 1)
    desk.state(HEALTHY)
    desk.passes(HOUR)
    assert desk.seen == []


def test_what_is_over_is_taken_away_once(desk: Desk) -> None:
    desk.state(ACTION_NEEDED, "one")
    desk.passes(BURST)
    desk.state(DOWN, "x")
    desk.passes(BURST)
    assert desk.notices.over() == set()
    desk.state(HEALTHY)
    desk.passes(BURST)
    assert desk.notices.over() == {Subject.ACTION}
    desk.happens(alert(), events.UserAction("delete", dead=2, backup="kept.json"))
    desk.passes(BURST)
    desk.happens(events.AlertOver("dlq_size"), events.UserAction("restore", dead=2))
    assert desk.notices.over() == {Subject.ALERT_SIZE, Subject.DELETED, Subject.REMOVED}
    assert desk.notices.over() == set()


def test_an_outage_is_shown_after_two_minutes_and_its_end_with_what_waited(desk: Desk) -> None:
    desk.notices.counts = Counts(7, 3, None)
    desk.state(DOWN, "connection refused")
    desk.passes(DOWN_AFTER - 1)
    assert desk.seen == []
    desk.passes(1)
    assert desk.titles == ["Server down"]
    waiting, since = desk.last.body.splitlines()
    assert since.endswith(": Connection refused.")
    assert waiting == "10 memories waiting until it is back."
    desk.notices.counts = Counts(1_234, 1, None)
    desk.state(HEALTHY)
    desk.notices.counts = Counts(0, 0, None)
    desk.passes(BURST)
    assert desk.titles == ["Server down", "Server back"]
    assert desk.last.body.startswith("Down from ")
    assert desk.last.body.endswith("Waiting: 1,235 memories.")


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


@pytest.mark.parametrize("last", [True, False], ids=["with the last place", "before it"])
def test_the_end_of_a_shown_outage_comes_at_once_besides_the_six(desk: Desk, *, last: bool) -> None:
    for _ in range((LIMIT - 1) * last):
        desk.happens(moved())
        desk.passes(2 * BURST)
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    for _ in range(LIMIT + 1):
        desk.happens(moved())
        desk.passes(2 * BURST)
    assert "Server down" in desk.titles
    desk.state(HEALTHY)
    desk.passes(BURST)
    assert desk.titles[-1] == "Server back"


def test_each_reason_is_shown_once_until_all_is_well(desk: Desk) -> None:
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


def test_in_a_day_of_everything_nothing_is_lost_and_nothing_grows(desk: Desk) -> None:
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
        assert len(desk.notices._moved) <= LIMIT
        assert desk.notices._trouble is None or len(desk.notices._trouble.reasons) <= 20
    good = ("Server back", "DLQ recovered")
    times = [at for at, notice in desk.seen if notice.title not in good]
    assert len(times) > 100
    assert all(times[n + LIMIT] - times[n] > HOUR - 0.001 for n in range(len(times) - LIMIT))
    desk.passes(2 * HOUR)
    assert desk.told[Subject.MOVED] == happened
