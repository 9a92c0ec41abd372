"""What `doctor` says of the tray, on a real display with and without a panel."""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping

import pytest
from Xlib import X
from Xlib import display as displays

from tests.support.desktop import Desktop
from tests.support.home import import_path
from tests.support.session import silent


def _tray(env: Mapping[str, str]) -> tuple[str, str, str]:
    """The check of the tray in this environment."""
    done = subprocess.run(
        [sys.executable, "-m", "mem0tray", "doctor", "--json"],
        env={**env, **import_path()},
        capture_output=True,
        text=True,
        check=False,
    )
    (found,) = [each for each in json.loads(done.stdout)["checks"] if each["name"] == "tray"]
    return found["level"], found["message"], found["remedy"]


def test_a_panel_with_a_tray_is_found(desktop: Desktop) -> None:
    desktop.panel()
    assert _tray(desktop.env) == ("ok", "A panel shows tray icons (StatusNotifierItem).", "")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("ubuntu:GNOME", "gnome-extensions enable"),
        ("XFCE", "xfce4-panel --add=systray"),
        ("", "stalonetray"),
    ],
)
def test_a_desktop_without_a_tray_is_told_what_to_do(
    desktop: Desktop, name: str, command: str
) -> None:
    level, message, remedy = _tray({**desktop.env, "XDG_CURRENT_DESKTOP": name})
    assert (level, message) == ("warn", "No panel here shows tray icons.")
    assert command in remedy
    assert ("AppIndicator and KStatusNotifierItem Support" in remedy) == ("GNOME" in name)


def test_the_older_kind_of_tray_is_found(desktop: Desktop) -> None:
    display = displays.Display(desktop.env["DISPLAY"])
    window = display.screen().root.create_window(0, 0, 1, 1, 0, X.CopyFromParent)
    window.set_selection_owner(display.intern_atom("_NET_SYSTEM_TRAY_S0"), X.CurrentTime)
    display.sync()
    level, message, _ = _tray(desktop.env)
    assert level == "ok"
    assert message.startswith("A panel shows tray icons of the older kind (XEmbed)")
    display.close()


def test_a_display_that_hangs_is_named(desktop: Desktop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        display = f"127.0.0.1:{listener.getsockname()[1] - 6000}"
        level, message, _ = _tray({**desktop.env, "DISPLAY": display})
    assert level == "warn"
    assert message == f"No icon can be shown: the display {display} does not answer within 8 s."


def test_a_bus_that_says_nothing_is_named(desktop: Desktop) -> None:
    with silent() as address:
        level, message, _ = _tray({**desktop.env, "DBUS_SESSION_BUS_ADDRESS": address})
    assert level == "warn"
    assert message.startswith("The session's D-Bus does not answer")
