"""In our bundle: notifications under our own name, and the login item; elsewhere neither."""

import sys
from pathlib import Path
from typing import Any

import pytest

from mem0tray.actions.server_test import OK, WARN
from mem0tray.cli.doctor import Examined, machine
from mem0tray.config.settings import Loaded, Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop import autostart
from mem0tray.desktop.autostart import BLOCKED, DISABLED, ENABLED
from mem0tray.desktop.notify import Notice, NotShownError, Offer, plyer_backend
from mem0tray.desktop.session import BUNDLE, in_bundle
from tests.desktop.macos.runtime import Machine
from tests.desktop.macos.test_doctor import log_in
from tests.desktop.programs import Programs

MOVED = Notice(
    *("Moved", "Moved to DLQ", "2 memories"),
    kind="moved",
    actions=((Offer.STATUS, "Open mem0tray"), (Offer.RETRY, "Try again")),
)


@pytest.fixture
def bundle(mac: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    program = tmp_path / "mem0tray.app" / "Contents" / "MacOS" / "mem0tray"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("HOME", str(tmp_path))
    mac.bundle = BUNDLE
    return mac


def _center(mac: Machine) -> Any:
    return mac.shared["UNUserNotificationCenter"]


@pytest.mark.usefixtures("mac")
@pytest.mark.parametrize("identifier", [None, "org.python.python"])
def test_python_itself_is_no_bundle_of_ours(bundle: Machine, identifier: str | None) -> None:
    assert in_bundle()
    bundle.bundle = identifier
    assert not in_bundle()
    assert isinstance(plyer_backend.of_system(), plyer_backend.PlyerBackend)


def test_a_notification_has_buttons_and_replaces_its_kind(bundle: Machine) -> None:
    clicked: list[Offer] = []
    backend = plyer_backend.of_system(clicked=clicked.append)
    backend.show(Notice("x", "plain", "text"))
    backend.show(MOVED)
    backend.show(MOVED)
    center = _center(bundle)
    assert center._asked == bundle.names.values["UNAuthorizationOptionAlert"]
    assert len(center._shown) == 2
    content = center._shown["moved"].content()
    assert (content._title, content._body) == ("Moved to DLQ", "2 memories")
    categories = {each._identifier: each for each in center._notificationCategories._array}
    buttons = categories[content.categoryIdentifier()]._actions
    assert [(each._identifier, each._title) for each in buttons] == [("retry", "Try again")]
    default = bundle.names.values["UNNotificationDefaultActionIdentifier"]
    plain = next(name for name in center._shown if name != "moved")
    clicks = [("moved", default), ("moved", "retry"), (plain, default), ("moved", "restore")]
    for name, action in clicks:
        center._click(name, action)
    assert clicked == [Offer.STATUS, Offer.RETRY], "a notification without an offer does nothing"
    backend.withdraw("moved")
    assert list(center._shown) == [plain]


@pytest.mark.parametrize("sends", [True, False])
def test_doctor_says_what_macos_says(
    bundle: Machine, monkeypatch: pytest.MonkeyPatch, *, sends: bool
) -> None:
    log_in(bundle, monkeypatch, here=True)
    (check,) = machine.notifications(Examined(Loaded(Settings())), send=sends)
    assert (check.level, check.message[:38]) == (
        OK,
        "They go through Notification Center. A"[: 36 + 2 * sends],
    )
    bundle.refuses = "Notifications are not allowed"
    (check,) = machine.notifications(Examined(Loaded(Settings())), send=True)
    assert check.level == WARN
    assert "Notification Center: Notifications are not allowed." in check.message
    assert "Allow those of mem0tray in System Settings" in check.remedy
    with pytest.raises(NotShownError):
        plyer_backend.of_system().show(MOVED)


def test_the_login_item_takes_the_place_of_an_agent(
    bundle: Machine, programs: Programs, tmp_path: Path
) -> None:
    programs.add("launchctl")
    agent = tmp_path / "Library" / "LaunchAgents" / "mem0tray.plist"
    bundle.bundle = None
    autostart.chosen().enable()
    assert agent.exists()
    bundle.bundle = BUNDLE
    item = autostart.chosen()
    assert item.state().name == DISABLED
    (said,) = item.enable()
    assert (str(agent) in said, agent.exists()) == (True, False)
    assert (item.state().name, item.state().starts) == (ENABLED, sys.executable)
    service = bundle.shared["SMAppService"]
    service._status = bundle.names.values["SMAppServiceStatusRequiresApproval"]
    assert item.state().name == BLOCKED
    assert "System Settings" in item.state().reason
    assert item.disable() == []
    assert item.state().name == DISABLED


def test_what_macos_refuses_is_an_error(bundle: Machine) -> None:
    bundle.refuses = "Operation not permitted"
    with pytest.raises(Mem0TrayError, match="login item of macOS cannot be changed: Operation"):
        autostart.chosen().enable()
