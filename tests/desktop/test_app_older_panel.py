"""The icon in a panel of the older kind (XEmbed), which a click makes show the status."""

import signal
from pathlib import Path

import pytest

from tests.desktop.programs import Programs
from tests.support.machine import tool
from tests.support.processes import Process, wait_until
from tests.support.screen import Point
from tests.support.shapes import waiting
from tests.support.tray import HEALTHY, Tray, wait_look

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
    wait_until(lambda: screen.find(colour), PATIENCE, f"the icon in {colour}")
    return screen.wait_colour(colour)


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
