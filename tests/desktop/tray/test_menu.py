"""The menu as data: what stands in it, and that foreign texts harm nothing."""

import dataclasses
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from mem0tray.config.server_choice import CHOOSE
from mem0tray.config.settings import Settings, UiSettings
from mem0tray.core import reasons, state
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, STARTING, WorkerState, WorkerStatus
from mem0tray.core.text import one_line
from mem0tray.desktop.tray import menu
from mem0tray.desktop.tray.menu import DeadLetter, MenuCommand, MenuEntry, Verb, View
from mem0tray.files import atomic
from mem0tray.server.answers import NO_PROJECT
from mem0tray.system.paths import Paths
from tests.actions.scene import run_worker, write_dlq
from tests.support.shapes import dead

ENGLISH = Language("en")
NOW = datetime(2025, 11, 30, 15, 0).timestamp()  # noqa: DTZ001  (local time is meant)
SINCE = datetime(2025, 11, 30, 14, 32).timestamp()  # noqa: DTZ001
LETTER = DeadLetter("aa-1", b"digest", "alpha", SINCE, reasons.quoted("500: odd"))
VIEW = View(HEALTHY, destination="mem0.test", dlq=1, letters=(LETTER,))


def test_a_tray_asks_its_own_worker_and_reads_no_file_of_others(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dlq(paths, [dead(str(number)) for number in range(30)])
    run_worker(paths)
    monkeypatch.setattr(atomic, "read", lambda path: pytest.fail(f"{path} was read"))
    status = WorkerStatus(WorkerState(HEALTHY), 1, 30, 5.0, paused=True, held=1)
    worker: Any = SimpleNamespace(
        is_ready=True, look=lambda: status, paths=paths, destination="server.test", silence=1.0
    )
    seen = menu.view_of(worker, Settings(), at_login=True)
    assert (seen.queue, seen.dlq, seen.destination) == (1, 30, "server.test")
    assert (len(seen.letters), seen.restorable, seen.texts) == (10, False, True)
    worker.look = lambda: WorkerStatus(WorkerState(HEALTHY), 0, 0, None, paused=False)
    hidden = Settings(ui=UiSettings(show_texts=False))
    worker.silence = 61.0
    hangs = menu.view_of(worker, Settings(), at_login=True)
    assert (hangs.state, "has not written its metrics" in str(hangs.reason)) == (
        ACTION_NEEDED,
        True,
    )
    worker.silence = 1.0
    seen = menu.view_of(worker, hidden, at_login=True)
    assert (seen.letters, seen.texts) == ((), False)
    worker.is_ready, worker.hindrance = False, reasons.NONE
    assert menu.view_of(worker, Settings(), at_login=True) == View(STARTING, at_login=True)
    worker.hindrance = reasons.quoted("Why.")
    view = menu.view_of(worker, Settings(), at_login=True)
    assert (view.state, view.reason) == (ACTION_NEEDED, worker.hindrance)


@pytest.fixture(params=["Europe/Paris", "America/Los_Angeles"])
def somewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


def labels(entries: Iterable[MenuEntry]) -> list[str]:
    return [entry.label for entry in entries]


def within(entries: Iterable[MenuEntry], label: str) -> MenuEntry:
    return next(entry for entry in everything(entries) if entry.label == label)


def everything(entries: Iterable[MenuEntry]) -> Iterator[MenuEntry]:
    for entry in entries:
        yield entry
        yield from everything(entry.entries)


def with_letter(**fields: object) -> View:
    changed = structs.replace(LETTER, **fields)
    return dataclasses.replace(VIEW, letters=(changed,))


def test_the_whole_menu() -> None:
    made = menu.build(VIEW, ENGLISH, NOW)
    assert labels(made) == [
        "Open mem0tray", "Server healthy · mem0.test", "0 memories waiting · 1 not delivered", "",
        "Try all again now", "Memories not delivered", "",
        "Open DLQ file", "Open log", "Restore last deletion", "",
        "Pause", "Notifications", "Start at login", "Settings…", "",
        "Quit",
    ]  # fmt: skip
    assert labels(within(made, "Memories not delivered").entries) == ["alpha · aa-1 · 500 · 14:32"]
    below = within(made, "Memories not delivered").entries[0].entries
    assert len({menu.identity(each) for each in below}) == 4, "each is known by what it does"
    assert labels(below) == [
        "Try again now", "Back up then delete…", "Copy ID", "Diagnose",
    ]  # fmt: skip
    assert labels(within(made, "Pause").entries) == [
        "30 minutes", "1 hour", "Until resumed", "Resume",
    ]  # fmt: skip
    assert labels(within(made, "Notifications").entries) == ["All", "Problems only", "None"]


def test_a_memory_is_named_by_how_it_begins_unless_texts_are_hidden() -> None:
    (hidden,) = menu.build(with_letter(begin="Likes tea"), ENGLISH, NOW)[5].entries
    assert hidden.label == "alpha · aa-1 · 500 · 14:32"
    for begin, label in (
        ("Likes tea", "Likes tea · alpha · 500 · 14:32"),
        ("", "alpha · aa-1 · 500 · 14:32"),
    ):
        view = dataclasses.replace(with_letter(begin=begin), texts=True)
        (shown,) = menu.build(view, ENGLISH, NOW)[5].entries
        assert shown.label == label


def test_what_former_servers_have_can_be_brought_over() -> None:
    view = dataclasses.replace(VIEW, former=("local", "http://old.test"))
    made = menu.build(view, ENGLISH, NOW)
    at = labels(made).index("Restore last deletion")
    assert labels(made)[at + 1 : at + 4] == [
        "Bring memories over from this computer’s server",
        "Bring memories over from http://old.test",
        "",
    ]
    commands = [entry.command for entry in made[at + 1 : at + 3]]
    assert commands == [MenuCommand(Verb.BRING_OVER, value=name) for name in view.former]


@pytest.mark.parametrize("state", [DOWN, ACTION_NEEDED])
def test_the_first_line_tells_what_is_wrong(state: str) -> None:
    for reason, words in (("refused", "refused"), ("refused " * 40, "…")):
        view = View(state, destination="mem0.test", reason=reasons.quoted(reason))
        _, first, *_ = menu.build(view, ENGLISH, NOW)
        line = first.label
        assert first.command == MenuCommand(Verb.OPEN)
        assert " · mem0.test · refused" in line
        assert line.endswith(words)
        assert len(line) <= 100


def test_where_submenus_have_none_it_all_stands_below_each_letter() -> None:
    letters = tuple(structs.replace(LETTER, item_id=f"{n}{n}-1") for n in range(9))
    view = dataclasses.replace(VIEW, letters=letters)
    flat = menu.build(view, ENGLISH, NOW, nests=False)
    assert labels(flat) == labels(menu.build(view, ENGLISH, NOW))
    lines = within(flat, "Memories not delivered").entries
    assert labels(lines[:6]) == [
        "alpha · 00-1 · 500 · 14:32",
        "• Try again now", "• Back up then delete…", "• Copy ID", "• Diagnose",
        "alpha · 11-1 · 500 · 14:32",
    ]  # fmt: skip
    verbs = (Verb.DIAGNOSE, Verb.RETRY, Verb.DELETE, Verb.COPY_ID, Verb.DIAGNOSE)
    assert [line.command for line in lines] == [
        MenuCommand(verb, letter) for letter in letters[:5] for verb in verbs
    ]
    assert not any(line.entries for line in lines)
    assert not within(
        menu.build(View(HEALTHY), ENGLISH, NOW, nests=False), "Memories not delivered"
    ).enabled


def test_the_first_line_asks_for_a_server() -> None:
    view = View(ACTION_NEEDED, reason=CHOOSE)
    assert menu.state_line(view, ENGLISH) == "Action needed · choose a server"
    # With wrong settings nobody knows which server is meant.
    assert (
        menu.state_line(View(ACTION_NEEDED, reason=reasons.quoted("x is 1")), ENGLISH)
        == "Action needed"
    )
    assert menu.state_line(View(STARTING), ENGLISH) == "Starting"


@pytest.mark.parametrize("on", [False, True])
@pytest.mark.parametrize("level", menu.LEVELS)
def test_what_is_set_is_shown(level: str, *, on: bool) -> None:
    view = dataclasses.replace(VIEW, paused=on, level=level, at_login=on)
    made = menu.build(view, ENGLISH, NOW)
    *begin, resume = within(made, "Pause").entries
    assert [entry.enabled for entry in (*begin, resume)] == [not on] * 3 + [on]
    assert [entry.command and entry.command.value for entry in begin] == [30, 60, None]
    levels = within(made, "Notifications").entries
    assert [entry.checked for entry in levels] == [each == level for each in menu.LEVELS]
    login = within(made, "Start at login")
    assert (login.checked, login.command) == (on, MenuCommand(Verb.AT_LOGIN, value=not on))


@pytest.mark.usefixtures("somewhere")
def test_what_was_on_another_day_has_its_date() -> None:
    since = datetime(2025, 11, 29, 23, 59).timestamp()  # noqa: DTZ001
    early = datetime(2025, 11, 30, 0, 0).timestamp()  # noqa: DTZ001
    late = datetime(2025, 11, 30, 23, 59).timestamp()  # noqa: DTZ001
    assert menu.moment(since, ENGLISH, early) == "Nov 29, 2025, 23:59"
    assert menu.moment(early, ENGLISH, late) == "00:00"
    assert menu.moment(early, ENGLISH) == "Nov 30, 2025, 00:00"


def test_the_tooltip_has_the_counts() -> None:
    view = dataclasses.replace(VIEW, queue=1234, dlq=1, last_delivery=SINCE)
    assert menu.tooltip(view, ENGLISH, NOW).split("\n") == [
        "mem0tray · Server healthy · mem0.test",
        "1,234 memories waiting · 1 not delivered",
        "Last delivery: 14:32",
    ]
    assert menu.tooltip(view, ENGLISH, NOW + 86_400).endswith("Nov 30, 2025, 14:32")


def test_reasons_are_in_the_users_language() -> None:
    french = Language("fr")
    view = View(ACTION_NEEDED, reason=state.refusal("401 Unauthorized", 401))
    assert "le serveur refuse les envois\xa0: 401 Unauthorized" in menu.tooltip(view, french, NOW)
    view = with_letter(reason=NO_PROJECT)
    (letter,) = menu.build(view, french, NOW)[5].entries
    assert " · contenu invalide\xa0: aucun projet n’est indiq… · " in letter.label


HOSTILE = [
    "two\nlines\r\nand\u2028more\x00\x1b[31m\x07",
    "\u202eright to left\u2066\u200f",
    "x" * 1_000_000,
    "\ud800 alone",
    "snake_case & co. %s {name} <b>bold</b> &amp;",
    "&" * 300,
]


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["lines", "bidi", "long", "surrogate", "signs", "and"]
)
def test_hostile_texts_become_short_printable_lines(text: str) -> None:
    view = dataclasses.replace(
        with_letter(project=text, reason=reasons.quoted(text), begin=one_line(text, 50)),
        destination=text,
        texts=True,
    )
    view = dataclasses.replace(view, state=ACTION_NEEDED, reason=reasons.quoted(text))
    lines = labels(everything(menu.build(view, ENGLISH, NOW)))
    assert len(lines) == 29
    tooltip = menu.tooltip(view, ENGLISH, NOW).split("\n")
    assert 3 <= len(tooltip) <= 5  # a long reason takes three
    lines += tooltip
    for line in lines:
        assert len(line) <= 130
        assert line == "".join(each for each in line if each.isprintable())
        assert not set("\u202e\u2066\u200f") & set(line)
        line.encode()


@pytest.mark.parametrize("since", [1e18, -1e18, 1e300, 2.0**63])
def test_times_that_no_calendar_has(since: float) -> None:
    made = menu.build(with_letter(since=since), ENGLISH, NOW)
    assert within(made, "alpha · aa-1 · 500 · ?")
    assert "Last delivery: ?" in menu.tooltip(View(HEALTHY, last_delivery=since), ENGLISH, NOW)
