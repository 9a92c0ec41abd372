"""What is told of files and alerts, and that everything can be said."""

import re
from dataclasses import replace

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.desktop.notify import notice_texts
from mem0tray.desktop.notify.notices import (
    ANSWER,
    BURST,
    DOWN_AFTER,
    HOUR,
    Due,
    NoticeGroup,
    Subject,
)
from mem0tray.desktop.tray.icon import BASES, notice_icon
from mem0tray.ledger.counters import Counts
from tests.desktop.notice_desk import WALL, Desk, alert, healthy_desk, moved, recovered


@pytest.fixture
def desk() -> Desk:
    """Start with a worker that is healthy."""
    return healthy_desk()


# Files and alerts -----------------------------------------------------------------------


def test_removed_items_can_be_restored(desk: Desk) -> None:
    """A hand edit that removed items says how many and how to undo it."""
    desk.happens(events.HandEdit(discarded=2), events.HandEdit(discarded=1, edited=4))
    desk.passes(BURST)
    assert desk.titles == ["Removed from the DLQ"]
    assert desk.last.body.startswith("3 dead letters were removed")
    assert "`mem0tray restore`" in desk.last.body
    assert desk.last.restores


def test_what_was_deleted_can_be_restored(desk: Desk) -> None:
    """One deletion by the user is one notice, with its backup and a way back, soon."""
    desk.happens(events.UserAction("delete", dead=2, backup="kept.json"))
    desk.passes(ANSWER)
    assert desk.titles == ["Deleted"]
    assert desk.last.body.startswith("2 memories deleted. The backup is kept.json.\n")
    assert "`mem0tray restore`" in desk.last.body
    assert (desk.last.restores, desk.last.base) == (True, "healthy")


def test_several_deletions_are_one_notice(desk: Desk) -> None:
    """They are counted up, and no single backup is named."""
    for name in ("one.json", "two.json"):
        desk.happens(events.UserAction("delete", dead=1, waiting=1, backup=name))
    desk.passes(BURST)
    assert desk.titles == ["Deleted"]
    assert desk.last.body.startswith("4 memories deleted.\n")


def test_what_else_the_user_did_is_not_told(desk: Desk) -> None:
    """Who retries, restores, edits or forgets sees it there."""
    for verb in ("retry", "restore", "edit", "forget"):
        desk.happens(events.UserAction(verb, dead=1))
    desk.passes(HOUR)
    assert desk.seen == []


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
    desk.happens(events.FileBroken("q.json", "x", ""))
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


def test_only_good_news_has_a_tick_beside_it(desk: Desk) -> None:
    """The icon of a notification is that of what it tells, from a file that is there."""
    desk.happens(moved("alpha"))
    desk.passes(BURST)
    assert desk.last.base == "action-needed"
    desk.happens(recovered("alpha"))
    desk.passes(BURST)
    assert desk.last.base == "healthy"
    desk.happens(events.StateChanged(DOWN, reasons.quoted("refused")))
    desk.passes(DOWN_AFTER)
    assert desk.last.base == "down"
    assert all(notice_icon(base).is_file() for base in BASES.values())


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


# Words --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["en", "fr"])
def test_everything_can_be_said(code: str, desk: Desk) -> None:
    """In each language every subject has title and body, alone and in a sum, and no gaps."""
    desk.happens(moved(), recovered(), alert(), alert("max_age"))
    desk.happens(events.HandEdit(discarded=1), events.FileBroken("a", "b", "c"))
    desk.happens(events.UserAction("delete", dead=1, backup="kept.json"))
    desk.state(DOWN, "x")
    desk.now += DOWN_AFTER
    desk.state(HEALTHY)
    desk.now += BURST
    desk.state(ACTION_NEEDED, "y")
    groups = dict(desk.notices._groups)
    down = NoticeGroup(
        Subject.DOWN,
        events.StateChanged(DOWN, reasons.quoted("x")),
        0,
        WALL,
        counts=Counts(1, 2, None),
    )
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
