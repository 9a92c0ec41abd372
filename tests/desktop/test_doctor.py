"""What `doctor` says of notifications, on a private D-Bus session."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.notifyd import Mode
from tests.support.session import Session, needs_dbus, session, silent


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Session]:
    """Start a private session without a daemon."""
    with session(tmp_path) as found:
        yield found


def doctor(desktop: Session, *options: str, **environ: str) -> tuple[str, str]:
    """Level and message of the check, as a script gets them."""
    checks = json.loads(run(desktop, "--json", *options, **environ))["checks"]
    (found,) = [each for each in checks if each["name"] == "notifications"]
    return found["level"], found["message"]


def run(desktop: Session, *options: str, **environ: str) -> str:
    """What it prints."""
    home = str(desktop.folder)
    kept = {name: value for name, value in desktop.environ.items() if "MEM0TRAY" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "mem0tray", "doctor", *options],
        env={
            **kept,
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_DATA_HOME": f"{home}/data",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2])]),
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@needs_dbus
def test_it_names_the_way_and_sends_a_test(desktop: Session) -> None:
    desktop.start_daemon()
    level, message = doctor(desktop, "--notify", MEM0TRAY_UI_LANGUAGE="en")
    assert level == "ok"
    assert message.startswith("They go through the session bus to lab 1.")
    assert [shown.title for shown in desktop.shown] == ["Test notification"]


@needs_dbus
def test_a_script_is_shown_nothing(desktop: Session) -> None:
    desktop.start_daemon()
    level, message = doctor(desktop)
    assert (level, message) == ("ok", "They go through the session bus to lab 1.")
    assert desktop.shown == []


@needs_dbus
def test_a_person_is_shown_one(desktop: Session) -> None:
    desktop.start_daemon()
    assert "A test is on the screen." in " ".join(run(desktop).split())
    assert len(desktop.shown) == 1
    assert "A test is" not in " ".join(run(desktop, "--no-notify").split())
    assert len(desktop.shown) == 1


@needs_dbus
def test_no_daemon_is_named(desktop: Session) -> None:
    level, message = doctor(desktop)
    assert level == "warn"
    assert message.startswith("None can be shown through the session bus: no program shows")


@needs_dbus
def test_a_daemon_that_refuses(desktop: Session) -> None:
    desktop.start_daemon("error")
    assert doctor(desktop)[0] == "ok"
    assert doctor(desktop, "--notify")[0] == "warn"


@needs_dbus
def test_switched_off(desktop: Session) -> None:
    """Then nothing is sent, and that is well."""
    desktop.start_daemon()
    level, message = doctor(desktop, "--notify", MEM0TRAY_NOTIFICATIONS_LEVEL="none")
    assert level == "ok"
    assert "notifications.level" in message
    assert desktop.shown == []


@needs_dbus
@pytest.mark.parametrize("mode", ["deaf", "hang"])
def test_a_daemon_that_hangs_is_named(desktop: Session, mode: Mode) -> None:
    desktop.start_daemon(mode)
    level, message = doctor(desktop, "--notify")
    assert level == "warn"
    assert message.endswith("the session bus: the notification daemon does not answer.")


@needs_dbus
def test_a_bus_that_says_nothing_is_not_waited_for(desktop: Session) -> None:
    with silent() as address:
        level, message = doctor(desktop, "--notify", DBUS_SESSION_BUS_ADDRESS=address)
    assert level == "warn"
    assert "does not answer" in message
