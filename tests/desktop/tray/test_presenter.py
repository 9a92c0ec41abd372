"""When icon, tooltip and menu change."""

import dataclasses
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core import events, reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.core.state import HEALTHY, PAUSED, STARTING
from mem0tray.desktop import tray
from mem0tray.desktop.tray import MENU_EVERY, Presenter
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.desktop.tray.menu import DeadLetter, View
from mem0tray.system.threads import SYSTEM, Clock
from tests.support.processes import PATIENCE

NOW = 1000.0


class Tray:
    """A tray that only writes down what it is told."""

    def __init__(self) -> None:
        self.told: queue.Queue[tuple[str, Any]] = queue.Queue()

    def __getattr__(self, name: str) -> Callable[[object], None]:
        return lambda value: self.told.put((name.removeprefix("show_"), value))

    def next(self, kind: str) -> Any:
        """Wait for the next of that kind; those of other kinds before it are dropped."""
        while True:
            found, value = self.told.get(timeout=PATIENCE)
            if found == kind:
                return value


class Scene:
    """A presenter of a view that the test changes."""

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self.view = View(STARTING, destination="mem0.test")
        self.error: Exception | None = None
        self.raised = threading.Event()
        self.changing = threading.Lock()  # held, the view is not read
        self.tray = Tray()
        self.presenter = Presenter(
            self.tray,  # type: ignore[arg-type]
            self.gather,
            Settings,
            lambda: Language("en"),
            nests=True,
            clock=clock,
        )

    def gather(self) -> View:
        if self.error is not None:
            self.raised.set()
            raise self.error
        with self.changing:
            return self.view

    def becomes(self, **fields: Any) -> None:
        self.view = dataclasses.replace(self.view, **fields)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    made.presenter.start()
    assert made.tray.next("menu")[1].label == "Starting · mem0.test"
    yield made
    made.presenter.stop()


def test_deliveries_show_soon(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tray, "TITLE_EVERY", 0.2)
    with scene.changing:
        for count in range(50):
            scene.becomes(queue=count)
            scene.presenter(events.Accepted(1))
    assert "49 memories" in scene.tray.next("title")
    assert "49 memories" in scene.tray.next("menu")[2].label
    assert scene.tray.told.empty()


class Pace(Clock):
    """A presenter without its thread, and the clock that it goes by."""

    def __init__(self) -> None:
        self.at = NOW
        self.scene = Scene(clock=self)

    def now(self) -> float:
        return self.at

    def shows(self, at: float = NOW, **fields: Any) -> bool:
        """Change the view and look at this moment; whether a menu is shown then."""
        self.at = at
        self.scene.becomes(**fields)
        self.scene.presenter._show()
        told = []
        while not self.scene.tray.told.empty():
            told.append(self.scene.tray.told.get()[0])
        return "menu" in told


@pytest.fixture
def pace() -> Pace:
    made = Pace()
    assert made.shows(state=HEALTHY)
    return made


ONE, OTHER = (
    (DeadLetter(name, b"digest", name, NOW, reasons.quoted("500: odd")),) for name in ("a", "b")
)


@pytest.mark.parametrize(
    "steps",
    [
        [(10 * MENU_EVERY, {}, False)],
        [(0.1, {"queue": 3}, True), (0.2, {"state": PAUSED, "paused": True}, True)],
        [
            (MENU_EVERY - 0.1, {"letters": ONE}, False),
            (MENU_EVERY, {}, True),
            (2 * MENU_EVERY - 0.1, {"letters": OTHER}, False),
        ],
    ],
    ids=["the same never", "other words at once", "other lines every ten seconds"],
)
def test_a_menu_is_shown(pace: Pace, steps: list[tuple[float, dict[str, Any], bool]]) -> None:
    for after, fields, expected in steps:
        assert pace.shows(NOW + after, **fields) == expected


def test_the_effect_of_a_click_shows_at_once(pace: Pace) -> None:
    pace.scene.presenter.clicked()
    assert not pace.shows(NOW + 1)
    assert pace.shows(NOW + 1.2, letters=ONE)
    assert not pace.shows(NOW + 1.3, letters=OTHER)
    assert pace.scene.presenter._due <= NOW + 1.2 + MENU_EVERY, "the next one comes by itself"


def test_the_menu_of_the_start_is_followed_at_once() -> None:
    fresh = Pace()
    assert fresh.shows()
    assert fresh.shows(NOW + 0.1, state=HEALTHY, letters=ONE)


@pytest.mark.parametrize("error", [Mem0TrayError("no ledger"), RuntimeError("of the desktop")])
def test_it_survives_any_error(
    scene: Scene, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scene.error = error
    scene.presenter(events.StateChanged(HEALTHY, reasons.NONE))
    assert scene.raised.wait(PATIENCE)
    scene.error = None
    scene.becomes(state=PAUSED)
    scene.presenter(events.StateChanged(PAUSED, reasons.NONE))
    assert scene.tray.next("look") == IconLook("paused")
    assert bool(caplog.records) is isinstance(error, RuntimeError)
