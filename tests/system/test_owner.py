"""Whose a file is that root makes in another user's folder."""

import os
from pathlib import Path

import pytest

from mem0tray.actions import add
from mem0tray.files import atomic, lock, private_folders
from mem0tray.system import owner
from mem0tray.system.paths import Paths
from tests.support import needs

THEIRS = (4242, 4343)
pytestmark = needs.root("only root can give a file away")


def whose(path: Path) -> tuple[int, int]:
    """Read owner and group."""
    found = path.stat()
    return found.st_uid, found.st_gid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of another user's."""
    made = tmp_path / "claude"
    made.mkdir()
    os.chown(made, *THEIRS)
    return made


def test_what_root_adds_in_another_s_folder_is_theirs(folder: Path) -> None:
    """The queue file and its lock, and the emergency file; a file that was there stays its own."""
    paths = Paths(folder, folder.parent / "data")
    entry = {"id": "1", "project_id": "p", "content": "c", "timestamp": 1, "retries": 0}
    assert add.add(paths, entry) == "queue"
    os.chown(paths.queue, 5252, 5353)
    paths.queue.chmod(0o640)
    assert add.add(paths, {**entry, "id": "2"}) == "queue"
    assert whose(paths.queue) == (5252, 5353)
    assert paths.queue.stat().st_mode & 0o777 == 0o640
    add.append_line(paths.emergency, b"{}")
    assert whose(paths.emergency) == whose(paths.queue_lock) == THEIRS


def test_a_new_file_goes_to_the_owner_of_its_folder(folder: Path) -> None:
    """So does a folder in between, but not one that is to be ours alone."""
    private_folders.make_private_folder(folder / "a" / "b")
    atomic.replace(folder / "a" / "b" / "file", b"new")
    held = lock.FileLock(folder / "lock")
    held.acquire(1.0)
    held.release()
    for name in ("a", "a/b", "a/b/file", "lock"):
        assert whose(folder / name) == THEIRS, name
    private_folders.make_own_folder(folder / "own")
    assert whose(folder / "own") == (0, 0)


def test_only_what_was_made_is_given(folder: Path) -> None:
    """A file of root's that stands there stays root's, opened or written to."""
    (folder / "file").touch()
    add.append_line(folder / "file", b"{}")
    assert whose(folder / "file") == (0, 0)


def test_nothing_is_given_where_strangers_may_write(folder: Path) -> None:
    """In a folder like /tmp anybody may have put the file that is replaced."""
    folder.chmod(0o1777)
    (folder / "file").touch()
    os.chown(folder / "file", *THEIRS)
    atomic.replace(folder / "file", b"new")
    atomic.replace(folder / "new", b"new")
    assert whose(folder / "file") == whose(folder / "new") == (0, 0)


def test_who_is_not_root_keeps_a_group(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner cannot be kept, and is not tried."""
    (folder / "file").touch()
    os.chown(folder / "file", *THEIRS)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    atomic.replace(folder / "file", b"new")
    assert whose(folder / "file") == (0, 4343)
    assert owner.of_folder(folder) is None
