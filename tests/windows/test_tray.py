"""The tray on Windows: its icon, its balloons, and each way in which it may be ended."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support import needs
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.processes import wait_until
from tests.support.shapes import entries, entry
from tests.support.standin import Standin
from tests.windows import taskbar

pytestmark = needs.RULES_OF_WINDOWS

WINDOWLESS: Final = str(Path(sys.executable).with_name("pythonw.exe"))
START: Final = 60.0
WM_NULL, WM_QUERYENDSESSION, WM_ENDSESSION = 0, 0x11, 0x16
TOLD_OF_BALLOON, CLICKED = 0x401, 0x405


class Tray:
    """A tray with nowhere to write to; `window` is the one that has the icon."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.popen = start(home)
        wait_until(self._is_shown, START, "an icon", explain=home.log_text)

    def _is_shown(self) -> bool:
        assert self.popen.poll() is None
        windows = taskbar.windows(self.popen.pid, taskbar.TRAY)
        self.window = next((each for each in windows if taskbar.has_icon(each)), 0)
        return bool(self.window)

    def balloon(self) -> int:
        """Await a notification; its window."""
        found: list[int] = []

        def is_there() -> bool:
            found[:] = taskbar.windows(self.popen.pid, taskbar.BALLOON)
            return bool(found)

        wait_until(is_there, START, "a balloon", explain=self.home.log_text)
        return found[0]


def start(home: Home) -> "subprocess.Popen[bytes]":
    """Start it as the Run key does: without a console, and with no output of any kind."""
    return subprocess.Popen([WINDOWLESS, "-m", "mem0tray"], env=home.env, cwd=home.root)


@pytest.fixture
def tray(home: Home) -> Iterator[Tray]:
    """Start one; a memory that fails once is a dead letter, and no browser opens the status."""
    home.env["MEM0TRAY_SYNC_MAX_ATTEMPTS"] = "1"
    home.env["BROWSER"] = "cmd /c rem %s"
    started = Tray(home)
    yield started
    started.popen.kill()
    started.popen.wait(START)


def test_a_log_out_ends_it_in_good_order(tray: Tray, home: Home, server: Standin) -> None:
    home.write_queue(entries(20))
    server.wait_for(lambda: server.has_saves(20), START, "20 saves")
    for window in taskbar.windows(tray.popen.pid, taskbar.TRAY):
        assert taskbar.send(window, WM_QUERYENDSESSION)
    assert taskbar.send(tray.window, WM_ENDSESSION, 1) is not None
    assert home.log_lines("Worker stopped")
    assert home.queue_items() == []
    assert tray.popen.wait(START) == 0


def test_the_icon_is_back_with_the_taskbar(tray: Tray) -> None:
    taskbar.lose_icon(tray.window)
    assert not taskbar.has_icon(tray.window)
    taskbar.send(tray.window, taskbar.registered("TaskbarCreated"))
    wait_until(lambda: taskbar.has_icon(tray.window), START, "the icon")


def test_a_balloon_answers_and_holds_up_nothing(tray: Tray, home: Home, server: Standin) -> None:
    server.script(Answer(500), content="refused")
    home.write_queue([entry("refused", "garden")])
    balloon = tray.balloon()
    for message in (WM_NULL, WM_QUERYENDSESSION):
        assert taskbar.send(balloon, message) is not None
    command = ["taskkill", "/PID", str(tray.popen.pid)]
    done = subprocess.run(command, check=False)
    assert done.returncode == 0
    assert tray.popen.wait(START) == 0
    assert home.log_lines("Worker stopped")


def test_a_click_on_a_balloon_shows_the_status(tray: Tray, home: Home, server: Standin) -> None:
    server.script(Answer(500), content="refused")
    home.write_queue([entry("refused", "garden")])
    taskbar.send(tray.balloon(), TOLD_OF_BALLOON, 0, CLICKED)
    wait_until(lambda: home.data_files("status.html"), START, "the status page")


def test_a_second_start_has_the_first_one_show_the_status(tray: Tray, home: Home) -> None:
    assert start(home).wait(START) == 1
    wait_until(lambda: home.data_files("status.html"), START, "the status page")
    assert tray.popen.poll() is None
