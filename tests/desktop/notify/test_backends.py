"""The ways to show a notification: their order, and which one plyer has."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop.notify import backends
from mem0tray.desktop.notify.backends import (
    NotShownError,
    PlyerBackend,
)
from mem0tray.desktop.notify.notice import Notice
from mem0tray.desktop.notify.sending import NoticeResult, Sender
from tests.support.processes import wait_until


def notice(title: str = "Title", body: str = "Body") -> Notice:
    """Make a notice."""
    return Notice("Title", title, body)


# Sending -------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, ""),
        (ValueError("a\nb"), "way: ValueError: a b"),
        (NotShownError("not now"), "way: not now"),
    ],
)
def test_what_became_of_it_is_told_in_one_line(error: Exception | None, reason: str) -> None:
    way = _Recorded(error=error)
    assert Sender(way).send(notice()) == NoticeResult(reason)
    assert way.shown == ([] if error else [notice()])


def test_a_way_that_hangs_stops_nothing() -> None:
    """The send is given up, with one thread; nothing is sent until that ends."""
    way = _Recorded()
    way.free.clear()
    sender = Sender(way, 0.05)
    before = threading.active_count()
    late = NoticeResult("way did not answer within 0.05 s", may_come=True)
    assert sender.send(notice()) == late
    for _ in range(10):
        assert sender.send(notice()) == NoticeResult("way still hangs")
    assert threading.active_count() == before + 1
    way.free.set()
    wait_until(lambda: sender.send(notice()) == NoticeResult())


def test_what_is_over_is_taken_away() -> None:
    way = _Recorded()
    Sender(way).withdraw("action")
    assert way.withdrawn == ["action"]


# Which way plyer has ------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Take every way of plyer's away."""
    monkeypatch.setattr(backends, "_FLATPAK", tmp_path / "none")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    return monkeypatch


def test_a_desktop_is_where_a_bus_is(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without an address only a bus in the runtime folder counts; none is ever started."""
    bare.delenv("DBUS_SESSION_BUS_ADDRESS")
    bare.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert backends.missing("linux") == backends.NO_DESKTOP
    (tmp_path / "bus").touch()
    assert backends.missing("linux") not in ("", backends.NO_DESKTOP)
    with pytest.raises(NotShownError, match="session bus"):
        PlyerBackend(platform="linux").show(notice())


@pytest.mark.parametrize(
    ("platform", "name"),
    [("win32", "Windows"), ("darwin", "osascript"), ("flatpak", "desktop portal")],
)
def test_elsewhere_nothing_but_the_system_is_needed(
    bare: pytest.MonkeyPatch, tmp_path: Path, platform: str, name: str
) -> None:
    if platform == "flatpak":
        bare.setattr(backends, "_FLATPAK", tmp_path)
    found = PlyerBackend(platform=platform)
    assert (found.name, found.missing) == (f"plyer ({name})", "")


def test_the_portal_gets_quoted_text(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Quotes, backslashes and line breaks do not end plyer's own quotes."""
    kept = tmp_path / "kept"
    command = tmp_path / "gdbus"
    command.write_text(f'#!/bin/sh\nfor word; do last=$word; done; printf %s "$last" > "{kept}"\n')
    command.chmod(0o755)
    bare.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    bare.setattr(backends, "_FLATPAK", tmp_path)
    PlyerBackend(platform="linux").show(notice("it's", "a\\b\nc"))
    assert kept.read_text(encoding="utf-8") == ("{'title': <'it\\'s'>, 'body': <'a\\\\b\\nc'>}")


def test_windows_is_given_what_it_takes(bare: pytest.MonkeyPatch) -> None:
    """The one of plyer's choice gets whole seconds, a clipped text and the icon file."""
    calls: list[dict[str, Any]] = []
    native = SimpleNamespace(notify=lambda **arguments: calls.append(arguments))
    bare.setattr(PlyerBackend, "_implementation", lambda _: native)
    PlyerBackend(lambda base: Path(f"{base}.ico"), platform="win32").show(notice())
    assert calls == [
        {
            "title": "Title",
            "message": "Body",
            "app_name": "mem0tray",
            "app_icon": "healthy.ico",
            "timeout": 10,
        }
    ]
