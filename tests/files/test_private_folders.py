"""Folders of ours: made, listed, and told from what else stands in their place."""

import os
import re
import sys
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders
from tests.support import needs
from tests.support.needs import has_mode


def test_a_listing_is_sorted_and_of_what_matches(tmp_path: Path) -> None:
    """A folder that is not there holds nothing; what is no folder is named."""
    for name in ("b.json", "a.json", "c.txt"):
        (tmp_path / name).touch()
    assert private_folders.listing(tmp_path, "*.json") == [tmp_path / "a.json", tmp_path / "b.json"]
    assert private_folders.listing(tmp_path / "none", "*") == []
    with pytest.raises(FileUnavailableError) as caught:
        private_folders.listing(tmp_path / "c.txt", "*")
    assert str(tmp_path / "c.txt") in caught.value.message


# What is told --------------------------------------------------------------------------------


def test_missing_folders_are_made_private_whatever_the_umask(tmp_path: Path) -> None:
    """All of them, and each is on the disk; those that were there stay as they are."""
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


def test_each_folder_that_is_made_outlasts_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is above each new one is synced."""
    synced: list[Path] = []
    monkeypatch.setattr(atomic, "sync_folder", synced.append)
    private_folders.make_private_folder(tmp_path / "a" / "b")
    assert sorted(synced) == [tmp_path, tmp_path / "a"]


@needs.ERRORS
def test_a_file_where_a_folder_is_to_be_is_named(tmp_path: Path) -> None:
    """The folder itself, or one above it."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        named = re.escape(f"{tmp_path / 'file'} is no folder")
        with pytest.raises(FileUnavailableError, match=named):
            private_folders.make_private_folder(folder)


@needs.OWNERS
def test_a_folder_of_ours_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others lose what they may do with it; that of another user is refused."""
    folder = tmp_path / "own"
    private_folders.make_own_folder(folder)
    for mode in (0o701, 0o720, 0o604):
        folder.chmod(mode)
        private_folders.make_own_folder(folder)
        assert has_mode(folder, 0o700)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(FileUnavailableError) as caught:
        private_folders.make_own_folder(folder)
    assert caught.value.message == f"The folder {folder} belongs to another user (uid {uid})."
    assert caught.value.remedy == "Run mem0tray as that user, or move the folder away."
    monkeypatch.setattr(sys, "platform", "win32")
    private_folders.make_own_folder(folder)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """What is not there is none; below a file it is somebody else's to say."""
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    folder.mkdir()
    for path in (folder, tmp_path / "none", file / "below"):
        private_folders.refuse_no_folder(path)
    with pytest.raises(FileUnavailableError, match="is a file, not a folder"):
        private_folders.refuse_no_folder(file)
