"""The worker as the tray starts it: wrong settings, and a second start."""

import sys
from pathlib import Path

import pytest

from mem0tray.actions import standing
from mem0tray.config.settings import Settings
from mem0tray.core.events import Events
from mem0tray.core.state import STARTING
from mem0tray.desktop.tray import menu
from mem0tray.desktop.tray.menu import View
from mem0tray.files import orders
from mem0tray.system.paths import Paths
from mem0tray.worker.thread import WorkerThread
from tests.support.home import Home
from tests.support.processes import Process
from tests.support.shapes import entries, waiting
from tests.support.standin import Standin

WORKER = Path(__file__).parents[1] / "support" / "desktop_worker.py"


def start(home: Home) -> Process:
    """Start it; its metrics are awaited."""
    process = home._spawn([sys.executable, str(WORKER)], home.env)
    home.wait(lambda: home.published_by(process), 10, "metrics published")
    return process


@pytest.mark.parametrize("text", ['[sync]\ntimeout = "soon"\n', "[sync\n"])
def test_with_wrong_settings_nothing_is_sent_until_they_are_mended(
    home: Home, server: Standin, text: str
) -> None:
    home.configure(text)
    home.write_queue(entries(2))
    home.write_dlq([waiting("dead", last_attempt=0)])
    process = start(home)
    state, reason = home.state()
    assert state == "action needed"
    assert "config.toml" in reason
    assert (server.probes(), server.saves) == (0, [])
    # Nobody knows yet which server is meant: none is named, and none started.
    assert home.read(home.metrics)["destination"] == ""
    assert not home.data_files("local-server/*")
    home.configure('[sync]\ntimeout = "later"\n')
    home.wait(lambda: "later" in home.state()[1], 5, "the new fault is named")
    home.configure("[sync]\ntimeout = 30\n")
    server.wait_for(lambda: server.total_stored() == 3, 5)
    home.wait(lambda: home.state() == ("healthy", ""), 5, "healthy")
    assert set(process.out.splitlines()) == {"SettingsChanged"}  # a save may be seen half done


def test_wrong_settings_and_no_server_chosen(bare_home: Home) -> None:
    bare_home.configure("[sync\n")
    start(bare_home)
    assert bare_home.read(bare_home.metrics)["destination"] == ""
    bare_home.configure("[sync]\ntimeout = 30\n")
    bare_home.wait(lambda: bare_home.state() == ("healthy", ""), 15, "healthy")
    assert bare_home.read(bare_home.metrics)["destination"] == "this computer only"


def test_another_folder_needs_a_new_start(home: Home, server: Standin, tmp_path: Path) -> None:
    home.configure("[paths\n")
    home.write_queue(entries(2))
    start(home)
    home.configure(f'[paths]\nclaude_dir = "{tmp_path}/elsewhere"\n')
    home.wait(lambda: "paths.claude_dir" in home.state()[1], 5, "said")
    assert home.state()[0] == "action needed"
    assert server.saves == []


def test_a_second_start_asks_the_first_to_show_its_status(home: Home) -> None:
    process = start(home)
    paths = Paths(home.claude, home.data / "mem0tray")
    orders.ask_to_show(paths)
    home.wait(lambda: not list(paths.orders.glob("[0-9]*.json")), 5, "the request is taken")
    home.wait(lambda: process.out == "StatusWanted\n", 5, "it is told")
    assert process.stop() == 0
    assert process.out == "StatusWanted\n"


def test_a_view_before_there_is_a_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    worker = WorkerThread(Settings(), Events(), lambda: None)
    try:
        found = standing.of_thread(worker, 0.0, 10)
        seen = menu.view_of(found, worker.settings.notifications.level, at_login=True)
    finally:
        worker.leave()
    assert seen == View(STARTING, at_login=True, level=Settings().notifications.level)
