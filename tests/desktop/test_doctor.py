"""What `doctor` says of tray and notifications, on a real display and a private session bus."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.desktop import Desktop
from tests.support.forked import Before, ForkedHome, preset
from tests.support.notifyd import Mode
from tests.support.session import Session, needs_dbus, silent

# It waits for each in vain.
IMPATIENT = preset(
    {"mem0tray.cli.doctor.command._DESKTOP_LIMIT": 1.0, "mem0tray.desktop.bus.PATIENCE": 0.5}
)


def run(env: Mapping[str, str], *options: str, instead: Before = None) -> str:
    with ForkedHome(Path(env["HOME"]), instead=instead) as home:
        return home.run("doctor", *options, env={**env, "LANG": "C.UTF-8"}).stdout


def check(
    env: Mapping[str, str], name: str, *options: str, instead: Before = None
) -> tuple[str, str, str]:
    checks = json.loads(run(env, "--json", *options, instead=instead))["checks"]
    (found,) = [each for each in checks if each["name"] == name]
    return found["level"], found["message"], found["remedy"]


def test_a_panel_with_a_tray_is_found(desktop: Desktop) -> None:
    desktop.panel()
    found = check(desktop.env, "tray")
    assert found == ("ok", "A panel shows tray icons (StatusNotifierItem).", "")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("ubuntu:GNOME", "gnome-extensions enable"),
        ("XFCE", "xfce4-panel --add=systray"),
        ("", "stalonetray"),
    ],
)
def test_without_a_tray_the_remedy_is_the_desktops_own(
    desktop: Desktop, name: str, command: str
) -> None:
    level, message, remedy = check({**desktop.env, "XDG_CURRENT_DESKTOP": name}, "tray")
    assert (level, message) == ("warn", "No panel here shows tray icons.")
    assert command in remedy
    assert ("AppIndicator and KStatusNotifierItem Support" in remedy) == ("GNOME" in name)


def test_a_display_and_a_bus_that_hang_are_named(desktop: Desktop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        display = f"127.0.0.1:{listener.getsockname()[1] - 6000}"
        level, message, _ = check({**desktop.env, "DISPLAY": display}, "tray", instead=IMPATIENT)
    assert (level, message.partition(" s: ")[2]) == ("warn", "something does not answer.")
    with silent() as address:
        env = {**desktop.env, "DBUS_SESSION_BUS_ADDRESS": address}
        level, message, _ = check(env, "tray", instead=IMPATIENT)
    assert (level, "session's D-Bus does not answer" in message) == ("warn", True)


def environ(bus_session: Session, **more: str) -> dict[str, str]:
    home = str(bus_session.folder)
    kept = {name: value for name, value in bus_session.environ.items() if "MEM0TRAY" not in name}
    folders = {"XDG_CONFIG_HOME": f"{home}/config", "XDG_DATA_HOME": f"{home}/data"}
    return {**kept, **folders, "HOME": home, "MEM0TRAY_UI_LANGUAGE": "en", **more}


@needs_dbus
def test_the_way_is_named_and_a_person_is_shown_a_test_unless_it_is_declined(
    bus_session: Session,
) -> None:
    bus_session.start_daemon()
    level, message, _ = check(environ(bus_session), "notifications")
    assert (level, message) == ("ok", "They go through the session bus to lab 1.")
    assert bus_session.shown == [], "no test for a script, unless"
    assert check(environ(bus_session), "notifications", "--notify")[0] == "ok"
    assert "A test is on the screen." in " ".join(run(environ(bus_session)).split())
    assert [shown.title for shown in bus_session.shown] == ["Test notification"] * 2
    assert "A test is" not in " ".join(run(environ(bus_session), "--no-notify").split())
    assert len(bus_session.shown) == 2


@needs_dbus
def test_without_a_daemon_or_wanted_ones_nothing_is_sent(bus_session: Session) -> None:
    level, message, _ = check(environ(bus_session), "notifications")
    assert level == "warn"
    assert "no program shows" in message
    bus_session.start_daemon()
    none = {**environ(bus_session), "MEM0TRAY_NOTIFICATIONS_LEVEL": "none"}
    level, message, _ = check(none, "notifications", "--notify")
    assert (level, "notifications.level" in message) == ("ok", True)
    assert bus_session.shown == []


@needs_dbus
@pytest.mark.parametrize(
    ("mode", "why"),
    [("deaf", "does not answer"), ("hang", "does not answer"), ("error", "not now")],
)
def test_a_daemon_that_does_not_show_it_is_named(
    bus_session: Session, mode: Mode, why: str
) -> None:
    bus_session.start_daemon(mode)
    level, message, _ = check(environ(bus_session), "notifications", "--notify")
    assert level == "warn"
    assert why in message
    assert not {"NotShownError:", "SilentDaemonError:"} & set(message.split())
