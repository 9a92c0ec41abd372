"""Questions and answers: what each system is asked, and that no text becomes more than a text."""

import ctypes
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop import dialogs
from mem0tray.desktop.dialogs import Question
from mem0tray.desktop.dialogs.linux import ChildDialogs
from mem0tray.desktop.dialogs.system import AppleScript, MessageBoxes

QUESTION = Question("Delete?", "Project: “a & b”\nID: 1", "Back up and delete", "Cancel")


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
