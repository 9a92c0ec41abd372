"""The tray application on real panels, new and old, with a real mouse; most leave a screenshot."""

import signal
from pathlib import Path
from typing import Final

import pytest

from tests.desktop.programs import Programs
from tests.support.http1 import Answer
from tests.support.machine import tool
from tests.support.processes import Process, wait_until
from tests.support.screen import Point
from tests.support.shapes import entries, waiting
from tests.support.tray import HEALTHY, Tray, wait_look

# The menu's lines as they stand on the screen, separators not counted.
LINES: Final = 13
RETRY_ALL, QUIT = 3, 12
RIGHT: Final = 3  # the mouse's button
GREEN, AMBER = (8, 96, 47), (242, 160, 31)  # of the icon, of its badge
PATIENCE = 45.0  # seconds: an older panel is looked for at the 1st, 5th and 20th


def find(tray: Tray, colour: tuple[int, int, int] = GREEN) -> Point:
    screen = tray.desktop.screen
    return wait_until(lambda: screen.find(colour), PATIENCE, f"the icon in {colour}")


def when_well(tray: Tray) -> Point:
    """Let the server get well once the badge is there; by then the panel has the full menu."""
    find(tray, AMBER)
    tray.server.health = Answer(body={"status": "ok"})
    return find(tray)


def wait_gone(tray: Tray) -> None:
    screen = tray.desktop.screen
    wait_until(lambda: not any(map(screen.find, (GREEN, AMBER))), what="the icon gone")


@pytest.fixture
def panel(tray: Tray) -> Tray:
    """Have a panel, a memory that was not delivered, and a server that is not well yet."""
    tray.desktop.panel()
    tray.server.health = Answer(503)
    tray.home.write_dlq([waiting("letter", "alpha")])
    return tray


def test_the_mouse_over_the_icon_shows_a_tooltip(panel: Tray, tmp_path: Path) -> None:
    panel.start()
    screen = panel.desktop.screen
    screen.point(*when_well(panel))
    screen.wait_window(lambda window: window.kind == "TOOLTIP", what="a tooltip")
    screen.screenshot(tmp_path / "tooltip.png")


def test_an_open_menu_stays_open_and_a_click_in_it_delivers_the_memory(
    panel: Tray, tmp_path: Path
) -> None:
    server, screen = panel.server, panel.desktop.screen
    server.latency = 0.2
    panel.start(env={"MEM0TRAY_SYNC_CONCURRENCY": "1"})
    screen.mouse(*when_well(panel), RIGHT)
    menu = screen.wait_menu()
    screen.point(*menu.row(QUIT, LINES))  # off the icon, whose tooltip would come
    panel.home.write_queue(entries(40))
    server.wait_for(lambda: server.has_saves(6))
    server.health = Answer(503)
    panel.home.wait(lambda: panel.home.state()[0] == "down", what="down")
    server.health = Answer(body={"status": "ok"})
    server.wait_for(lambda: server.has_saves(12))
    assert [each.id for each in screen.menus()] == [menu.id]
    screen.screenshot(tmp_path / "held-open.png")
    screen.mouse(*menu.row(RETRY_ALL, LINES))
    server.wait_for(lambda: server.count("letter"))


@pytest.fixture
def older(tray: Tray) -> Process:
    return start(tray)


def start(tray: Tray) -> Process:
    command = [tool("stalonetray"), "--geometry", "4x1+0+0", "--icon-size", "24"]
    return tray.desktop.start(command, name="stalonetray")


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
    assert process.wait() == 0
    assert "Traceback" not in process.err
