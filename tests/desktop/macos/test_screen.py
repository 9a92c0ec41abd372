"""With and without a login at the Mac's screen: the tray, or the worker in the terminal."""

import pytest

from mem0tray.cli.doctor import Examined, machine
from mem0tray.config.settings import Loaded, Settings
from mem0tray.desktop import session
from tests.desktop.macos.runtime import Machine
from tests.desktop.macos.screen import log_in


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
