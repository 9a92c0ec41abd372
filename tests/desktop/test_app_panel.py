"""The tray application on real panels, new and old, with a real mouse; most leave a screenshot."""

import signal
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image, ImageChops, ImageStat

from mem0tray.desktop.tray import icon
from mem0tray.desktop.tray.icon import IconLook
from tests.desktop.programs import Programs
from tests.support.http1 import Answer
from tests.support.machine import tool
from tests.support.processes import Process, wait_until
from tests.support.screen import Point, Window
from tests.support.shapes import entries, waiting
from tests.support.tray import HEALTHY, Tray, wait_look
from tests.support.variants import variants

if TYPE_CHECKING:
    from collections.abc import Callable

BASES: Final = ("healthy", "down", "paused", "action-needed")
BADGES: Final = ((0, None, ""), (1, "amber", "1"), (6, "red", "6"), (10, "red", "9+"))
LOOKS: Final = [IconLook(base, colour, text) for base in BASES for _, colour, text in BADGES]
# The menu's lines as they stand on the screen, separators not counted.
LINES: Final = 13
RETRY_ALL, QUIT = 3, 12

_RIGHT: Final = 3  # the mouse's button
_TAKEN: Final = 64  # pixels: the panel takes the largest that it is given, and reduces it
_SHOWN: Final = 22  # pixels of the icon on the panel
_PLACES: Final = list(product(range(4), range(2, 10)))  # of its upper left corner
_EMPTY: Final = (200, 4)  # a point of the panel where nothing is
_ALIKE: Final = 12.0  # of 255: how far off the picture may be, as the panel scales it


