"""When icon, tooltip and menu change."""

import dataclasses
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mem0tray.actions.standing import DeadLetter
from mem0tray.config.settings import Settings
from mem0tray.core import events, reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, HEALTHY, PAUSED, STARTING
from mem0tray.desktop.tray import presenter
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.desktop.tray.menu import MenuCommand, MenuEntry, Verb, View
from mem0tray.desktop.tray.presenter import AFTER_CLICK, LOOK, MENU_EVERY, MenuPace, Presenter

ONE, OTHER, THIRD = ((MenuEntry(name),) for name in ("one", "other", "third"))
RETRY, PAUSE = MenuCommand(Verb.RETRY_ALL), MenuCommand(Verb.PAUSE)
NOW = 1000.0


# The pace of the menu ----------------------------------------------------------------------


@pytest.fixture
def pace() -> MenuPace:
    """Make one that has shown a menu at NOW."""
    made = MenuPace()
    assert made.takes_menu(ONE, NOW)
    return made


def test_a_menu_that_does_not_last_is_followed_at_once() -> None:
    """It says "starting", until the server has answered; this holds just after a boot."""
    made = MenuPace()
    assert made.patience(ONE, 0.0) == 0.0
    assert made.takes_menu(ONE, 0.0, lasts=False)
    assert made.takes_menu(OTHER, 0.1, lasts=False)
    assert made.takes_menu(THIRD, 0.2)
    assert not made.takes_menu(ONE, 0.3)


def test_a_menu_that_can_be_mended_is_so_at_once() -> None:
    """What has the same lines in the same places stays open; what has others waits."""
    made = MenuPace(mends=True)
    assert made.takes_menu((MenuEntry("one", RETRY),), NOW)
    assert made.takes_menu((MenuEntry("two", RETRY, enabled=False),), NOW + 1)
    assert not made.takes_menu((MenuEntry("two", PAUSE),), NOW + 2)
    assert not made.takes_menu((MenuEntry("two", RETRY), MenuEntry("more", PAUSE)), NOW + 2)
    assert not made.takes_menu((MenuEntry("two", RETRY, checked=True),), NOW + 2)


def test_the_same_menu_is_not_built_again(pace: MenuPace) -> None:
    """Building it would close one that is open."""
    assert not pace.takes_menu(ONE, NOW + 10 * MENU_EVERY)
    assert pace.patience(ONE, NOW + 10 * MENU_EVERY) == LOOK


def test_a_change_waits_ten_seconds(pace: MenuPace) -> None:
    """However often things change, one that is open stays so for a while."""
    assert not pace.takes_menu(OTHER, NOW + MENU_EVERY - 0.1)
    assert pace.patience(OTHER, NOW + MENU_EVERY - 4) == pytest.approx(4)
    assert pace.takes_menu(OTHER, NOW + MENU_EVERY)
    assert not pace.takes_menu(THIRD, NOW + 2 * MENU_EVERY - 0.1)


def test_a_change_that_is_undone_is_none(pace: MenuPace) -> None:
    """What came and went within the ten seconds is never shown."""
    assert not pace.takes_menu(OTHER, NOW + 1)
    assert not pace.takes_menu(ONE, NOW + MENU_EVERY)


def test_a_click_draws_the_menu_anew(pace: MenuPace) -> None:
    """Once, even if nothing changed: the desktop has ticked what was clicked."""
    pace.clicked(NOW + 1)
    assert pace.takes_menu(ONE, NOW + 1)
    assert not pace.takes_menu(ONE, NOW + 1.1)


def test_what_follows_from_a_click_shows_at_once(pace: MenuPace) -> None:
    """The worker takes a moment to pause: the menu says so as soon as it does, once."""
    pace.clicked(NOW + 1)
    assert pace.takes_menu(ONE, NOW + 1)
    assert pace.patience(OTHER, NOW + 1.2) == 0.0
    assert pace.takes_menu(OTHER, NOW + 1.2)
    assert not pace.takes_menu(THIRD, NOW + 1.3)
    assert pace.takes_menu(THIRD, NOW + 1.2 + MENU_EVERY)


def test_a_click_of_long_ago_changes_nothing(pace: MenuPace) -> None:
    """The user may have opened the menu again."""
    pace.clicked(NOW + 1)
    assert pace.takes_menu(ONE, NOW + 1)
    assert not pace.takes_menu(OTHER, NOW + 1 + AFTER_CLICK)


# The presenter -----------------------------------------------------------------------------


