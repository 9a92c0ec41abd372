"""The package for Windows: installed by its own installer, used, and taken off again.

`packaging/build windows` makes it, and `packaging/test-windows -m slow tests/windows` tries it.
"""

import html
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from mem0tray.files.lock import FileLock
from tests.support import needs, oracle
from tests.support.home import REPOSITORY, Home
from tests.support.processes import wait_until
from tests.support.shapes import entries, texts
from tests.support.standin import Standin
from tests.windows import taskbar
from tests.windows.test_whole_run import kill_in_the_middle

INSTALLER: Final = next((REPOSITORY / "dist").glob("mem0tray-*-setup.exe"), Path("installer"))
PATIENCE: Final = 240.0  # seconds
APPS: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\mem0tray"
RUN: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"

pytestmark = [
    needs.RULES_OF_WINDOWS, needs.there(INSTALLER),
    pytest.mark.slow, pytest.mark.timeout(1200),
]  # fmt: skip


def value(key: str, name: str) -> str:
    """Read a value of the user's registry; empty if there is none."""
    import winreg

    api: Any = winreg
    try:
        with api.OpenKey(api.HKEY_CURRENT_USER, key) as opened:
            return str(api.QueryValueEx(opened, name)[0])
    except OSError:
        return ""


def users_files() -> set[Path]:
    """Name what is mem0tray's in the user's own folders, but for scratch files."""
    found = Path(os.environ["APPDATA"]).parent.rglob("*mem0tray*")
    return {each for each in found if "Temp" not in each.parts}


class Package:
    """The installed program; `home` runs its commands."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.install()
        self.folder = Path(value(APPS, "InstallLocation"))
        self.tray = str(self.folder / "mem0trayw.exe")
        home._command = (str(self.folder / "mem0tray.exe"),)

    def install(self) -> None:
        subprocess.run([INSTALLER, "/S"], env=self.home.env, check=True, timeout=PATIENCE)

    def uninstall(self) -> None:
        words = value(APPS, "QuietUninstallString")
        subprocess.run(words, env=self.home.env, check=True, timeout=PATIENCE)
        wait_until(lambda: not self.folder.exists(), PATIENCE, "no folder any more")

    def page(self) -> str:
        """Have the window shown, and look at it as a browser does."""
        subprocess.run([self.tray], env=self.home.env, check=False, timeout=PATIENCE)
        wait_until(lambda: self.home.data_files("window.html"), PATIENCE, "the window")
        (address,) = re.findall('url=([^"]+)', self.home.data_files("window.html")[0].read_text())
        browser = build_opener(HTTPCookieProcessor())
        with browser.open(html.unescape(address)) as answer:
            return str(answer.read().decode())

    def tray_pid(self) -> int:
        """Wait for a tray with an icon; its process."""

        def shown() -> int:
            pid = int(self.home.read(self.home.metrics, {}).get("pid", 0))
            return pid * any(map(taskbar.has_icon, taskbar.windows(pid, taskbar.TRAY)))

        return wait_until(shown, PATIENCE, "an icon", explain=self.home.log_text)


@pytest.fixture
def package(home: Home) -> Iterator[Package]:
    """Install the program, one test at a time: all of them have one user; then take it off."""
    home.env["BROWSER"] = "cmd /c rem %s"
    with FileLock(Path(tempfile.gettempdir(), "mem0tray-package.lock")).held(3 * PATIENCE):
        assert not value(APPS, "InstallLocation"), "this user has mem0tray: nothing is touched"
        before = users_files()
        installed = Package(home)
        there = {each.name for each in users_files() - before}
        assert there >= {"mem0tray.lnk", "mem0tray.exe"}
        yield installed
        kept = {*home.ledgers(), *home.claude.glob("mem0_*.json")}
        installed.uninstall()
        assert users_files() == before
        assert not value(APPS, "DisplayName") + value(RUN, "mem0tray")
        assert str(installed.folder) not in value("Environment", "Path")
        assert kept == {*home.ledgers(), *home.claude.glob("mem0_*.json")}


def test_it_delivers_once_through_a_kill_and_an_update(
    package: Package, home: Home, server: Standin
) -> None:
    memories = entries(500)
    home.write_queue(memories)
    kill_in_the_middle(home, server, 200)
    home.drained(PATIENCE)
    assert oracle.faults(home, server, texts(memories)) == []
    assert server.total_stored() == 500
    assert "500" in home.ok("status")

    home._spawn([package.tray], home.env)
    first = package.tray_pid()
    assert "<title>mem0tray" in package.page()
    package.install()
    assert home.log_lines("Worker stopped")  # in order, by the installer
    wait_until(lambda: package.tray_pid() != first, PATIENCE, "a new tray")


def test_it_is_set_up_for_terminals_and_the_next_login(package: Package, home: Home) -> None:
    assert value(RUN, "mem0tray") == f'"{package.tray}"'
    assert value("Environment", "Path").split(";")[-1] == str(package.folder)
    assert "mem0tray starts at login." in home.ok("autostart", "status")
    home.ok("autostart", "disable")
    package.install()
    assert not value(RUN, "mem0tray")


def test_what_it_starts_of_itself_runs(package: Package, home: Home) -> None:
    assert f"Finally, remove the program itself: `{package.folder}" in home.ok("uninstall")
    assert "Every memory is there, each once." in home.ok("demo", "--fast", timeout=PATIENCE)
    local = {"MEM0TRAY_SERVER_URL": "local"}
    home.ok("add", "--project", "garden", "Größe", env=local)
    home.drained(PATIENCE, env=local)
    assert "Größe" in home.ok("recall", "--project", "garden", env=local)
