"""The demo where there is a desktop: its worker is the tray."""

import json
import sys

from tests.support.desktop import Desktop
from tests.support.tray import wait_tooltip


def test_the_demo_shows_its_tray(desktop: Desktop) -> None:
    tray = desktop.tray()
    command = [sys.executable, "-m", "mem0tray", "demo", "--fast", "--tray", "--json"]
    demo = desktop.start(command, name="demo")
    icon = tray.wait_item()
    wait_tooltip(icon, "healthy", "127.0.0.1")
    assert demo.wait(45) == 0, demo.err
    assert json.loads(demo.out)["ended_as_told"] is True
    icon.wait_gone()
