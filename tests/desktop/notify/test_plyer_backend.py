"""The ways of plyer to show a notification."""

import atexit
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from mem0tray.desktop import notify as notices
from mem0tray.desktop.notify import Notice, NotShownError, plyer_backend
from mem0tray.desktop.notify.plyer_backend import PlyerBackend


def notice(title: str = "Title", body: str = "Body") -> Notice:
    return Notice("Title", title, body)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("a\nb"), "ValueError: a b"), (NotShownError("not now"), "not now")],
)
def test_why_it_was_not_shown_is_one_line(error: Exception, reason: str) -> None:
    assert notices.explained(error) == reason


@pytest.mark.parametrize(
    ("platform", "name"), [("win32", "plyer (Windows)"), ("darwin", "osascript")]
)
def test_its_name_says_which_way_it_is(platform: str, name: str) -> None:
    assert PlyerBackend(platform=platform).name == name


def test_windows_is_given_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        plyer_backend, "_show_balloon", lambda *arguments: calls.append(arguments[1:])
    )
    PlyerBackend(lambda base: Path(f"{base}.ico"), platform="win32").show(notice())
    words = {"title": "Title", "message": "Body", "app_name": "mem0tray", "app_icon": "healthy.ico"}
    assert calls == [(10, words)]


if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = {"title": "Title", "message": "Body", "app_name": "mem0tray", "app_icon": "a.ico"}
TOLD, CLICK, TIMED_OUT = 0x401, 0x405, 0x404


class Taskbar:
    """What shows balloons: those `shown` now, and what Windows calls for their windows."""

    def __init__(self) -> None:
        self.shown: list[dict[str, Any]] = []
        self.refuses = False
        self.procedure: Callable[[int, int, int, int], int] = lambda *_: -1
        self.over = threading.Event()
        self.kept: list[object] = []

    def show(self, words: dict[str, Any]) -> None:
        if self.refuses:
            raise RuntimeError("Shell_NotifyIconW failed.")
        self.shown.append(words)


@pytest.fixture
def taskbar(monkeypatch: pytest.MonkeyPatch) -> Taskbar:
    """Stand in for plyer's modules, and for the wait until a balloon's time is over."""
    made = Taskbar()

    class WindowsBalloonTip:
        def __init__(self, **words: Any) -> None:
            made.kept.append(self.__del__)  # as plyer does, by `atexit`
            self.words = words
            made.show(words)

        def __del__(self) -> None:
            if self.words in made.shown:
                made.shown.remove(self.words)

    def window_proc(procedure: Any) -> Any:
        made.procedure = procedure
        return procedure

    api: Any = ModuleType("win_api_defs")
    api.WindowProc, api.DefWindowProcW = window_proc, lambda *_: 5
    balloontip: Any = ModuleType("balloontip")
    balloontip.WindowsBalloonTip = WindowsBalloonTip
    libs: Any = ModuleType("libs")
    libs.win_api_defs = api
    folder = "plyer.platforms.win.libs"
    monkeypatch.setitem(sys.modules, folder, libs)
    monkeypatch.setitem(sys.modules, f"{folder}.win_api_defs", api)
    monkeypatch.setitem(sys.modules, f"{folder}.balloontip", balloontip)
    monkeypatch.setattr(atexit, "unregister", made.kept.remove)
    monkeypatch.setattr(plyer_backend, "_serve", lambda *_: made.over.wait())
    return made


def test_it_is_shown_for_its_time_and_leaves_nothing(taskbar: Taskbar) -> None:
    plyer_backend._show_balloon(lambda: None, 10, WORDS)
    assert taskbar.shown == [WORDS | {"timeout": 0}]
    assert len(taskbar.kept) == 1  # so that a quit takes it away
    (thread,) = (each for each in threading.enumerate() if each.name == "mem0tray-balloon")
    assert thread.daemon, "a quit would wait for it"
    taskbar.over.set()
    plyer_backend.await_ends()
    assert (taskbar.shown, taskbar.kept) == ([], [])


def test_a_balloon_that_windows_refuses_is_an_error(taskbar: Taskbar) -> None:
    taskbar.refuses = True
    with pytest.raises(RuntimeError, match="Shell_NotifyIconW"):
        plyer_backend._show_balloon(lambda: None, 10, WORDS)


def test_a_click_is_heard(taskbar: Taskbar) -> None:
    clicks: list[bool] = []
    plyer_backend._show_balloon(lambda: clicks.append(True), 10, WORDS)
    for message, lparam in ((TOLD, TIMED_OUT), (TOLD - 1, CLICK), (TOLD, 7 << 16 | CLICK)):
        assert taskbar.procedure(1, message, 0, lparam) == 5
    assert clicks == [True]
    taskbar.over.set()
    plyer_backend.await_ends()
