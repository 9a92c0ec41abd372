"""Replacing files: what is said to be on the disk is there."""

import errno
import os
from pathlib import Path

import pytest

from mem0tray.errors import FileUnavailableError
from mem0tray.files import atomic


def refuse_folders(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let no folder be opened, for this reason."""
    real = os.open

    def opened(path: Path, flags: int, mode: int = 0o777) -> int:
        if Path(path).is_dir():
            raise OSError(number, os.strerror(number))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)


@pytest.mark.row(4)
@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO], ids=["EMFILE", "EIO"])
def test_a_folder_that_cannot_be_synced_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where the folder cannot even be opened, nothing claims that the file is on the disk."""
    refuse_folders(monkeypatch, number)
    with pytest.raises(FileUnavailableError, match=os.strerror(number)):
        atomic.replace(tmp_path / "file", b"data")


@pytest.mark.row(7)
def test_a_folder_that_may_not_be_read_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder may be writable and not readable: files in it are replaced all the same."""
    refuse_folders(monkeypatch, errno.EACCES)
    atomic.replace(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Make the folder by way of which a file is written, and the one in which it is to stand."""
    made = tmp_path / "way", tmp_path / "place"
    for folder in made:
        folder.mkdir()
    return made


def test_a_file_written_by_way_of_another_folder_shows_once_in_its_own(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the file itself ever stands in the folder that others watch."""
    way, place = folders
    moves: list[tuple[Path, list[Path]]] = []
    move = Path.replace

    def noted(self: Path, target: Path) -> Path:
        moves.append((self.parent, list(place.iterdir())))
        return move(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    atomic.replace(place / "file", b"text", durable=False, by_way_of=way)
    assert moves == [(way, [])]
    assert (place / "file").read_bytes() == b"text"
    assert list(way.iterdir()) == []


def test_a_disk_that_is_mounted_twice_is_no_obstacle(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file cannot be moved from the one folder to the other it is written in its own."""
    way, place = folders
    move = Path.replace

    def refused(self: Path, target: Path) -> Path:
        if self.parent == way:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return move(self, target)

    monkeypatch.setattr(Path, "replace", refused)
    atomic.replace(place / "file", b"text", by_way_of=way)
    assert (place / "file").read_bytes() == b"text"
    assert list(way.iterdir()) == []
    atomic.replace(place / "file", b"more", by_way_of=way / "missing")
    assert (place / "file").read_bytes() == b"more"
