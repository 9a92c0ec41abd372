"""The tray on Windows: its icon, its balloons, and each way in which it may be ended."""

import ctypes
import importlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from ctypes import wintypes
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.desktop import autostart, clipboard
from mem0tray.desktop.autostart import DISABLED, ENABLED, STALE
from mem0tray.desktop.dialogs import Dialogs
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
        shown = partial(taskbar.windows, self.popen.pid, taskbar.BALLOON)
        return wait_until(shown, START, "a balloon", explain=self.home.log_text)[0]


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
    balloon = tray.balloon()

    def clicked() -> object:  # it listens a moment after its window has come
        taskbar.send(balloon, TOLD_OF_BALLOON, 0, CLICKED)
        return home.data_files("window.html")

    wait_until(clicked, START, "the window", every=0.5)


def test_a_second_start_has_the_first_one_show_the_status(tray: Tray, home: Home) -> None:
    assert start(home).wait(START) == 1
    wait_until(lambda: home.data_files("window.html"), START, "the window")
    assert tray.popen.poll() is None


API: Final[Any] = ctypes  # much of it is there on Windows alone
WM_COMMAND, WM_CLOSE = 0x111, 0x10
OK, CANCEL = 1, 2
CF_UNICODETEXT = 13


def words_of(line: str) -> list[str]:
    """Take a command line apart as Windows does for a program that it starts."""
    split, count = API.WinDLL("shell32").CommandLineToArgvW, ctypes.c_int()
    split.restype = ctypes.POINTER(wintypes.LPWSTR)
    words = split(line, ctypes.byref(count))
    return [words[each] for each in range(count.value)]


def test_the_run_key_names_a_program_with_any_path(tmp_path: Path) -> None:
    from mem0tray.desktop.autostart.windows import RUN, RunKey

    registry: Any = importlib.import_module("winreg")
    program = tmp_path / "Jürgen Müller & Söhne" / "pythonw.exe"
    program.parent.mkdir()
    program.touch()
    key = RunKey((str(program), "-m", "mem0tray"), registry)
    assert key.state().name == DISABLED
    key.enable()
    try:
        with registry.OpenKey(registry.HKEY_CURRENT_USER, RUN) as run:
            line, kind = registry.QueryValueEx(run, "mem0tray")
        assert kind == registry.REG_SZ
        assert words_of(line) == [str(program), "-m", "mem0tray"]
        assert key.state() == autostart.AutostartState(ENABLED, line)
        program.unlink()
        assert key.state().name == STALE
    finally:
        key.disable()
    assert key.state().name == DISABLED
    key.disable()


@pytest.mark.parametrize(
    ("message", "button", "confirmed"),
    [(WM_COMMAND, OK, True), (WM_COMMAND, CANCEL, False), (WM_CLOSE, 0, False)],
    ids=["OK", "Cancel", "closed"],
)
def test_a_question_is_answered_by_its_buttons(
    message: int, button: int, *, confirmed: bool, tmp_path: Path
) -> None:
    title = f"Delete this memory? {tmp_path.name}"
    question = (title, "Project: Küche 鍵", "Back up and delete", "Cancel")
    answers: list[bool] = []
    asked = threading.Thread(target=lambda: answers.append(Dialogs().ask(*question)), daemon=True)
    asked.start()
    wait_until(lambda: taskbar.titled(title), 30, "the message box")
    assert taskbar.send(taskbar.titled(title), message, button) is not None
    asked.join(30)
    assert answers == [confirmed]


def pasted() -> str:
    user32, kernel32 = API.WinDLL("user32"), API.WinDLL("kernel32")
    user32.GetClipboardData.restype = wintypes.HANDLE
    kernel32.GlobalLock.argtypes, kernel32.GlobalLock.restype = (wintypes.HANDLE,), wintypes.LPWSTR
    wait_until(lambda: user32.OpenClipboard(None), 10, "the clipboard")
    try:
        return str(kernel32.GlobalLock(user32.GetClipboardData(CF_UNICODETEXT)))
    finally:
        user32.CloseClipboard()


COPY = "import sys; from mem0tray.desktop import clipboard; clipboard.copy(sys.argv[1])"


def test_what_was_copied_can_be_pasted() -> None:
    for text in ("7f3c-1", "clé & 鍵 😀\n--", ""):
        clipboard.copy(text)
        assert pasted() == text
    subprocess.run([sys.executable, "-c", COPY, "clé"], check=True)
    assert pasted() == "clé"
