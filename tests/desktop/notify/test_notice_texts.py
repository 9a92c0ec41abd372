"""What is told of files and alerts, and that everything can be said."""

import re
from collections import Counter as Tally
from dataclasses import replace

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.desktop.notify import notice_texts
from mem0tray.desktop.notify.notice import (
    Notice,
    NoticeAction,
    Offer,
    Urgency,
    clipped,
    fitted,
)
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
from mem0tray.ledger.waiting import Counts
from tests.desktop.notice_desk import WALL, Desk, alert, healthy_desk, moved, recovered


@pytest.fixture
def desk() -> Desk:
    """Start with a worker that is healthy."""
    return healthy_desk()


def offers(desk: Desk) -> list[Offer]:
    """What the buttons of the latest notice do."""
    return [action.offer for action in desk.last.actions[1:]]


# Files and alerts -----------------------------------------------------------------------


def test_removed_items_can_be_restored(desk: Desk) -> None:
    desk.happens(events.HandEdit(discarded=2), events.HandEdit(discarded=1, edited=4))
    desk.passes(BURST)
    assert desk.titles == ["Removed by hand"]
    assert desk.last.body.startswith("3 memories. Undo: ")
    assert "`mem0tray restore`" in desk.last.body
    assert offers(desk) == [Offer.RESTORE]


def test_what_was_deleted_can_be_restored(desk: Desk) -> None:
    desk.happens(events.UserAction("delete", dead=2, backup="kept.json"))
    desk.passes(ANSWER)
    assert desk.titles == ["Deleted"]
    assert desk.last.body.startswith("2 memories. Undo: ")
    assert "The backup is kept.json." in desk.last.body
    assert "`mem0tray restore`" in desk.last.body
    assert (offers(desk), desk.last.base) == ([Offer.RESTORE], "healthy")


def test_several_deletions_are_one_notice(desk: Desk) -> None:
    for name in ("one.json", "two.json"):
        desk.happens(events.UserAction("delete", dead=1, fresh=1, backup=name))
    desk.passes(BURST)
    assert desk.titles == ["Deleted"]
    assert desk.last.body.startswith("4 memories. Undo: ")
    assert "backup" not in desk.last.body


def test_a_deletion_that_was_undone_is_taken_away(desk: Desk) -> None:
    desk.happens(events.UserAction("delete", dead=2, backup="kept.json"))
    desk.passes(ANSWER)
    assert desk.last.kind
    desk.happens(events.UserAction("restore", dead=2))
    assert {notice_texts.kind(each) for each in desk.notices.over()} == {desk.last.kind}
    desk.happens(events.UserAction("delete", dead=2), events.UserAction("restore", dead=2))
    desk.passes(HOUR)
    assert desk.titles == ["Deleted"]


def test_what_else_the_user_did_is_not_told(desk: Desk) -> None:
    for verb in ("retry", "restore", "edit", "forget"):
        desk.happens(events.UserAction(verb, dead=1))
    desk.passes(HOUR)
    assert desk.seen == []


def test_other_edits_are_not_told(desk: Desk) -> None:
    desk.happens(events.HandEdit(edited=1, forced=2, adopted=3, restored=4))
    desk.passes(HOUR)
    assert desk.seen == []


def test_a_broken_file_is_told(desk: Desk) -> None:
    desk.happens(events.FileBroken("mem0_queue_dlq.json", "secret words", "kept-1"))
    desk.passes(BURST)
    assert desk.titles == ["File broken"]
    assert desk.last.body.startswith("What is known is put back into mem0_queue_dlq.json.\n")
    assert "kept-1" in desk.last.body
    assert "secret" not in desk.last.body
    assert offers(desk) == []


def test_of_a_broken_file_that_was_empty_nothing_is_kept(desk: Desk) -> None:
    desk.happens(events.FileBroken("q.json", "x", ""))
    desk.passes(BURST)
    assert "kept" not in desk.last.body


def test_alerts_are_told(desk: Desk) -> None:
    """Both alerts have the same title and their own text."""
    desk.happens(alert(), alert("max_age"))
    desk.passes(BURST)
    assert desk.titles == ["Memories not delivered", "A memory waits long"]
    (_, size), (_, age) = desk.seen
    assert size.body.startswith("12 memories not delivered: ")
    assert age.body.startswith("A memory has waited since ")


def test_only_good_news_has_a_tick_beside_it(desk: Desk) -> None:
    desk.happens(moved("alpha"))
    desk.passes(BURST)
    assert desk.last.base == "action-needed"
    desk.happens(recovered("alpha"))
    desk.passes(BURST)
    assert desk.last.base == "healthy"
    desk.happens(events.StateChanged(DOWN, reasons.quoted("refused")))
    desk.passes(DOWN_AFTER)
    assert desk.last.base == "down"
    answers = [notice_texts.answer("", "", Language("en"), good=good) for good in (True, False)]
    assert [answer.base for answer in answers] == ["healthy", "action-needed"]
    assert all(notice_icon(base).is_file() for base in BASES.values())


def test_an_alert_that_is_over_is_not_told(desk: Desk) -> None:
    desk.happens(alert(), events.AlertOver("dlq_size"))
    desk.passes(HOUR)
    assert desk.seen == []


def test_other_events_are_not_told(desk: Desk) -> None:
    desk.happens(
        events.Delivered("a", "b"),
        events.Accepted(3),
        events.AttemptFailed("a", "b", 1, "x"),
        events.DlqRetryFailed("a", "b", 1, 60.0, "500"),
        events.NotificationFailed("x", "y"),
        events.PartFailed("x", "y", 1.0),
    )
    desk.passes(HOUR)
    assert desk.seen == []


