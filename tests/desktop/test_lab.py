"""The harness itself, on a small tray program of its own."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from tests.support.desktop import Desktop, strays
from tests.support.home import REPOSITORY
from tests.support.machine import tool
from tests.support.notifyd import Mode
from tests.support.processes import Process, wait_until

PROGRAM: Final = Path(__file__).parents[1] / "support" / "tray_program.py"
RED: Final = (255, 0, 0)
BLUE: Final = (0, 0, 255)
OPAQUE: Final = (255,)
SOCKETS: Final = Path("/tmp/.X11-unix")  # noqa: S108  (where every X server has its own)
SEND: Final = """
import sys
from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.session import bus_address
name = "org.freedesktop.Notifications"
body = ["app", 0, "", "hello", "there", [], {}, -1]
where = (name, "/org/freedesktop/Notifications", name)
with SessionBus(bus_address()) as bus:
    print("number", *bus.call(*where, "Notify", "susssasa{sv}i", body, float(sys.argv[1])))
"""


def start_program(desktop: Desktop) -> Process:
    """Start the tray program in a desktop."""
    command = [sys.executable, str(PROGRAM)]
    return desktop.start(command, name="tray-program")


def send(desktop: Desktop, patience: float = 10.0) -> Process:
    """Start a program that sends a notification and waits so many seconds for the answer."""
    return desktop.start([sys.executable, "-c", SEND, str(patience)], name="sender")


def test_an_icon_registers(desktop: Desktop) -> None:
    """An icon is seen with its picture, its title and the whole menu as people read it."""
    tray = desktop.tray()
    start_program(desktop)
    icon = tray.wait_item()
    assert icon.colour() == RED + OPAQUE
    assert icon.tooltip == "red_or_blue"
    assert icon.title == "lab"
    assert icon.status == "Active"
    menu = icon.menu()
    assert menu.labels == ["Turn_it blue", "Never", "-", "More", "Quit"]
    assert menu.find("More").labels == ["Notify", "Ticked"]
    assert [menu.find(label).enabled for label in ("Turn_it blue", "Never")] == [True, False]
    assert menu.find("More", "Ticked").checked is True
    assert menu.find("More", "Notify").checked is None


def test_an_icon_is_seen_when_the_tray_comes_later(desktop: Desktop) -> None:
    program = start_program(desktop)
    desktop.wait_on_bus(program)
    assert desktop.tray().wait_item().tooltip == "red_or_blue"


def test_a_click_changes_the_icon(desktop: Desktop) -> None:
    tray = desktop.tray()
    start_program(desktop)
    icon = tray.wait_item()
    icon.click("Turn_it blue")
    icon.wait_colour(BLUE + OPAQUE)
    icon.wait_for(lambda: icon.tooltip == "now blue", what="another tooltip")
    assert "NewIcon" in [name for name, _ in icon.signals]


def test_a_disabled_entry_is_not_clicked(desktop: Desktop) -> None:
    tray = desktop.tray()
    start_program(desktop)
    icon = tray.wait_item()
    with pytest.raises(AssertionError, match="disabled"):
        icon.click("Never")
    assert icon.colour() == RED + OPAQUE


def test_a_program_that_ends_takes_its_icon_along(desktop: Desktop) -> None:
    tray = desktop.tray()
    program = start_program(desktop)
    icon = tray.wait_item()
    icon.click("Quit")
    icon.wait_gone()
    assert tray.items == []
    assert program.wait() == 0


def test_the_mouse_on_a_real_panel(desktop: Desktop, tmp_path: Path) -> None:
    desktop.panel()
    start_program(desktop)
    desktop.mouse(*desktop.screen.wait_colour(RED), 3)
    menu = desktop.screen.wait_menu()
    picture = desktop.screenshot(tmp_path / "menu.png")
    desktop.mouse(*menu.row(0, 4))
    desktop.screen.wait_colour(BLUE)
    wait_until(lambda: not desktop.screen.menus(), what="menu closed")
    with Image.open(picture) as shown:
        assert shown.size == (1024, 640)


def test_a_notification_is_kept(desktop: Desktop) -> None:
    tray, daemon = desktop.tray(), desktop.notifications()
    start_program(desktop)
    tray.wait_item().click("More", "Notify")
    shown = daemon.wait()
    assert (shown.title, shown.body) == ("the title", "the body")


@pytest.mark.parametrize(
    ("mode", "patience", "outcome"),
    [("ok", 10, "number 1"), ("error", 10, "not now"), ("hang", 0.2, "does not answer")],
)
def test_what_a_daemon_answers(desktop: Desktop, mode: Mode, patience: float, outcome: str) -> None:
    daemon = desktop.notifications(mode)
    sender = send(desktop, patience)
    assert daemon.wait().title == "hello"
    assert (sender.wait() == 0) is (mode == "ok")
    assert outcome in sender.out + sender.err


def test_a_real_daemon_shows_a_notification(desktop: Desktop) -> None:
    tray = desktop.tray()
    daemon = desktop.dunst()
    start_program(desktop)
    tray.wait_item().click("More", "Notify")
    desktop.screen.wait_window(lambda window: window.kind == "NOTIFICATION")
    wait_until(lambda: "the body" in daemon.out, what="dunst's list")


def test_no_daemon_is_started_by_asking(desktop: Desktop) -> None:
    sender = send(desktop)
    assert sender.wait() != 0
    assert "was not provided by any .service files" in sender.err


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with Desktop(tmp_path / "desktop") as desktop:
        desktop.panel()
        shell = desktop.start(["setsid", "sh", "-c", "sleep 1000 & echo $!; wait"])
        wait_until(lambda: shell.out, what="the sleeper's process id")
        assert int(shell.out) in desktop.strays()
        socket = SOCKETS / desktop.env["DISPLAY"].replace(":", "X")
        assert socket.exists()
    wait_until(lambda: not desktop.strays(), what="all ended")
    assert not socket.exists()


def test_a_killed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    for name in ("Xvfb", "dbus-daemon", "openbox"):
        tool(name)
    script = (
        "import pathlib, sys, signal\n"
        "from tests.support.desktop import Desktop\n"
        "desktop = Desktop(pathlib.Path(sys.argv[1])).__enter__()\n"
        "print(desktop.address, desktop.env['DISPLAY'], flush=True)\n"
        "signal.pause()\n"
    )
    runner = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "desktop")],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert runner.stdout is not None
    with runner.stdout as output:
        address, display = output.readline().split()
    runner.send_signal(signal.SIGKILL)
    runner.wait(10)
    wait_until(lambda: not strays(address), what="all ended")
    shutil.rmtree(Path(address.removeprefix("unix:path=")).parent)
    socket = SOCKETS / display.replace(":", "X")
    wait_until(lambda: not socket.exists(), what="the display ended")
