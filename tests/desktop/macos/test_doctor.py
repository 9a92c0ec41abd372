"""With and without a login at the Mac's screen: what `doctor` says, and whether there is a tray."""

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest

from mem0tray.actions.server_test import WARN
from mem0tray.cli.doctor import Examined, machine
from mem0tray.config.settings import Loaded, Settings
from mem0tray.desktop import session
from mem0tray.desktop.notify.plyer_backend import PlyerBackend
from tests.desktop.macos.runtime import Machine


@pytest.mark.parametrize(
    ("sent", "question"),
    [(True, "Is a test on the screen?"), (False, "Does `mem0tray doctor --notify` show one?")],
)
def test_it_cannot_know_whether_a_mac_shows_notifications(
    mac: Machine, monkeypatch: pytest.MonkeyPatch, *, sent: bool, question: str
) -> None:
    log_in(mac, monkeypatch, here=True)
    shown: list[object] = []
    monkeypatch.setattr(PlyerBackend, "show", lambda _, notice: shown.append(notice))
    (check,) = machine.notifications(Examined(Loaded(Settings())), send=sent)
    assert check.level == WARN
    assert check.message == (
        "They go through osascript, which reports no failure: only you can see"
        " whether they are shown."
    )
    allow = f"{question} If not, allow those of Script Editor in System Settings, Notifications"
    assert check.remedy.startswith(allow)
    assert len(shown) == sent


def test_at_the_screen_nothing_is_missing(mac: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(mac, monkeypatch, here=True)
    assert session.connected() == (None, "")
    (check,) = machine.tray(Examined(Loaded(Settings())))
    assert check.message == "It is part of this system."


def test_over_ssh_there_is_no_desktop(mac: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(mac, monkeypatch, here=False)
    assert session.missing() == "There is no desktop here (no login at the screen)."
    (check,) = machine.tray(Examined(Loaded(Settings())))
    assert "`mem0tray run` is the worker without it" in check.message
    monkeypatch.setattr(PlyerBackend, "show", None)
    (check,) = machine.notifications(Examined(Loaded(Settings())), send=True)
    assert check.message == "There is no desktop here; the log says what happens."


FRAMEWORKS = "/System/Library/Frameworks"


class Function:
    """A function of a framework; what it returns is an integer until it is told otherwise."""

    restype: Any = ctypes.c_int

    def __init__(self, answer: int) -> None:
        self._answer = answer

    def __call__(self) -> int | None:
        """As ctypes does: no address is None, and an integer would be cut to 32 bits."""
        return (self._answer or None) if self.restype is ctypes.c_void_p else self._answer & 0xFFFF


def log_in(machine: Machine, patch: pytest.MonkeyPatch, *, here: bool) -> None:
    name = "CGSessionCopyCurrentDictionary"
    assert name in machine.names.functions

    def library(path: str) -> SimpleNamespace:
        folder, _, last = path.rpartition("/")
        assert path == f"{FRAMEWORKS}/{last}.framework/{last}"
        assert folder in machine.names.told_in("Quartz/CoreGraphics")
        return SimpleNamespace(**{name: Function(0x7F00_0001_0000 if here else 0)})

    patch.setattr(ctypes, "CDLL", library)