class Panel:
    """The application on a panel; screenshots go to `folder`."""

    def __init__(self, tray: Tray, folder: Path) -> None:
        self.screen, self._folder = tray.desktop.screen, folder
        tray.desktop.panel()

    def wait_look(self, look: IconLook) -> Point:
        """Wait until the panel shows this look, and none that is more like it; its middle."""

        def seen() -> Point | None:
            error, each, (x, y) = min(self._compared())
            is_it = error < _ALIKE and LOOKS[each] == look
            return Point(x + _SHOWN // 2, y + _SHOWN // 2) if is_it else None

        return wait_until(seen, what=f"{look} on the panel", explain=self._explain)

    def shoot(self, name: str) -> None:
        self.screen.screenshot(self._folder / f"{name}.png")

    def open_menu(self, look: IconLook) -> Window:
        """Click the icon, which looks so, with the right button; its menu."""
        self.screen.mouse(*self.wait_look(look), _RIGHT)
        return self.screen.wait_menu()

    def _compared(self) -> list[tuple[float, int, tuple[int, int]]]:
        picture = self.screen.picture()
        paper = picture.getpixel(_EMPTY)
        assert isinstance(paper, tuple)
        found = []
        for number, place in product(range(len(LOOKS)), _PLACES):
            x, y = place
            part = picture.crop((x, y, x + _SHOWN, y + _SHOWN))
            error = ImageStat.Stat(ImageChops.difference(part, _drawn(number, paper))).mean
            found.append((sum(error) / len(error), number, place))
        return found

    def _explain(self) -> str:
        error, number, place = min(self._compared())
        return f"most like {LOOKS[number]} at {place}, off by {error}\n{self.screen.describe()}"


@cache
def _drawn(number: int, paper: tuple[int, int, int]) -> Image.Image:
    drawn = Image.new("RGBA", (_TAKEN, _TAKEN), paper)
    drawn.alpha_composite(icon.compose(LOOKS[number], _TAKEN))
    return drawn.convert("RGB").resize((_SHOWN, _SHOWN), Image.Resampling.BOX)


ONE: Final = IconLook("healthy", "amber", "1")


@pytest.fixture
def panel(tray: Tray, tmp_path: Path) -> Panel:
    return Panel(tray, tmp_path)


@pytest.mark.parametrize(("number", "colour", "text"), variants(BADGES))
def test_every_look(panel: Panel, tray: Tray, number: int, colour: str | None, text: str) -> None:
    tray.home.write_dlq([waiting(f"letter {n}") for n in range(number)])
    tray.start()
    changes: dict[str, Callable[[], object]] = {
        "healthy": lambda: None,
        "down": lambda: setattr(tray.server, "health", Answer(503)),
        "paused": lambda: tray.home.ok("pause"),
        "action-needed": lambda: tray.home.configure("[sync]\ntimeout = 'soon'\n"),
    }
    for base in BASES:
        changes[base]()
        panel.wait_look(IconLook(base, colour, text))
        panel.shoot(f"{base}-{number}")


def test_the_mouse_over_the_icon_shows_a_tooltip(panel: Panel, tray: Tray) -> None:
    tray.home.write_dlq([waiting("letter", "alpha")])
    tray.start()
    panel.screen.point(*panel.wait_look(ONE))
    panel.screen.wait_window(lambda window: window.kind == "TOOLTIP", what="a tooltip")
    panel.shoot("tooltip")


def test_an_open_menu_stays_open_and_a_click_in_it_delivers_the_memory(
    panel: Panel, tray: Tray
) -> None:
    tray.server.latency = 0.2
    tray.home.write_dlq([waiting("letter", "alpha")])
    tray.start(env={"MEM0TRAY_SYNC_CONCURRENCY": "1"})
    menu = panel.open_menu(ONE)
    panel.screen.point(*menu.row(QUIT, LINES))  # off the icon, whose tooltip would come
    tray.home.write_queue(entries(40))
    tray.server.wait_for(lambda: tray.server.has_saves(6))
    tray.server.health = Answer(503)
    tray.home.wait(lambda: tray.home.state()[0] == "down", what="down")
    tray.server.health = Answer(body={"status": "ok"})
    tray.server.wait_for(lambda: tray.server.has_saves(12))
    assert [each.id for each in panel.screen.menus()] == [menu.id]
    panel.shoot("held-open")
    tray.desktop.screen.mouse(*menu.row(RETRY_ALL, LINES))
    tray.server.wait_for(lambda: tray.server.count("letter"))


GREEN, AMBER = (8, 96, 47), (242, 160, 31)  # of the icon, of its badge
PATIENCE = 45.0  # seconds: such a panel is looked for at the 1st, 5th and 20th


@pytest.fixture
def older(tray: Tray) -> Process:
    return start(tray)


def start(tray: Tray) -> Process:
    command = [tool("stalonetray"), "--geometry", "4x1+0+0", "--icon-size", "24"]
    return tray.desktop.start(command, name="stalonetray")


def find(tray: Tray, colour: tuple[int, int, int] = GREEN) -> Point:
    screen = tray.desktop.screen
    return wait_until(lambda: screen.find(colour), PATIENCE, f"the icon in {colour}")


def wait_gone(tray: Tray) -> None:
    screen = tray.desktop.screen
    wait_until(lambda: not any(map(screen.find, (GREEN, AMBER))), what="the icon gone")


@pytest.mark.usefixtures("older")
def test_the_icon_is_there_and_takes_a_click(
    tray: Tray, programs: Programs, tmp_path: Path
) -> None:
    process = tray.start()
    tray.desktop.screen.mouse(*find(tray))
    tray.home.wait(lambda: programs.calls("xdg-open"), what="the window opened")
    tray.home.write_dlq([waiting("letter")])
    find(tray, AMBER)
    tray.desktop.screen.screenshot(tmp_path / "older.png")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert "Traceback" not in process.err
    wait_gone(tray)


@pytest.mark.usefixtures("older")
def test_a_newer_panel_takes_its_place(tray: Tray) -> None:
    tray.start()
    find(tray)
    wait_look(tray.host.wait_item(), HEALTHY)
    wait_gone(tray)


def test_the_panel_ends_and_comes_back(tray: Tray, older: Process) -> None:
    tray.start()
    find(tray)
    older.kill()
    wait_gone(tray)
    start(tray)
    find(tray)


@pytest.mark.usefixtures("older")
def test_the_display_ends(tray: Tray) -> None:
    process = tray.start()
    find(tray)
    tray.desktop.end_display()
    tray.home.ok("add", "--project", "alpha", "all the same")
    tray.server.wait_for(lambda: tray.server.count("all the same"))
    assert process.stop() == 0
    assert "Traceback" not in process.err
