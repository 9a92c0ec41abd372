"""The notifier's thread: from events to what is shown, and to the alerts' command."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pytest

from mem0tray import alerts
from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core.errors import LedgerError
from mem0tray.core.events import Event, Events
from mem0tray.core.language import Language
from mem0tray.desktop.notify import Notice, notices
from mem0tray.desktop.notify import notifier as notifying
from mem0tray.desktop.notify.notifier import Notifier
from mem0tray.ledger.counters import Counts
from tests.desktop.notify.test_notices import moved
from tests.support.processes import PATIENCE, wait_until


class Screen:
    """A way to show notices that can hang and fail."""

    name = "screen"

    def __init__(self) -> None:
        self.shown: list[Notice] = []
        self.withdrawn: list[str] = []
        self.free = threading.Event()
        self.free.set()
        self.entered = threading.Event()
        self.broken = False

    def show(self, notice: Notice) -> None:
        self.entered.set()
        self.free.wait()
        if self.broken:
            raise OSError("no\nscreen")
        self.shown.append(notice)

    def withdraw(self, kind: str) -> None:
        self.withdrawn.append(kind)

    @property
    def titles(self) -> list[str]:
        return [notice.title for notice in self.shown]


@dataclass
class Room:
    """A notifier with all that it asks."""

    folder: Path
    screen: Screen = field(default_factory=Screen)
    bus: Events = field(default_factory=Events)
    settings: Settings = field(default_factory=Settings)
    counts: Callable[[], Counts] = lambda: Counts(0, 0, None)
    language: Callable[[], Language] = lambda: Language("en")
    heard: list[Event] = field(default_factory=list)
    notifier: Notifier | None = None

    def start(self) -> Notifier:
        self.bus.subscribe(self.heard.append)
        current = lambda: self.settings  # noqa: E731
        counts = lambda: self.counts()  # noqa: E731, PLW0108  (a test replaces it meanwhile)
        watch = alerts.AlertWatch(self.bus, current, counts, self.folder / "alerts.json")
        language = lambda: self.language()  # noqa: E731, PLW0108
        self.notifier = Notifier(self.bus, self.screen, watch, current, language)
        self.notifier.start()
        return self.notifier

    def heard_of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.heard if isinstance(event, kind)]


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    monkeypatch.setattr(notices, "BURST", 0.05)
    monkeypatch.setattr(alerts, "LOOK", 0.05)
    monkeypatch.setattr(notifying, "_TROUBLE_WAIT", 0.05)
    found = Room(tmp_path)
    yield found
    found.screen.free.set()
    if found.notifier is not None:
        found.notifier.stop()
        assert not found.notifier._thread.is_alive()


def test_a_hanging_screen_holds_up_nobody(room: Room) -> None:
    room.start()
    room.screen.free.clear()
    room.bus.emit(moved())
    assert room.screen.entered.wait(PATIENCE)
    before, started = threading.active_count(), time.thread_time()
    for number in range(20_000):
        room.bus.emit(moved(f"p{number % 50}"))
    assert time.thread_time() - started < 5
    assert threading.active_count() <= before
    room.screen.free.set()
    wait_until(lambda: len(room.screen.shown) == 2, what="the next one")
    hung, following = room.screen.shown
    assert hung.body.startswith("Not delivered, tried again later: alpha")
    assert following.body.startswith("20,000 memories")


def test_a_notice_that_nothing_can_show_is_logged(room: Room) -> None:
    room.screen.broken = True
    room.start()
    room.bus.emit(events.DlqRecovered("alpha", "1", 2))
    wait_until(lambda: room.heard_of(events.NotificationFailed), what="the event")
    assert room.heard_of(events.NotificationFailed) == [
        events.NotificationFailed("DLQ recovered", "screen: OSError: no screen")
    ]


def test_it_survives_a_fault(room: Room) -> None:
    room.language = mock.Mock(side_effect=RuntimeError("odd"))
    room.start()
    room.bus.emit(moved())
    wait_until(lambda: room.heard_of(events.PartFailed), what="the fault")
    room.language = lambda: Language("en")
    room.bus.emit(events.DlqRecovered("beta", "1", 2))
    wait_until(lambda: "DLQ recovered" in room.screen.titles, what="a notice")


def test_a_deletion_that_was_undone_is_taken_away_at_once(room: Room) -> None:
    room.start()
    room.bus.emit(events.UserAction("delete", dead=1))
    wait_until(lambda: room.screen.shown, what="the notice")
    room.bus.emit(events.UserAction("restore", dead=1))
    wait_until(lambda: room.screen.shown[0].kind in room.screen.withdrawn, what="its end")


def test_a_ledger_that_is_closed_harms_nothing(room: Room) -> None:
    room.counts = mock.Mock(side_effect=LedgerError("It is closed."))
    room.start()
    room.bus.emit(moved())
    wait_until(lambda: room.screen.shown, what="a notice")
    assert room.heard_of(events.PartFailed) == []
