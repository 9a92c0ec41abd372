"""What this desktop can do: each missing part is named, with what would help."""

import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mem0tray.desktop import session
from tests.support.home import import_path
from tests.support.session import needs_dbus, silent

_ASK_BUS = """
from gi.repository import Gio, GLib
from mem0tray.desktop import session
session._BUS_PATIENCE = 0.1
try:
    session.session_bus(Gio)
except GLib.Error as error:
    print("gave up:", error.message)
"""


class DBusError(Exception):
    """As GLib.Error."""

    message = "Connection refused"


class Desktop:
    """A stand-in for PyGObject, whole at first."""

    def __init__(self) -> None:
        self.versions = {"Gtk": "3.0", "AyatanaAppIndicator3": "0.1"}
        self.opens = True
        self.kept: list[bool] = []
        self.bus: Any = SimpleNamespace(set_exit_on_close=self.kept.append)

    def require_version(self, name: str, version: str) -> None:
        """Raise ValueError for what is not installed."""
        if self.versions.get(name) != version:
            raise ValueError(name)

    def bus_get_sync(self, _kind: int, _cancellable: Any) -> Any:
        """Connect to the session's bus."""
        if self.bus is None:
            raise DBusError
        return self.bus


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Desktop:
    """Stand in for PyGObject on a desktop that has everything."""
    made = Desktop()
    gi: Any = ModuleType("gi")
    gi.require_version = made.require_version
    repository: Any = ModuleType("gi.repository")
    repository.Gtk = SimpleNamespace(init_check=lambda _: (made.opens, []))
    repository.GLib = SimpleNamespace(Error=DBusError)
    repository.Gio = SimpleNamespace(
        bus_get_sync=made.bus_get_sync,
        BusType=SimpleNamespace(SESSION=2),
        Cancellable=lambda: SimpleNamespace(cancel=lambda: None),
    )
    gi.repository = repository
    monkeypatch.setitem(sys.modules, "gi", gi)
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return made


def test_nothing_is_missing(desktop: Desktop) -> None:
    """A desktop that has everything; losing its bus does not end the process."""
    assert session.missing() == ""
    assert desktop.kept == [False]


@pytest.mark.usefixtures("desktop")
def test_no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over ssh, say; Wayland alone is a desktop."""
    monkeypatch.delenv("DISPLAY")
    assert "no desktop" in session.missing()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert session.missing() == ""


@pytest.mark.usefixtures("desktop")
def test_no_pygobject(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is named."""
    monkeypatch.setitem(sys.modules, "gi", None)
    assert "PyGObject" in session.missing()
    assert "python3-gi" in session.missing()


@pytest.mark.parametrize(
    ("name", "word"), [("Gtk", "GTK 3"), ("AyatanaAppIndicator3", "AppIndicator")]
)
def test_a_missing_library(desktop: Desktop, name: str, word: str) -> None:
    """GTK, or its indicator: pystray would show an icon whose clicks never arrive."""
    del desktop.versions[name]
    assert word in session.missing()
    assert "sudo apt-get install" in session.missing()


def test_the_older_indicator_will_do(desktop: Desktop) -> None:
    """Some systems have only the one before Ayatana's."""
    desktop.versions = {"Gtk": "3.0", "AppIndicator3": "0.1"}
    assert session.missing() == ""


def test_a_display_that_does_not_open(desktop: Desktop) -> None:
    """It is named."""
    desktop.opens = False
    assert session.missing() == "The display :7 cannot be opened."


def test_a_bus_that_does_not_answer(desktop: Desktop) -> None:
    """Without it no panel can be told of an icon."""
    desktop.bus = None
    assert "D-Bus does not answer (Connection refused)" in session.missing()


@needs_dbus
def test_a_bus_that_says_nothing_keeps_nobody_from_starting() -> None:
    """One that takes connections and never answers is given up after a while."""
    with silent() as address:
        done = subprocess.run(
            [sys.executable, "-c", _ASK_BUS],
            env={**os.environ, **import_path(), "DBUS_SESSION_BUS_ADDRESS": address},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout.startswith("gave up: "), done.stderr


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_have_all_they_need(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    """There the tray is part of the system."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert session.missing() == ""
