"""A lock file that cannot be opened is named with its cause and what to do."""

import errno
import os
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files.lock import FileLock
from mem0tray.system import plain


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EROFS, "mount it for writing again"),
        (errno.ENOSPC, "Free some disk space"),
        (errno.EACCES, "Mend the permissions"),
    ],
    ids=["read-only disk", "full disk", "permissions"],
)
def test_the_remedy_is_that_of_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    """A read-only or full disk is not blamed on the file's permissions."""
    path = tmp_path / "mem0_queue.lock"

    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(plain, "open_fd", refuse)
    with pytest.raises(FileUnavailableError) as caught:
        FileLock(path).acquire(1)
    assert str(path) in caught.value.message
    assert remedy in caught.value.remedy


def test_a_link_that_leads_nowhere_is_no_matter_of_permissions(tmp_path: Path) -> None:
    """A lock file that is a dangling link asks for the folder that it leads to."""
    path = tmp_path / "mem0_queue.lock"
    path.symlink_to(tmp_path / "gone" / "lock")
    with pytest.raises(FileUnavailableError) as caught:
        FileLock(path).acquire(1)
    assert "folder" in caught.value.remedy
