"""Where everything lies: the names that other programs rely on, and ours."""

from pathlib import Path

import platformdirs
import pytest

from mem0tray.system import paths
from mem0tray.system.paths import Paths

SHARED = {
    "queue": "mem0_queue.json",
    "queue_lock": "mem0_queue.lock",
    "queue_backup": "mem0_queue_backup.json",
    "emergency": "mem0_emergency.json",
    "dlq": "mem0_queue_dlq.json",
    "dlq_previous": ".mem0_queue_dlq.previous.json",
    "dlq_backup": "mem0_queue_dlq.backup.json",
    "metrics": "mem0_metrics.json",
    "log": "logs/mem0_worker.log",
}
OURS = {
    "ledger": "ledger.sqlite3",
    "instance_lock": "instance.lock",
    "served": "serves.json",
    "spare_metrics": "state.json",
    "tray_lock": "tray.lock",
    "orders": "requests",
    "pause": "requests/pause.json",
    "alerts": "alerts.json",
    "page": "status.html",
    "edits": "edits",
    "quarantine": "quarantine",
}


def test_shared_files_have_the_names_of_the_contract(tmp_path: Path) -> None:
    found = Paths(tmp_path / "claude", tmp_path / "data")
    assert {name: getattr(found, name) for name in SHARED} == {
        name: tmp_path / "claude" / file for name, file in SHARED.items()
    }


def test_our_files_have_the_same_names_in_every_release(tmp_path: Path) -> None:
    found = Paths(tmp_path / "claude", tmp_path / "data")
    assert {name: getattr(found, name) for name in OURS} == {
        name: found.data_dir / file for name, file in OURS.items()
    }
    assert found.local_server == tmp_path / "data" / "local-server"


def test_each_path_is_in_one_of_the_tables() -> None:
    named = {name for name, value in vars(Paths).items() if isinstance(value, paths._In)}
    assert named == SHARED.keys() | OURS.keys() | {"local_server"}


def test_our_folders_are_the_platforms_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def folder(name: str, *, appauthor: bool | None = None) -> Path:
        asked.append((name, appauthor))
        return Path("/there")

    monkeypatch.setattr(platformdirs, "user_config_path", folder)
    monkeypatch.setattr(platformdirs, "user_data_path", folder)
    assert paths.config_file() == Path("/there/config.toml")
    assert paths.data_root() == Path("/there")
    assert asked == [("mem0tray", False)] * 2


def test_a_leading_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert Paths.for_claude_dir(Path("~/.claude")).claude_dir == tmp_path / ".claude"
    assert Paths.for_claude_dir(Path("here")).claude_dir == tmp_path / "here"
