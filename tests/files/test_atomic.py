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
