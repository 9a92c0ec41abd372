"""The whole application at a Mac: worker, menu bar, and the programs that macOS has for it.

What a Mac would do otherwise by itself (FSEvents, the folders of its own) is not tried here.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

# Before it is a Mac: these look at the system when they are imported.
from mem0tray.desktop.app import Application
from tests.desktop.macos.appkit import ExitedError
from tests.desktop.macos.runtime import Machine
from tests.desktop.macos.user import User
from tests.desktop.programs import Osascript, Programs
from tests.support.fixtures import server
from tests.support.home import Home
from tests.support.shapes import entry
from tests.support.standin import Standin

__all__ = ["server"]


@pytest.fixture
def home(tmp_path: Path, server: Standin, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path / "home", server.url)
    for name, value in made.env.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def at_mac(
    user: User, home: Home, programs: Programs, scripts: Osascript, monkeypatch: pytest.MonkeyPatch
) -> User:
    """Sit at a Mac with the programs that every one has."""
    del home, scripts
    programs.add("launchctl")
    proxies: Any = ModuleType("_scproxy")  # of Python itself
    proxies._get_proxy_settings = proxies._get_proxies = dict
    monkeypatch.setitem(sys.modules, "_scproxy", proxies)
    return user


def test_it_delivers_and_shows_it(at_mac: User, home: Home, server: Standin) -> None:
    home.write_queue([entry("a memory")])
    healthy = "Server healthy · 127.0.0.1"
    at_mac.plans(
        at_mac.until(lambda: server.has_saves(1), "the memory was sent"),
        at_mac.until(lambda: "Server healthy" in at_mac.tooltip, "the tooltip says so"),
        at_mac.until(lambda: at_mac.menu()[1].startswith(healthy), "the menu says so"),
        lambda: at_mac.click("Quit"),
    )
    assert Application(None).run() == 0
    assert server.stored == [("alpha", "a memory")]
    assert at_mac.items == []


def test_a_log_out_ends_it_in_good_order(at_mac: User, home: Home, mac: Machine) -> None:
    said: list[str] = []
    mac.at_exit = lambda: said.append(home.log_text().splitlines()[-1])
    at_mac.plans(
        at_mac.until(lambda: "Server healthy" in at_mac.tooltip, "the server was found"),
        at_mac.log_out,
    )
    with pytest.raises(ExitedError):
        Application(None).run()
    assert said[0].endswith("⏹️ Worker stopped")


def test_a_hidden_icon_is_told_of_once(at_mac: User, scripts: Osascript) -> None:
    for _ in range(2):
        at_mac.plans(
            at_mac.until(at_mac.menu, "the menu is there"),
            lambda: at_mac.see_icon(False),  # noqa: FBT003
            at_mac.wait,
            at_mac.wait,
            lambda: at_mac.click("Quit"),
        )
        assert Application(None).run() == 0
    assert len(scripts.words) == 4
    assert scripts.words[1] == "The icon is not shown"
    assert "System Settings, Menu Bar" in scripts.words[2]
