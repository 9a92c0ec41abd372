"""Whether a folder takes files is found out by making one, and nothing is left of it."""

import errno
import os
from pathlib import Path

import pytest

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders
from tests.support import needs


@pytest.fixture(params=[True, False], ids=["without a name", "with a name"])
def nameless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways to make the file."""
    if not request.param:
        monkeypatch.setattr(private_folders, "_NAMELESS", 0)
    return bool(request.param)


@pytest.mark.usefixtures("nameless")
def test_a_folder_that_takes_files_has_nothing_against_it(tmp_path: Path) -> None:
    """And is as empty afterwards as before."""
    assert private_folders.why_unwritable(tmp_path) == reasons.NONE
    assert list(tmp_path.iterdir()) == []


@needs.linux("a file must have a name")
def test_whoever_watches_a_folder_sees_nothing_of_the_try(tmp_path: Path) -> None:
    """The file has no name, so that its making is no change of the folder."""
    os.utime(tmp_path, (5.0, 5.0))
    assert private_folders.why_unwritable(tmp_path) == reasons.NONE
    assert tmp_path.stat().st_mtime == 5.0


def test_a_folder_that_is_not_there_is_not_looked_at(tmp_path: Path) -> None:
    """Others say that it is missing; a file is no folder either."""
    (tmp_path / "file").touch()
    assert private_folders.why_unwritable(tmp_path / "none") == reasons.NONE
    assert private_folders.why_unwritable(tmp_path / "file") == reasons.NONE


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL])
def test_where_a_file_must_have_a_name_it_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Not every file system knows files without a name."""
    monkeypatch.setattr(private_folders, "_NAMELESS", 1 << 30)
    opened, real = [], os.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & (1 << 30):
            raise OSError(code, os.strerror(code))
        opened.append((path, mode))
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", refuse)
    assert private_folders.why_unwritable(tmp_path) == reasons.NONE
    ((path, mode),) = opened
    assert path.name == f".probe.mem0tray-{os.getpid()}-0.tmp"
    assert mode == 0o600
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of a process that had the same id is removed first."""
    monkeypatch.setattr(private_folders, "_NAMELESS", 0)
    (tmp_path / f".probe.mem0tray-{os.getpid()}-0.tmp").touch()
    assert private_folders.why_unwritable(tmp_path) == reasons.NONE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nameless")
@pytest.mark.parametrize("step", ["open", "write"])
def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Whether it shows when the file is made or when it is written; nothing is left of it."""

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, refuse)
    told = str(private_folders.why_unwritable(tmp_path))
    monkeypatch.undo()
    assert told == f"{tmp_path}: No space left on device. Free some disk space."
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_read_only_by_its_flags_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without trying."""
    asked = []

    def is_read_only(path: Path) -> bool:
        asked.append(path)
        return True

    monkeypatch.setattr(atomic, "is_read_only", is_read_only)
    assert "The disk is read-only: mount it for writing again." in str(
        private_folders.why_unwritable(tmp_path)
    )
    with pytest.raises(FileUnavailableError) as caught:
        private_folders.refuse_read_only(tmp_path)
    assert caught.value.disk_failed
    assert asked == [tmp_path] * 2