# Buttons and urgency ------------------------------------------------------------------


def test_a_click_shows_the_status(desk: Desk) -> None:
    desk.happens(recovered())
    desk.passes(BURST)
    assert desk.last.actions == (NoticeAction(Offer.STATUS, "Show status"),)


def test_dead_letters_can_be_retried_from_their_notice(desk: Desk) -> None:
    desk.happens(moved())
    desk.passes(BURST)
    assert desk.last.actions[1:] == (NoticeAction(Offer.RETRY, "Try again"),)
    desk.happens(alert())
    desk.passes(BURST)
    assert offers(desk) == [Offer.RETRY]
    desk.notices.observe(Counts(0, 2, None))
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    assert offers(desk) == []
    desk.state(HEALTHY)
    desk.passes(BURST)
    assert offers(desk) == [Offer.RETRY]


def test_the_settings_are_offered_where_they_help(desk: Desk) -> None:
    desk.state(ACTION_NEEDED, "choose a server")
    desk.passes(BURST)
    assert offers(desk) == [Offer.SETTINGS]
    desk.happens(events.StateChanged(ACTION_NEEDED, reasons.quoted("disk full"), told=True))
    desk.passes(BURST)
    assert offers(desk) == []


def test_a_sum_has_the_buttons_of_all() -> None:
    rest = NoticeGroup(Subject.MOVED, moved(), 0, WALL, held=True, count=1)
    lead = NoticeGroup(Subject.REMOVED, events.HandEdit(discarded=1), 0, WALL, count=1)
    notice = notice_texts.compose(Due(lead, (rest,)), Language("en"))
    assert [each.offer for each in notice.actions[1:]] == [Offer.RESTORE, Offer.RETRY]


def test_what_needs_the_user_presses(desk: Desk) -> None:
    desk.happens(recovered(), moved())
    desk.state(ACTION_NEEDED, "choose a server")
    desk.passes(BURST)
    urgencies = {notice.title: notice.urgency for _, notice in desk.seen}
    assert urgencies == {
        "DLQ recovered": Urgency.LOW,
        "Moved to DLQ": Urgency.NORMAL,
        "Action needed": Urgency.CRITICAL,
    }


def test_the_return_takes_the_place_of_the_outage(desk: Desk) -> None:
    desk.state(DOWN, "x")
    desk.passes(DOWN_AFTER)
    down = desk.last
    desk.state(HEALTHY)
    desk.passes(BURST)
    assert (down.kind, desk.last.kind) == ("server", "server")
    desk.happens(moved())
    desk.passes(BURST)
    assert desk.last.kind == ""


# Words --------------------------------------------------------------------------------


LINE = 60  # characters of a body that a desktop shows at first


@pytest.mark.parametrize("code", ["en", "fr"])
def test_the_first_line_says_it(code: str) -> None:
    since = events.StateChanged(DOWN, reasons.quoted("refused"))
    every = [
        NoticeGroup(Subject.DOWN, since, 0, WALL, count=1, counts=Counts(17, 23, None)),
        NoticeGroup(Subject.BACK, since, 0, WALL, count=1, until=WALL + 900),
        *(_group(Subject.MOVED, moved(), n, {"alpha": n}) for n in (1, 12)),
        *(_group(Subject.RECOVERED, recovered(), n, {"alpha": n}) for n in (1, 12)),
        _group(Subject.ALERT_SIZE, alert(), 1, {}),
        _group(Subject.ALERT_AGE, alert("max_age"), 1, {}),
        _group(Subject.REMOVED, events.HandEdit(discarded=12), 12, {}),
        _group(Subject.DELETED, events.UserAction("delete", dead=12), 12, {}),
        _group(Subject.BROKEN, events.FileBroken("a", "b", "c"), 1, {"mem0_queue_dlq.json": 1}),
    ]
    for group in every:
        notice = notice_texts.compose(Due(group), Language(code))
        first = notice.body.partition("\n")[0]
        assert first[0].isupper() or first[0].isdigit(), first
        assert len(first) <= LINE, first
        assert len(notice.title) <= 40


def _group(subject: Subject, event: Event, count: int, names: dict[str, int]) -> NoticeGroup:
    return NoticeGroup(subject, event, 0, WALL, count=count, names=Tally(names))


@pytest.mark.parametrize("code", ["en", "fr"])
def test_everything_can_be_said(code: str, desk: Desk) -> None:
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


@pytest.mark.parametrize("clickable", [True, False])
def test_an_answer_shows_the_status_unless_that_is_what_failed(*, clickable: bool) -> None:
    told = notice_texts.answer("No", "It failed.", Language("en"), good=False, clickable=clickable)
    assert [each.offer for each in told.actions] == [Offer.STATUS] * clickable


# Length -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "title", "body"),
    [("win32", 63, 255), ("darwin", 63, 256), ("linux", 100, 500)],
)
@pytest.mark.parametrize("text", ["x" * 1000, "\U0001f600" * 1000, "é\n" * 1000])
def test_nothing_is_longer_than_the_platform_takes(
    platform: str, title: int, body: int, text: str
) -> None:
    found = fitted(Notice("Title", text, text), platform)
    for part, most in zip(found, (title, body), strict=True):
        units = len(part.encode("utf-16-le")) // 2
        assert units <= most
        assert part
    assert fitted(Notice("Title", "short", "a\nb"), platform) == ("short", "a\nb")


def test_clipping_is_shown() -> None:
    """What is cut ends in an ellipsis, what fits stays whole."""
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcde…"
    assert clipped("abcd\U0001f600f", 6) == "abcd…"
