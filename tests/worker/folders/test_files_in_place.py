"""What may stand where the worker writes, and what a kill has left there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import temporary
from mem0tray.system.paths import Paths
from mem0tray.worker.folders import served_folder
from tests.support import needs

LONG_AGO = 1e6  # seconds


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """Have the folders that a worker writes into, with no file yet."""
    monkeypatch.setattr(served_folder, "config_file", lambda: tmp_path / "config" / "config.toml")
    found = Paths(tmp_path / "claude", tmp_path / "data")
    for folder in (found.claude_dir, found.orders, found.quarantine):
        folder.mkdir(parents=True)
    (tmp_path / "config").mkdir()
    return found


def each_place(paths: Paths) -> Iterator[Path]:
    yield from (paths.queue_lock, paths.log, paths.queue_backup, paths.dlq_backup)


def refused(paths: Paths) -> str:
    """What is said of the place that is none; empty where all are in order."""
    try:
        served_folder.refuse_unwritable(paths)
    except FileUnavailableError as error:
        return str(error)
    return ""


def test_files_and_empty_places_are_in_order(paths: Paths) -> None:
    assert not refused(paths)
    assert not paths.log.parent.exists()
    paths.log.parent.mkdir()
    for path in each_place(paths):
        path.touch()
    assert not refused(paths)


@pytest.mark.parametrize("number", range(4))
def test_a_folder_in_the_place_of_a_file_is_named(paths: Paths, number: int) -> None:
    path = list(each_place(paths))[number]
    path.mkdir(parents=True)
    assert refused(paths).startswith(f"{path} is a folder, not a file.")


def test_a_file_in_the_place_of_the_folder_of_the_log_is_named(paths: Paths) -> None:
    paths.log.parent.touch()
    assert f"{paths.log.parent} is no folder." in refused(paths)


@needs.LINKS
@pytest.mark.parametrize("link", ["folder", "file"])
def test_a_link_that_leads_the_log_nowhere_is_named(
    paths: Paths, tmp_path: Path, link: str
) -> None:
    there = tmp_path / "disk" / "logs"
    if link == "folder":
        paths.log.parent.symlink_to(there)
    else:
        paths.log.parent.mkdir()
        paths.log.symlink_to(there / "log")
    said = refused(paths)
    assert said.startswith(f"{paths.log}: ")
    assert os.strerror(2).lower() in said.lower()
    assert "Make its folder, or choose another." in said
    there.mkdir(parents=True)
    assert not refused(paths)


def leftover(folder: Path) -> Path:
    path = temporary.name_beside(folder / "file")
    path.touch()
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_what_a_kill_left_is_removed_wherever_we_write(paths: Paths, tmp_path: Path) -> None:
    folders = [
        paths.claude_dir, paths.data_dir, paths.orders, paths.quarantine,
        tmp_path / "config",
    ]  # fmt: skip
    left = [leftover(folder) for folder in folders]
    theirs = paths.claude_dir / ".file.tmp"
    theirs.touch()
    with temporary.Temporary(paths.claude_dir / "now") as used:
        served_folder.remove_leftovers(paths)
        assert used.fd >= 0
        in_use = list(paths.claude_dir.glob(temporary.PATTERN))
        assert len(in_use) == 1
    assert not any(path.exists() for path in left)
    assert theirs.exists()


@needs.LINKS
@pytest.mark.parametrize("name", ["queue", "queue_backup", "dlq", "dlq_backup", "metrics", ""])
def test_what_was_left_beside_the_file_that_a_link_leads_to_is_removed(
    paths: Paths, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = getattr(paths, name) if name else tmp_path / "config" / "config.toml"
    path.symlink_to(elsewhere / "file")
    left = leftover(elsewhere)
    served_folder.remove_leftovers(paths)
    assert not left.exists()


def test_answers_that_nobody_fetched_are_removed(paths: Paths) -> None:
    old, new = paths.orders / "1-1.answer", paths.orders / "2-2.answer"
    for path in (old, new):
        path.write_text("[]")
    os.utime(old, (LONG_AGO, LONG_AGO))
    served_folder.remove_leftovers(paths)
    assert list(paths.orders.iterdir()) == [new]
