"""Where everything lies: the names that other programs rely on, and ours."""

from pathlib import Path

import platformdirs
import pytest

from mem0tray.system import paths
from mem0tray.system.paths import (
    RECORD,
    FolderRecord,
    Paths,
    data_folder,
    folder_records,
    record_of,
)
from tests.support import needs

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
    "sessions": "sessions.socket",
    "alerts": "alerts.json",
    "window": "window",
    "door": "window.html",
    "edits": "edits",
    "quarantine": "quarantine",
}


def test_shared_files_have_the_names_of_the_contract_and_ours_those_of_each_release(
    tmp_path: Path,
) -> None:
    found = Paths(tmp_path / "claude", tmp_path / "data")
    for folder, files in ((found.claude_dir, SHARED), (found.data_dir, OURS)):
        assert {name: getattr(found, name) for name in files} == {
            name: folder / file for name, file in files.items()
        }
    assert found.claude_dir == tmp_path / "claude"
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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    root.mkdir()
    return root


@pytest.fixture
def claude_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "claude"
    folder.mkdir()
    return folder


def serves(folder: Path, name: Path, real: Path, since: float = 1.0) -> Path:
    folder.mkdir()
    (folder / RECORD).write_bytes(record_of(name, real, since))
    return folder


@needs.LINKS
def test_a_new_folder_is_named_after_the_real_path(root: Path, claude_dir: Path) -> None:
    link = claude_dir.with_name("link")
    link.symlink_to(claude_dir)
    found = data_folder(root, claude_dir)
    assert found == data_folder(root, link)
    assert found.parent == root
    assert not found.exists()
    assert found != data_folder(root, claude_dir / "other")


@needs.NAMES
def test_a_name_is_the_same_in_every_release(root: Path) -> None:
    assert data_folder(root, Path("/nowhere/claude")).name == "claude-8c29d86930ea"
    assert data_folder(root, Path("/nowhere/\udcff")).name == "claude-46210ac3fa7f"  # no UTF-8


def test_a_record_says_what_it_serves(root: Path) -> None:
    folder = serves(root / "claude-x", Path("name"), Path("real"), 5.5)
    text = (folder / RECORD).read_text(encoding="utf-8")
    assert text == '{\n  "name": "name",\n  "real": "real",\n  "since": 5.5\n}'
    assert folder_records(root) == [FolderRecord(folder, "name", "real", 5.5)]
    assert folder_records(root / "none") == []


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "5", "{}", '{"name": "a", "real": "b"}',
        '{"name": "a", "real": "b", "since": null}', '{"name": "a", "real": "b", "since": "x"}',
    ],
)  # fmt: skip
def test_a_record_that_makes_no_sense_is_none(root: Path, text: str) -> None:
    (root / "claude-a").mkdir()
    (root / "claude-a" / RECORD).write_text(text, encoding="utf-8")
    kept = serves(root / "claude-b", Path("/n"), Path("/r"))
    assert [each.folder for each in folder_records(root)] == [kept]


def test_the_latest_record_counts_and_not_the_name(root: Path, claude_dir: Path) -> None:
    serves(root / "claude-a", Path("/other"), Path("/other"), 9.0)
    serves(root / "claude-b", Path("/name"), claude_dir, 1.0)
    latest = serves(root / "claude-c", claude_dir, claude_dir, 2.0)
    assert data_folder(root, claude_dir) == latest


@needs.LINKS
def test_a_recorded_path_that_leads_there_by_a_link_is_it(root: Path, claude_dir: Path) -> None:
    former = claude_dir.with_name("former")
    folder = serves(root / "claude-a", former, former)
    former.symlink_to(claude_dir)
    assert data_folder(root, claude_dir) == folder


@needs.LINKS
def test_a_folder_that_moved_is_followed_by_its_recorded_name(root: Path, claude_dir: Path) -> None:
    link = claude_dir.with_name("link")
    link.symlink_to(claude_dir)
    folder = serves(root / "claude-a", link, claude_dir.with_name("gone"))
    assert data_folder(root, claude_dir) == folder


def test_a_link_to_another_folder_gets_a_data_folder_of_its_own(
    root: Path, claude_dir: Path
) -> None:
    former, link = claude_dir.with_name("former"), claude_dir.with_name("link")
    former.mkdir()
    link.symlink_to(claude_dir)
    folder = serves(root / "claude-a", link, former)
    assert data_folder(root, link) != folder


def test_a_name_that_is_taken_gets_a_number(root: Path, claude_dir: Path) -> None:
    elsewhere = claude_dir.with_name("elsewhere")
    elsewhere.mkdir()
    name = data_folder(root, claude_dir)
    serves(name, elsewhere, elsewhere)
    second = name.with_name(f"{name.name}-2")
    assert data_folder(root, claude_dir) == second
    serves(second, elsewhere, elsewhere)
    assert data_folder(root, claude_dir) == name.with_name(f"{name.name}-3")