class Tray:
    """A tray that only writes down what it is told."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, Any]] = queue.Queue()

    def show_look(self, look: IconLook) -> None:
        """Write it down."""
        self.told.put(("look", look))

    def show_title(self, title: str) -> None:
        """Write it down."""
        self.told.put(("title", title))

    def show_menu(self, entries: tuple[MenuEntry, ...]) -> None:
        """Write it down."""
        self.told.put(("menu", entries))

    def next(self, kind: str, timeout: float = 10.0) -> Any:
        """Wait for the next of that kind; those of other kinds before it are dropped."""
        while True:
            found, value = self.told.get(timeout=timeout)
            if found == kind:
                return value


class Scene:
    """A presenter of a view that the test changes."""

    def __init__(self, *, nests: bool = True) -> None:
        self.view = View(STARTING, destination="mem0.test")
        self.error: Exception | None = None
        self.raised = threading.Event()
        self.tray = Tray()
        self.presenter = Presenter(
            self.tray,  # type: ignore[arg-type]
            self.gather,
            Settings,
            lambda: Language("en"),
            nests=nests,
        )

    def gather(self) -> View:
        """As the worker is."""
        if self.error is not None:
            self.raised.set()
            raise self.error
        return self.view

    def becomes(self, **fields: Any) -> None:
        """Change the view."""
        self.view = dataclasses.replace(self.view, **fields)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Start it; the first look is awaited."""
    made = Scene()
    made.presenter.start()
    assert made.tray.next("menu")[0].label == "Starting · mem0.test"
    yield made
    made.presenter.stop()


def test_a_desktop_with_two_levels_gets_no_third() -> None:
    """The menu is as deep as the desktop shows it."""
    letter = DeadLetter("aa-1", b"digest", "alpha", NOW, reasons.quoted("500: odd"))
    made = Scene(nests=False)
    made.becomes(state=HEALTHY, dlq=1, letters=(letter,))
    made.presenter.start()
    shown = made.tray.next("menu")
    made.presenter.stop()
    below = next(entry.entries for entry in shown if entry.label == "Dead letters")
    assert [line.label for line in below][1] == "• Retry now"


def test_a_change_of_state_shows_everywhere(scene: Scene) -> None:
    """Icon, tooltip and menu follow an event."""
    scene.becomes(state=ACTION_NEEDED, reason=reasons.quoted("choose a server"), dlq=3)
    scene.presenter(events.StateChanged(ACTION_NEEDED, reasons.NONE))
    assert scene.tray.next("look") == IconLook("action-needed", "amber", "3")
    assert "choose a server" in scene.tray.next("title")
    assert scene.tray.next("menu")[0].label == "Action needed · mem0.test · choose a server"


def test_deliveries_show_soon(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many of them are one change of the tooltip."""
    monkeypatch.setattr(presenter, "TITLE_EVERY", 0.2)
    for count in range(50):
        scene.becomes(queue=count)
        scene.presenter(events.Accepted(1))
    assert "49 memories" in scene.tray.next("title")
    assert scene.tray.told.empty()


def test_a_click_is_followed(scene: Scene) -> None:
    """After one the menu is drawn, and drawn again when the worker has followed."""
    scene.becomes(state=HEALTHY, dlq=1)
    scene.presenter(events.StateChanged(HEALTHY, reasons.NONE))
    scene.tray.next("menu")  # from now on changes would wait
    scene.presenter.clicked()
    assert not scene.tray.next("menu")[0].label.startswith("Paused")
    scene.becomes(state=PAUSED, paused=True)
    scene.presenter(events.StateChanged(PAUSED, reasons.NONE))
    assert scene.tray.next("menu", 5.0)[0].label.startswith("Paused")


@pytest.mark.parametrize("error", [Mem0TrayError("no ledger"), RuntimeError("of the desktop")])
def test_it_survives_any_error(
    scene: Scene, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be looked at now is looked at next time; one that nobody expected is logged."""
    scene.error = error
    scene.presenter(events.StateChanged(HEALTHY, reasons.NONE))
    assert scene.raised.wait(10)
    scene.error = None
    scene.becomes(state=PAUSED)
    scene.presenter(events.StateChanged(PAUSED, reasons.NONE))
    assert scene.tray.next("look") == IconLook("paused")
    assert bool(caplog.records) is isinstance(error, RuntimeError)


def test_it_can_be_stopped_before_it_began() -> None:
    """An icon that could not be shown must not keep the worker from ending."""
    Scene().presenter.stop()


def test_it_leaves_at_once(scene: Scene) -> None:
    """Stopping does not wait for the next look."""
    scene.presenter.stop()
    assert not scene.presenter._thread.is_alive()
