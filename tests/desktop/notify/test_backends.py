"""The ways to show a notification: their order, and which one plyer has."""

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop.notify import backends
from mem0tray.desktop.notify.backends import (
    IconBackend,
    NotShownError,
    PlyerBackend,
    UnavailableError,
)
from mem0tray.desktop.notify.notice import Notice
from mem0tray.desktop.notify.sending import NoticeResult, Sender
from tests.support.processes import wait_until


def notice(title: str = "Title", body: str = "Body") -> Notice:
    """Make a notice."""
    return Notice("Title", title, body)


# The order of ways -------------------------------------------------------------------


class _Recorded:
    """A backend that keeps what it is shown, or fails, or hangs."""

    def __init__(self, name: str = "way", *, error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.shown: list[Notice] = []
        self.withdrawn: list[str] = []
        self.free = threading.Event()
        self.free.set()

    def show(self, notice: Notice) -> None:
        """Do as told."""
        self.free.wait()
        if self.error is not None:
            raise self.error
        self.shown.append(notice)

    def withdraw(self, kind: str) -> None:
        """Keep which kind."""
        self.withdrawn.append(kind)


def test_the_first_way_that_works() -> None:
    """A way that fails is followed by the next, and only by that."""
    first = _Recorded("one", error=UnavailableError("not here"))
    second, third = _Recorded("two"), _Recorded("three")
    assert Sender([first, second, third]).send(notice()) == NoticeResult("two", "one: not here")
    assert second.shown == [notice()]
    assert third.shown == []


def test_every_way_fails() -> None:
    """All reasons are told, in one line each."""
    first = _Recorded("one", error=ValueError("a\nb"))
    second = _Recorded("two", error=OSError("c"))
    outcome = Sender([first, second]).send(notice())
    assert outcome == NoticeResult("", "one: ValueError: a b; two: OSError: c")
    assert Sender([]).send(notice()) == NoticeResult("", "there is no way to show it")


def test_a_way_that_hangs_stops_nothing() -> None:
    """The send is given up; the icon, which may lead to the same daemon, is not tried."""
    first, icon = _Recorded("one"), _Recorded("icon")
    first.free.clear()
    sender = Sender([first, icon], 0.05)
    before = threading.active_count()
    late = NoticeResult("", "one did not answer within 0.05 s", may_come=True)
    assert sender.send(notice()) == late
    for _ in range(10):
        assert sender.send(notice()) == NoticeResult("", "one still hangs")
    assert threading.active_count() == before + 1
    assert icon.shown == []
    first.free.set()
    wait_until(lambda: sender.send(notice()).way == "one")


def test_the_icon_shows_it() -> None:
    """Title and body, without what a daemon may take for markup, and clipped."""
    shown: list[tuple[str, str]] = []
    IconBackend(lambda title, body: shown.append((title, body))).show(
        notice("T\nitle", "<b>\0 & \ud800\n\nx")
    )
    assert shown == [("T itle", "‹b› ＆\nx")]


def test_what_shows_notifications_has_the_last_word() -> None:
    """When it refuses, no other way is tried: that would lead to the same, and tell nothing."""
    first, second = _Recorded("one", error=NotShownError("not now")), _Recorded("two")
    assert Sender([first, second]).send(notice()) == NoticeResult("", "one: not now")
    assert second.shown == []


def test_what_is_over_is_taken_away_by_whoever_can() -> None:
    """Each way is told, as it is not known which one showed it."""
    ways = [_Recorded("one"), _Recorded("two")]
    Sender(ways).withdraw("action")
    assert [way.withdrawn for way in ways] == [["action"], ["action"]]


# Which way plyer has ------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Take every way of plyer's away."""
    monkeypatch.setattr(backends, "_FLATPAK", tmp_path / "none")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    return monkeypatch


def test_the_ways_on_linux(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Flatpak's portal, then notify-send; else it says what is missing."""
    assert "notify-send" in backends.plyer_way("linux").missing
    bare.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert backends.plyer_way("linux").name == "notify-send"
    bare.setattr(backends, "_FLATPAK", tmp_path)
    assert backends.plyer_way("linux").name == "desktop portal"


def test_no_session_is_no_desktop(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without an address only a bus in the runtime folder counts; none is ever started."""
    bare.delenv("DBUS_SESSION_BUS_ADDRESS")
    bare.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert backends.plyer_way("linux").missing == backends.NO_DESKTOP
    (tmp_path / "bus").touch()
    assert backends.plyer_way("linux").missing != backends.NO_DESKTOP


def test_the_ways_elsewhere(bare: pytest.MonkeyPatch) -> None:
    """On Windows and macOS always: nothing but the system is needed."""
    del bare
    for platform, name in (("win32", "Windows"), ("darwin", "osascript")):
        way = backends.plyer_way(platform)
        assert (way.name, way.missing) == (name, "")


def test_a_missing_way_says_why(bare: pytest.MonkeyPatch) -> None:
    """Showing raises what is missing, and nothing of plyer's is imported for it."""
    del bare
    with pytest.raises(UnavailableError, match="notify-send"):
        PlyerBackend().show(notice())


def test_notify_send_loses_nothing(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A leading dash is no option of the real command line, and markup is none."""
    kept = tmp_path / "kept"
    command = tmp_path / "notify-send"
    command.write_text(f'#!/bin/sh\nfor word; do echo "[$word]"; done > "{kept}"\n')
    command.chmod(0o755)
    bare.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    bare.setattr(shutil, "which", lambda _: str(command))
    PlyerBackend().show(notice("-title", "--body <b> &"))
    title, body, *_ = kept.read_text(encoding="utf-8").splitlines()
    assert title == "[\u2060-title]"
    assert body == "[\u2060--body ‹b› ＆]"


def test_the_portal_gets_quoted_text(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Quotes, backslashes and line breaks do not end plyer's own quotes."""
    kept = tmp_path / "kept"
    command = tmp_path / "gdbus"
    command.write_text(f'#!/bin/sh\nfor word; do last=$word; done; printf %s "$last" > "{kept}"\n')
    command.chmod(0o755)
    bare.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    bare.setattr(backends, "_FLATPAK", tmp_path)
    PlyerBackend().show(notice("it's", "a\\b\nc"))
    assert kept.read_text(encoding="utf-8") == ("{'title': <'it\\'s'>, 'body': <'a\\\\b\\nc'>}")


def test_windows_is_given_what_it_takes(bare: pytest.MonkeyPatch) -> None:
    """The one of plyer's choice gets whole seconds, a clipped text and the icon file."""
    calls: list[dict[str, Any]] = []
    bare.setattr(
        backends, "plyer_way", lambda _: _Native(lambda **arguments: calls.append(arguments))
    )
    PlyerBackend(lambda base: Path(f"{base}.ico")).show(notice())
    assert calls == [
        {
            "title": "Title",
            "message": "Body",
            "app_name": "mem0tray",
            "app_icon": "healthy.ico",
            "timeout": 10,
        }
    ]


class _Native(backends.BalloonWay):
    """plyer as it is elsewhere."""

    def __init__(self, notify: Any) -> None:
        self._notify = notify

    def make(self) -> Any:
        """Stand in for plyer's own choice."""
        return SimpleNamespace(notify=self._notify)
