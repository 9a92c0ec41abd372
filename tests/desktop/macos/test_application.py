"""The whole application at a Mac: worker, menu bar, and the programs that macOS has for it.

What a Mac would do otherwise by itself (FSEvents, the folders of its own) is not tried here.
"""

import fcntl
import plistlib
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
from tests.support.shapes import dead, entry
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
    for name in ("open", "launchctl"):
        programs.add(name)
    programs.add("pbcopy", f'cat > "{programs.folder}/copied"')
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", fcntl.F_GETFD, raising=False)
    proxies: Any = ModuleType("_scproxy")  # of Python itself
    proxies._get_proxy_settings = proxies._get_proxies = dict
    monkeypatch.setitem(sys.modules, "_scproxy", proxies)
    return user


def _letter(user: User) -> tuple[str, str]:
    (title,) = user.menu("Memories not delivered")
    return "Memories not delivered", title


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


def test_what_a_click_on_a_dead_letter_does(
    at_mac: User, home: Home, programs: Programs, mac: Machine, server: Standin
) -> None:
    server.default = type(server.default)(500)
    home.configure('[notifications]\nlevel = "none"\n')
    home.write_dlq([letter := dead("a letter", ago=0)])
    copied = programs.folder / "copied"
    asked: list[Any] = []
    at_mac.plans(
        at_mac.until(lambda: at_mac.menu("Memories not delivered"), "the letter is in the menu"),
        lambda: at_mac.click(*_letter(at_mac), "Copy ID"),
        at_mac.until(copied.exists, "the ID was copied"),
        lambda: at_mac.click(*_letter(at_mac), "Back up then delete…"),
        at_mac.until(lambda: mac.alerts, "the question is there"),
        lambda: asked.append(at_mac.answer("Back up and delete")),
        at_mac.until(lambda: home.dlq_items() == [], "the letter was deleted"),
        lambda: at_mac.click("Quit"),
    )
    assert Application(None).run() == 0
    assert copied.read_text(encoding="utf-8") == letter["id"]
    assert asked[0]._text == "Delete this memory?"


def test_what_opens_files_and_starts_at_login(at_mac: User, home: Home, programs: Programs) -> None:
    agent = home.root / "Library" / "LaunchAgents" / "mem0tray.plist"
    at_mac.plans(
        at_mac.until(lambda: at_mac.menu() and home.dlq.exists(), "menu and DLQ file are there"),
        lambda: at_mac.click("Open log"),
        lambda: at_mac.click("Open DLQ file"),
        at_mac.until(lambda: len(programs.calls("open")) == 2, "both were opened"),
        lambda: at_mac.click("Start at login"),
        at_mac.until(lambda: "✓ Start at login" in at_mac.menu(), "it is ticked"),
        lambda: at_mac.click("Quit"),
    )
    assert Application(None).run() == 0
    # Each is opened on a thread of its own.
    assert sorted(programs.calls("open")) == [f"-t {home.dlq}", str(home.log)]
    assert plistlib.loads(agent.read_bytes())["RunAtLoad"] is True


def test_a_notification_says_what_did_not_work(
    at_mac: User, home: Home, programs: Programs, scripts: Osascript
) -> None:
    programs.add("open", "exit 1")
    at_mac.plans(
        at_mac.until(lambda: at_mac.menu() and home.dlq.exists(), "menu and DLQ file are there"),
        lambda: at_mac.click("Open DLQ file"),
        at_mac.until(scripts.called, "a notification was shown"),
        lambda: at_mac.click("Quit"),
    )
    assert Application(None).run() == 0
    assert scripts.words[1::2] == ["That did not work", "mem0tray"]
    assert scripts.words[2].startswith("No program was found that opens")


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
    told: list[str] = []
    for _ in range(2):
        at_mac.plans(
            at_mac.until(at_mac.menu, "the menu is there"),
            lambda: at_mac.see_icon(False),  # noqa: FBT003
            at_mac.wait,
            at_mac.wait,
            lambda: told.extend(scripts.words if scripts.called() else []),
            scripts.forget,
            lambda: at_mac.click("Quit"),
        )
        assert Application(None).run() == 0
    assert told[1] == "The icon is not shown"
    assert "System Settings, Menu Bar" in told[2]
    assert len(told) == 4
