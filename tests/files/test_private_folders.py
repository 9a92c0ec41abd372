"""Folders of ours: made, listed, told from other things; the quarantine; who takes files."""

import errno
import hashlib
import os
import re
import time
from pathlib import Path

import pytest

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders
from tests.support import needs, odd
from tests.support.needs import has_mode

NOW = 1_764_513_120.0
ODD = b'{"x": [[[['


def test_a_listing_is_sorted_and_of_what_matches(tmp_path: Path) -> None:
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).touch()
    assert private_folders.listing(tmp_path, "*.json") == [tmp_path / "a.json", tmp_path / "b.json"]
    assert private_folders.listing(tmp_path / "none", "*") == []
    with pytest.raises(FileUnavailableError) as caught:
        private_folders.listing(tmp_path / "c.txt", "*")
    assert str(tmp_path / "c.txt") in caught.value.message


def test_missing_folders_are_made_private_whatever_the_umask_and_outlast_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(atomic, "sync_folder", synced.append)
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    there.chmod(0o755)
    before = os.umask(0)
    try:
        private_folders.make_private_folder(there / "a" / "b")
        private_folders.make_private_folder(there / "a" / "b")
    finally:
        os.umask(before)
    assert has_mode(there, 0o755)
    assert has_mode(there / "a", 0o700)
    assert has_mode(there / "a" / "b", 0o700)
    assert sorted(synced) == [there, there / "a"]


@needs.ERRORS
def test_a_file_where_a_folder_is_to_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        named = re.escape(f"{tmp_path / 'file'} is no folder")
        with pytest.raises(FileUnavailableError, match=named):
            private_folders.make_private_folder(folder)
    with pytest.raises(FileUnavailableError, match="file is no folder"):
        private_folders.refuse_no_folder(tmp_path / "file")
    for folder in (tmp_path, tmp_path / "none", tmp_path / "file" / "below"):
        private_folders.refuse_no_folder(folder)


@needs.OWNERS
def test_a_folder_of_ours_is_shut_to_others(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    private_folders.make_own_folder(folder)
    for mode in (0o701, 0o720, 0o604):
        folder.chmod(mode)
        private_folders.make_own_folder(folder)
        assert has_mode(folder, 0o700)
    folder.chmod(0o500)  # as its owner chose
    private_folders.make_own_folder(folder)
    assert has_mode(folder, 0o500)


@pytest.mark.parametrize("name", [".", "none", "file"])
def test_a_folder_that_takes_files_has_nothing_against_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert private_folders.why_unwritable(tmp_path / name) == reasons.NONE
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize("step", ["open", "write"])
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    monkeypatch.setattr(os, step, odd.refusing(errno.ENOSPC))
    told = str(private_folders.why_unwritable(tmp_path))
    monkeypatch.undo()
    assert told == f"{tmp_path}: No space left on device. Free some disk space."
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_read_only_by_its_flags_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "is_read_only", lambda path: path == tmp_path)
    assert "The disk is read-only: mount it for writing again." in str(
        private_folders.why_unwritable(tmp_path)
    )
    with pytest.raises(FileUnavailableError) as caught:
        private_folders.refuse_read_only(tmp_path)
    assert caught.value.disk_failed


def test_what_is_quarantined_is_kept_once_under_its_file_and_time(tmp_path: Path) -> None:
    folder = tmp_path / "quarantine"
    assert private_folders.quarantined(folder) == []
    kept = private_folders.quarantine(folder, Path("/x/.mem0_queue.json"), ODD, NOW)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(NOW))
    digest = hashlib.sha256(ODD).hexdigest()[:12]
    assert kept == folder / f"mem0_queue-{stamp}-{digest}.json"
    assert kept.read_bytes() == ODD
    assert has_mode(kept, 0o600)
    assert has_mode(folder, 0o700)
    assert private_folders.quarantine(folder, Path("b.json"), ODD, NOW + 3600) == kept
    other = private_folders.quarantine(folder, Path("a.json"), ODD + b"x", NOW)
    for name in (".hidden.json", "notes.txt"):  # which do not count
        (folder / name).touch()
    assert private_folders.quarantined(folder) == [other, kept]
