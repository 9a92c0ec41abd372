"""Replacing files: what is said to be on the disk is there."""

import errno
import os
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature, TornError
from mem0tray.system import regular_file
from tests.support import needs, odd


def refuse_folders(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let no folder be opened, for this reason."""
    real = os.open

    def opened(path: Path, flags: int, mode: int = 0o777) -> int:
        if Path(path).is_dir():
            raise OSError(number, os.strerror(number))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)


@needs.FOLDER_SYNC
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


# What is no file ------------------------------------------------------------------------------


@pytest.mark.row(49)
@pytest.mark.parametrize("kind", odd.KINDS)
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    """It may be somebody's: it is named, with the command that moves it away, and stays."""
    path = tmp_path / "file"
    with odd.put(kind, path):
        with pytest.raises(FileUnavailableError) as caught:
            atomic.replace(path, b"data")
        assert str(caught.value) == (
            f"{path} is a {kind}, not a file. Move it away: `{atomic.moving(path)}`."
        )
        assert not path.is_file()
    assert list(tmp_path.iterdir()) == []


# Windows --------------------------------------------------------------------------------------


def _of_windows(number: int) -> PermissionError:
    error = PermissionError(errno.EACCES, "Access is denied")
    error.winerror = number  # type: ignore[attr-defined]
    return error


def _found(ctime: int) -> os.stat_result:
    times = {"st_mtime_ns": 3, "st_ctime_ns": ctime}
    return os.stat_result((0o100600, 7, 1, 1, 0, 0, 5, 3, 3, ctime), times)


@pytest.mark.row(53)
def test_no_ctime_in_a_signature_on_windows() -> None:
    """There it is another time by path than by descriptor, and a file at rest would never be."""
    by_path, by_descriptor = _found(1), _found(2)
    assert Signature.of(by_path, "win32") == Signature.of(by_descriptor, "win32")
    assert Signature.of(by_path, "linux") != Signature.of(by_descriptor, "linux")


@pytest.mark.row(53)
@pytest.mark.parametrize("number", [5, 32, 33])
def test_a_replace_that_windows_refuses_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A target that another program has open for a moment is replaced when it is let go."""
    move, refusals = Path.replace, [_of_windows(number)] * 3

    def refused(self: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return move(self, target)

    monkeypatch.setattr(Path, "replace", refused)
    atomic.replace(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


@pytest.mark.row(53)
def test_a_target_that_windows_never_lets_go_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried without end: who holds it open is to close it; nothing is left behind."""

    def refused(*_: object) -> Path:
        raise _of_windows(32)

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(FileUnavailableError, match="is held open by another program"):
        atomic.replace(tmp_path / "file", b"data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.row(53)
def test_a_file_that_its_writer_shares_with_nobody_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a file may be locked while it is written: that is no fault of the file."""
    (tmp_path / "file").touch()

    def refused(_: Path) -> None:
        raise _of_windows(32)

    monkeypatch.setattr(regular_file, "open_binary", refused)
    with pytest.raises(TornError):
        atomic.read(tmp_path / "file")
