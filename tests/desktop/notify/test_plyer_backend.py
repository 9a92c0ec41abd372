"""The ways of plyer to show a notification."""

from pathlib import Path

import pytest

from mem0tray.desktop import notify as notices
from mem0tray.desktop import session
from mem0tray.desktop.notify import Notice, NotShownError, plyer_backend
from mem0tray.desktop.notify.plyer_backend import PlyerBackend


def notice(title: str = "Title", body: str = "Body") -> Notice:
    return Notice("Title", title, body)


class _Failing:
    """A backend that fails."""

    name = "way"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def show(self, notice: Notice) -> None:
        del notice
        raise self.error

    def withdraw(self, kind: str) -> None:
        """Nothing is there."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("a\nb"), "way: ValueError: a b"), (NotShownError("not now"), "way: not now")],
)
def test_why_it_was_not_shown_is_one_line(error: Exception, reason: str) -> None:
    assert notices.send(_Failing(error), notice()) == reason


# Which way plyer has ------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setattr(session, "_FLATPAK", tmp_path / "none")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
    return monkeypatch


def test_a_desktop_is_where_a_bus_is(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare.delenv("DBUS_SESSION_BUS_ADDRESS")
    bare.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert plyer_backend.missing("linux") == plyer_backend.NO_DESKTOP
    (tmp_path / "bus").touch()
    assert plyer_backend.missing("linux") not in ("", plyer_backend.NO_DESKTOP)
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
        bare.setattr(session, "_FLATPAK", tmp_path)
    found = PlyerBackend(platform=platform)
    assert (found.name, found.missing) == (f"plyer ({name})", "")


def test_the_portal_gets_quoted_text(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    command = tmp_path / "gdbus"
    command.write_text(f'#!/bin/sh\nfor word; do last=$word; done; printf %s "$last" > "{kept}"\n')
    command.chmod(0o755)
    bare.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    bare.setattr(session, "_FLATPAK", tmp_path)
    PlyerBackend(platform="linux").show(notice("it's", "a\\b\nc"))
    assert kept.read_text(encoding="utf-8") == ("{'title': <'it\\'s'>, 'body': <'a\\\\b\\nc'>}")


def test_windows_is_given_what_it_takes(bare: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    bare.setattr(plyer_backend, "_show_balloon", lambda *arguments: calls.append(arguments[1:]))
    PlyerBackend(lambda base: Path(f"{base}.ico"), platform="win32").show(notice())
    words = {"title": "Title", "message": "Body", "app_name": "mem0tray", "app_icon": "healthy.ico"}
    assert calls == [(10, words)]
