"""What the tray asks of Windows itself: the Run key, message boxes, the clipboard."""

import ctypes
import importlib
import subprocess
import sys
import threading
from ctypes import wintypes
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.desktop import autostart, clipboard, dialogs
from mem0tray.desktop.autostart import DISABLED, ENABLED, STALE
from mem0tray.desktop.dialogs import Question
from tests.support import needs
from tests.support.home import Home
from tests.support.processes import wait_until
from tests.windows import taskbar

pytestmark = needs.RULES_OF_WINDOWS

API: Final[Any] = ctypes  # much of it is there on Windows alone
WM_COMMAND, WM_CLOSE = 0x111, 0x10
OK, CANCEL = 1, 2
CF_UNICODETEXT = 13


# Start at login ----------------------------------------------------------------------------


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


def test_the_command_sets_it_up(home: Home) -> None:
    try:
        home.ok("autostart", "enable")
        state = home.json("autostart", "status")
    finally:
        home.ok("autostart", "disable")
    assert state["state"] == "enabled"
    assert "pythonw.exe" in state["starts"]
    assert home.json("autostart", "status")["state"] == "disabled"


# Message boxes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "button", "confirmed"),
    [(WM_COMMAND, OK, True), (WM_COMMAND, CANCEL, False), (WM_CLOSE, 0, False)],
    ids=["OK", "Cancel", "closed"],
)
def test_a_question_is_answered_by_its_buttons(
    message: int, button: int, *, confirmed: bool, tmp_path: Path
) -> None:
    title = f"Delete this memory? {tmp_path.name}"
    question = Question(title, "Project: Küche 鍵", "Back up and delete", "Cancel")
    answers: list[bool] = []
    asked = threading.Thread(
        target=lambda: answers.append(dialogs.for_this_system(None).ask(question)), daemon=True
    )
    asked.start()
    wait_until(lambda: taskbar.titled(title), 30, "the message box")
    assert taskbar.send(taskbar.titled(title), message, button) is not None
    asked.join(30)
    assert answers == [confirmed]


# The clipboard -----------------------------------------------------------------------------


def pasted() -> str:
    """What another program gets."""
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
