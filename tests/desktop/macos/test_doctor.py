"""What `doctor` says at a Mac."""

import pytest

from mem0tray.cli.doctor import checks_notifications
from mem0tray.cli.doctor.check import OK
from mem0tray.config.settings import Loaded, Settings
from mem0tray.desktop import trial
from mem0tray.desktop.trial import TrialResult
from tests.desktop.macos.runtime import Machine
from tests.desktop.macos.screen import log_in


def test_it_says_whose_notifications_they_are(
    mac: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Mac shows them only once Script Editor may, and tells nobody that it does not."""
    log_in(mac, monkeypatch, here=True)
    found = TrialResult({"name": "plyer (osascript)", "tells_failure": False})
    monkeypatch.setattr(trial, "run", lambda *_, **__: found)
    (check,) = checks_notifications.notifications(Loaded(Settings()), send=True)
    assert check.level == OK
    assert "through plyer (osascript), which never tells of a failure" in check.message
    assert "allow those of Script Editor in System Settings" in check.message


def test_over_ssh_nothing_is_sent(mac: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would see a test; the log is named instead."""
    log_in(mac, monkeypatch, here=False)
    monkeypatch.setattr(trial, "run", None)
    (check,) = checks_notifications.notifications(Loaded(Settings()), send=True)
    assert check.message == "There is no desktop here; the log says what happens."
