"""The ways of plyer to show a notification."""

import atexit
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop.notify import Notice, plyer_backend
from mem0tray.desktop.notify.plyer_backend import PlyerBackend

WORDS = {"title": "Title", "message": "Body", "app_name": "mem0tray", "app_icon": "a.ico"}
TOLD, CLICK, TIMED_OUT = 0x401, 0x405, 0x404


def test_windows_is_given_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(plyer_backend, "_show_balloon", lambda *given: calls.append(given[1:]))
    backend = PlyerBackend(lambda _: Path("a.ico"), platform="win32")
    backend.show(Notice("Title", "Title", "Body"))
    assert calls == [(10, WORDS)]


@pytest.fixture
def taskbar(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand in for plyer's modules, and for the wait until a balloon's time is `over`.

    `shown` are balloons, `kept` what plyer does `atexit`, `procedure` what Windows calls.
    """
    made = SimpleNamespace(shown=[], kept=[], refuses=False, over=threading.Event())

    class WindowsBalloonTip:
        def __init__(self, **words: Any) -> None:
            if made.refuses:
                raise RuntimeError("Shell_NotifyIconW failed.")
            made.kept.append(self.__del__)
            made.shown.append(words)

        def __del__(self) -> None:
            made.shown.clear()

    def window_proc(procedure: Any) -> Any:
        made.procedure = procedure
        return procedure

    api = SimpleNamespace(WindowProc=window_proc, DefWindowProcW=lambda *_: 5)
    modules = {
        "libs": SimpleNamespace(win_api_defs=api),
        "libs.win_api_defs": api,
        "libs.balloontip": SimpleNamespace(WindowsBalloonTip=WindowsBalloonTip),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"plyer.platforms.win.{name}", module)
    monkeypatch.setattr(atexit, "unregister", made.kept.remove)
    monkeypatch.setattr(plyer_backend, "_serve", lambda *_: made.over.wait())
    return made


def test_it_is_shown_for_its_time_hears_a_click_and_leaves_nothing(
    taskbar: SimpleNamespace,
) -> None:
    clicks: list[bool] = []
    plyer_backend._show_balloon(lambda: clicks.append(True), 10, WORDS)
    assert taskbar.shown == [WORDS | {"timeout": 0}]
    assert len(taskbar.kept) == 1  # so that a quit takes it away
    (thread,) = (each for each in threading.enumerate() if each.name == "mem0tray-balloon")
    assert thread.daemon, "a quit would wait for it"
    for message, lparam in ((TOLD, TIMED_OUT), (TOLD - 1, CLICK), (TOLD, 7 << 16 | CLICK)):
        assert taskbar.procedure(1, message, 0, lparam) == 5
    assert clicks == [True]
    taskbar.over.set()
    plyer_backend.await_ends()
    assert (taskbar.shown, taskbar.kept) == ([], [])


def test_a_balloon_that_windows_refuses_is_an_error(taskbar: SimpleNamespace) -> None:
    taskbar.refuses = True
    with pytest.raises(RuntimeError, match="Shell_NotifyIconW"):
        plyer_backend._show_balloon(lambda: None, 10, WORDS)
