"""A login: the autostart entry that `mem0tray autostart enable` wrote starts the tray."""

import json
import subprocess
import sys

from tests.support.desktop import Desktop
from tests.support.machine import tool
from tests.support.tray import HEALTHY, Tray, wait_look, wait_tooltip

CONFIG_DIRS = {"XDG_CONFIG_DIRS": "/nonexistent"}  # none of the system's own entries


def test_a_login_starts_it(tray: Tray) -> None:
    tray.home.ok("autostart", "enable", "--desktop")
    host = tray.host
    tray.desktop.login({**tray.home.env, **tray.env, **CONFIG_DIRS})
    item = host.wait_item(30)
    wait_look(item, HEALTHY)
    item.wait_for(lambda: item.menu().find("Start at login").checked, what="ticked")


def test_the_first_start_puts_the_desktop_entry_there(tray: Tray) -> None:
    tray.shown()
    entry = tray.home.data / "applications" / "mem0tray.desktop"
    command = [tool("desktop-file-validate"), str(entry)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_folder_that_takes_no_entry_is_logged(tray: Tray) -> None:
    folder = tray.home.data / "applications"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()
    tray.shown()
    (line,) = [
        each for each in tray.home.run("logs").stdout.splitlines() if "desktop entry" in each
    ]
    assert str(folder) in line


def test_the_demo_shows_its_tray(desktop: Desktop) -> None:
    tray = desktop.tray()
    command = [sys.executable, "-m", "mem0tray", "demo", "--fast", "--tray", "--json"]
    demo = desktop.start(command, name="demo")
    icon = tray.wait_item()
    wait_tooltip(icon, "healthy", "127.0.0.1")
    assert demo.wait(45) == 0, demo.err
    assert json.loads(demo.out)["ended_as_told"] is True
    icon.wait_gone()
