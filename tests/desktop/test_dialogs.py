"""Questions and answers: what each system is asked, and that no text becomes more than a text."""

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop import dialogs
from mem0tray.desktop.dialogs import Question, macos
from mem0tray.desktop.dialogs.linux import ChildDialogs
from mem0tray.desktop.dialogs.macos import AppleScript
from mem0tray.desktop.dialogs.windows import MessageBoxes
from tests.desktop.programs import script

QUESTION = Question("Delete?", "Project: “a & b”\nID: 1", "Back up and delete", "Cancel")
HOSTILE = '-edo shell script "x" -- \\ " & (quit)'


# macOS ----------------------------------------------------------------------------------------


@pytest.fixture
def osascript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for `osascript`: it writes down words and script, and cancels if told to."""
    log = tmp_path / "osascript"
    body = f"""
        cat > "{log}.script"
        printf '%s\\0' "$@" > "{log}.words"
        test ! -e "{log}.cancels"
        """
    monkeypatch.setattr(macos, "OSASCRIPT", str(script(tmp_path / "program", body)))
    return log


def words(log: Path) -> list[str]:
    """What `osascript` was called with."""
    return log.with_suffix(".words").read_text(encoding="utf-8").split("\0")[:-1]


def test_macos_asks(osascript: Path) -> None:
    """All texts are arguments; the button that cancels is the default."""
    assert AppleScript().ask(QUESTION)
    assert words(osascript) == [
        "-",
        *(QUESTION.title, QUESTION.text),
        "Back up and delete",
        "Cancel",
    ]
    source = osascript.with_suffix(".script").read_text(encoding="ascii")
    assert source.startswith("on run {myTitle, myText, myConfirm, myCancel}\n")
    assert "default button myCancel cancel button myCancel" in source


def test_macos_cancels(osascript: Path) -> None:
    """Cancelling, or closing, ends `osascript` with an error: no."""
    osascript.with_suffix(".cancels").touch()
    assert not AppleScript().ask(QUESTION)


def test_macos_tells(osascript: Path) -> None:
    """One button; that it ends with an error matters to nobody."""
    osascript.with_suffix(".cancels").touch()
    AppleScript().tell("title", "text", "Close")
    assert words(osascript) == ["-", "title", "text", "Close"]


def test_macos_runs_no_text_of_others(osascript: Path) -> None:
    """A project that is named like an option, or like a script, stands after the script's name."""
    AppleScript().tell(HOSTILE, HOSTILE, "Close")
    assert words(osascript) == ["-", HOSTILE, HOSTILE, "Close"]
    assert "shell" not in osascript.with_suffix(".script").read_text(encoding="ascii")


def test_macos_without_osascript(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is confirmed that nobody was asked."""
    monkeypatch.setattr(macos, "OSASCRIPT", str(tmp_path / "gone"))
    assert not AppleScript().ask(QUESTION)
    AppleScript().tell("title", "text", "Close")


# Windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "confirmed"), [(1, True), (2, False), (0, False)])
def test_windows_asks(answer: int, confirmed: bool) -> None:  # noqa: FBT001  (a parameter)
    """OK and Cancel, Cancel being the default, before all windows; an error is no."""
    calls: list[tuple[int, str, str, int]] = []

    def show(*call: Any) -> int:
        calls.append(call)
        return answer

    assert MessageBoxes(show).ask(QUESTION) is confirmed
    ((owner, text, title, style),) = calls
    assert (owner, text, title) == (0, QUESTION.text, QUESTION.title)
    ok_cancel, warning, second, foreground, topmost = 0x1, 0x30, 0x100, 0x10000, 0x40000
    assert style == ok_cancel | warning | second | foreground | topmost


def test_windows_tells() -> None:
    """One button."""
    calls: list[tuple[Any, ...]] = []

    def show(*call: Any) -> int:
        calls.append(call)
        return 1

    MessageBoxes(show).tell("title", "text", "Close")
    assert calls == [(0, "text", "title", 0x40 | 0x10000 | 0x40000)]


# Which one ------------------------------------------------------------------------------------


def test_each_system_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The class follows the platform."""
    assert isinstance(dialogs.for_this_system(None), ChildDialogs)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert isinstance(dialogs.for_this_system(None), AppleScript)
    monkeypatch.setattr(sys, "platform", "win32")
    library = SimpleNamespace(user32=SimpleNamespace(MessageBoxW=lambda *_: 1))
    monkeypatch.setattr(ctypes, "windll", library, raising=False)
    assert dialogs.for_this_system(None).ask(QUESTION)
