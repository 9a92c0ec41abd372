"""The words of a notice: that everything can be said, and what a click does."""

import re
from collections import Counter as Tally

import pytest

from mem0tray.core import events, reasons
from mem0tray.core.events import Event
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY
from mem0tray.desktop.notify import Notice, Offer, Urgency, clipped, fitted, notice_texts
from mem0tray.desktop.notify.notices import BURST, DOWN_AFTER, NoticeGroup, Subject
from mem0tray.desktop.tray.icon import BASES, notice_icon
from mem0tray.ledger.counters import Counts
from tests.desktop.notify.test_notices import WALL, Desk, alert, desk, moved, recovered

LINE = 60  # characters of a body that a desktop shows at first

__all__ = ["desk"]


@pytest.mark.parametrize(
    ("happens", "title", "parts"),
    [
        (
            [events.HandEdit(discarded=2), events.HandEdit(discarded=1, edited=4)],
            "Removed by hand",
            ["3 memories. Undo: ", "`mem0tray restore`"],
        ),
        (
            [events.FileBroken("mem0_queue_dlq.json", "secret words", "kept-1")],
            "File broken",
            ["What is known is put back into mem0_queue_dlq.json.\n", "kept-1"],
        ),
        ([alert()], "Memories not delivered", ["12 memories not delivered: "]),
        ([alert("max_age")], "A memory waits long", ["A memory has waited since "]),
    ],
)
def test_each_subject_says_what_happened_and_what_to_do(
    desk: Desk, happens: list[Event], title: str, parts: list[str]
) -> None:
    desk.happens(*happens)
    desk.passes(BURST)
    notice = desk.last
    assert desk.titles == [title]
    assert notice.body.startswith(parts[0])
    assert all(part in notice.body for part in parts)
    assert "secret" not in notice.body


def _state(name: str, reason: str = "x", *, told: bool = False) -> Event:
    return events.StateChanged(name, reasons.quoted(reason), told=told)


BAD, GOOD, NORMAL, ACTION = "action-needed", "healthy", Urgency.NORMAL, Urgency.CRITICAL


@pytest.mark.parametrize(
    ("happens", "base", "expected", "urgency", "kind"),
    [
        ([recovered()], GOOD, [], Urgency.LOW, ""),
        ([moved()], BAD, [Offer.RETRY], NORMAL, ""),
        ([alert()], BAD, [Offer.RETRY], NORMAL, "size"),
        ([events.UserAction("delete", dead=1)], GOOD, [Offer.RESTORE], NORMAL, "deletion"),
        ([_state(ACTION_NEEDED)], BAD, [Offer.SETTINGS], ACTION, "action"),
        ([_state(ACTION_NEEDED, told=True)], BAD, [], ACTION, "action"),
        ([_state(DOWN)], "down", [], NORMAL, "server"),
        ([_state(DOWN), _state(HEALTHY)], GOOD, [Offer.RETRY], NORMAL, "server"),
    ],
)
def test_icon_buttons_and_urgency_follow_from_the_subject(
    desk: Desk, happens: list[Event], base: str, expected: list[Offer], urgency: Urgency, kind: str
) -> None:
    desk.notices.counts = Counts(0, 2, None)
    for event in happens:
        desk.happens(event)
        desk.passes(DOWN_AFTER)
    notice = desk.last
    offers = [offer for offer, _ in notice.actions[1:]]
    found = (notice.base, offers, notice.urgency, notice.kind)
    assert found == (base, expected, urgency, kind)
    assert notice.actions[0] == (Offer.STATUS, "Open mem0tray")
    assert notice_icon(notice.base).is_file()
    assert notice.base in BASES.values()


def test_a_move_says_why_in_plain_words(desk: Desk) -> None:
    for number, why in enumerate(("413", "500: raw", "500: words")):
        reason = reasons.quoted(why)
        desk.happens(events.MovedToDlq("alpha", f"{number}-1", 5, reason))
    desk.passes(BURST)
    assert desk.last.body.split("\n")[1:] == [
        "alpha: 3", "The server had a fault of its own.", "Too large for the server.",
    ]  # fmt: skip


@pytest.mark.parametrize("clickable", [True, False])
@pytest.mark.parametrize("good", [True, False])
def test_an_answer_shows_the_status_unless_that_is_what_failed(
    *, clickable: bool, good: bool
) -> None:
    notice = notice_texts.answer("No", "So.", Language("en"), good=good, clickable=clickable)
    assert [offer for offer, _ in notice.actions] == [Offer.STATUS] * clickable
    assert notice.base == ("healthy" if good else "action-needed")


def _group(
    subject: Subject, event: Event, count: int = 1, names: dict[str, int] | None = None
) -> NoticeGroup:
    return NoticeGroup(subject, event, 0, WALL, count=count, names=Tally(names or {}))


def _every() -> list[NoticeGroup]:
    since = _state(DOWN, "refused")
    return [
        NoticeGroup(Subject.DOWN, since, 0, WALL, count=1, counts=Counts(17, 23, None)),
        NoticeGroup(Subject.BACK, since, 0, WALL, count=1, until=WALL + 900),
        *(_group(Subject.MOVED, moved(), n, {"alpha": n}) for n in (12, 1)),
        *(_group(Subject.RECOVERED, recovered(), n, {"alpha": n}) for n in (12, 1)),
        _group(Subject.ALERT_SIZE, alert()),
        _group(Subject.ALERT_AGE, alert("max_age")),
        _group(Subject.REMOVED, events.HandEdit(discarded=12), 12),
        _group(Subject.DELETED, events.UserAction("delete", dead=12), 12),
        _group(Subject.BROKEN, events.FileBroken("a", "b", "c"), 1, {"mem0_queue_dlq.json": 1}),
        _group(Subject.ACTION, _state(ACTION_NEEDED)),
    ]


@pytest.mark.parametrize("code", ["en", "fr"])
def test_each_subject_is_said_within_the_line_that_a_desktop_shows(code: str) -> None:
    for group in _every():
        notice = notice_texts.compose(group, Language(code))
        first = notice.body.partition("\n")[0]
        assert first[0].isupper() or first[0].isdigit(), first
        assert len(first) <= LINE, first
        assert 0 < len(notice.title) <= 40
        assert not re.search(r"[{}]|\bNone\b|\(\)", notice.body)
    assert {group.subject for group in _every()} == set(Subject)


@pytest.mark.parametrize(
    ("platform", "title", "body"), [("win32", 63, 255), ("darwin", 63, 256), ("linux", 100, 500)]
)
@pytest.mark.parametrize("text", ["x" * 1000, "\U0001f600" * 1000, "é\n" * 1000])
def test_nothing_is_longer_than_the_platform_takes(
    platform: str, title: int, body: int, text: str
) -> None:
    found = fitted(Notice("Title", text, text), platform)
    for part, most in zip(found, (title, body), strict=True):
        assert 0 < len(part.encode("utf-16-le")) // 2 <= most
    assert fitted(Notice("Title", "short", "a\nb"), platform) == ("short", "a\nb")


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    assert clipped("abcdef", 6) == "abcdef"
    assert clipped("abcdefg", 6) == "abcde…"
    assert clipped("abcd\U0001f600f", 6) == "abcd…"
