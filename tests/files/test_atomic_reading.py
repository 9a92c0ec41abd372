"""Reading a file that others may be writing, and what is told where it cannot be had."""

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature, TornError
from mem0tray.system import regular_file
from tests.support import needs


def test_what_is_read_has_its_signature(tmp_path: Path) -> None:
    """Inode, size and times, which are those of the path; on Windows all but the last."""
    path = tmp_path / "file"
    path.write_bytes(b"data")
    found = path.stat()
    ctime = 0 if sys.platform == "win32" else found.st_ctime_ns
    expected = Signature(found.st_ino, 4, found.st_mtime_ns, ctime)
    assert atomic.read(path) == (b"data", expected)
    assert atomic.signature(path) == expected


@pytest.mark.parametrize("name", ["none", "file/below"])
def test_where_no_file_is_there_is_nothing_to_read(tmp_path: Path, name: str) -> None:
    """Nor is there below a file."""
    (tmp_path / "file").touch()
    assert atomic.read(tmp_path / name) is None
    assert atomic.signature(tmp_path / name) is None


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken disk is no file that changed."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(regular_file, "open_binary", refuse)
    with pytest.raises(FileUnavailableError, match="Input/output error") as caught:
        atomic.read(tmp_path / "file")
    assert caught.value.disk_failed
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(FileUnavailableError, match="Input/output error"):
        atomic.signature(tmp_path / "file")


@pytest.mark.parametrize("change", ["replace", "remove"])
def test_a_file_that_is_another_by_the_end_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """By its name, though the one that is open has not changed; the error names the file."""
    path = tmp_path / "file"
    path.write_bytes(b"data")
    real = regular_file.open_binary

    def opened(path: Path) -> BinaryIO:
        file = real(path)
        path.unlink()
        if change == "replace":
            path.write_bytes(b"data")
        return file

    monkeypatch.setattr(regular_file, "open_binary", opened)
    with pytest.raises(TornError) as caught:
        atomic.read(path)
    assert caught.value.args == (path,)


def test_a_file_that_grows_between_two_looks_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read may be half of the old one and half of the new one."""
    path = tmp_path / "file"
    path.write_bytes(b"data")
    real, calls = os.fstat, []

    def looked(fd: int) -> os.stat_result:
        found = real(fd)
        calls.append(fd)
        if len(calls) == 2:  # the first is of `regular_file`, which opens it
            with path.open("ab") as more:
                more.write(b"!")
        return found

    monkeypatch.setattr(os, "fstat", looked)
    with pytest.raises(TornError):
        atomic.read(path)


def test_a_further_link_changes_no_bytes() -> None:
    """Time of change apart, a signature tells the bytes of a file."""
    one = Signature(1, 2, 3, 4)
    assert one.same_bytes(Signature(1, 2, 3, 9))
    for other in (Signature(9, 2, 3, 4), Signature(1, 9, 3, 4), Signature(1, 2, 9, 4)):
        assert not one.same_bytes(other)


@pytest.mark.parametrize(
    ("code", "remedy", "disk_failed"),
    [
        (errno.ENOENT, "Make its folder, or choose another.", False),
        (errno.ENOSPC, "Free some disk space.", True),
        (errno.EDQUOT, "Free some disk space.", True),
        (errno.EROFS, "The disk is read-only: mount it for writing again.", True),
        (errno.EACCES, "Mend the permissions of the file and its folder.", False),
        (errno.EPERM, "Mend the permissions of the file and its folder.", False),
        (errno.EIO, "The disk may be broken: see what the system's log says of it.", True),
        (errno.EBUSY, "", False),
    ],
)
def test_each_error_has_its_remedy(code: int, remedy: str, *, disk_failed: bool) -> None:
    """And says whether other files cannot be written either."""
    found = atomic.unavailable(Path("x"), OSError(code, os.strerror(code)))
    assert found.message == f"x: {os.strerror(code)}."
    assert (found.remedy, found.disk_failed) == (remedy, disk_failed)


def test_an_error_without_a_number_is_told_as_it_is() -> None:
    """Its own words are all that there is."""
    found = atomic.unavailable(Path("x"), OSError("odd"))
    assert (found.message, found.remedy) == ("x: odd.", "")


def test_the_file_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    """Not the one that could not be had."""
    (tmp_path / "file").touch()
    file = tmp_path / "file"
    found = atomic.unavailable(file / "a" / "b", OSError(errno.ENOTDIR, "x"))
    assert found.message == f"{file / 'a' / 'b'} cannot exist: {file} is no folder."
    assert found.remedy == (
        f"Move {file} away, unless paths.claude_dir leads there by mistake"
        " (MEM0TRAY_PATHS_CLAUDE_DIR in the environment wins)."
    )


def test_what_is_no_file_is_to_be_moved_away(tmp_path: Path) -> None:
    """The command is told as the shell takes it."""
    with pytest.raises(FileUnavailableError) as caught:
        atomic.replace(tmp_path, b"")
    assert caught.value.message == f"{tmp_path} is a folder, not a file."
    command = atomic.moving(tmp_path)
    assert caught.value.remedy == f"Move it away: `{command}`."
    assert atomic.moving(Path("a b"), "linux") == "mv 'a b' 'a b.away'"
    assert atomic.moving(Path("a b"), "win32") == 'move "a b" "a b.away"'


def test_windows_says_who_holds_a_file_open() -> None:
    """Somebody else does, and is to let go."""
    error = PermissionError(errno.EACCES, "Access is denied")
    error.winerror = 32  # type: ignore[attr-defined]
    found = atomic.unavailable(Path("x"), error)
    assert found.message == "x is held open by another program."
    assert found.remedy == "Close it there, or end that program."


def test_what_windows_lets_nobody_replace_is_held_open(tmp_path: Path) -> None:
    """Where it could be written it is no want of rights that the system says "Access denied"."""
    error = PermissionError(errno.EACCES, "Access is denied")
    error.winerror = 5  # type: ignore[attr-defined]
    file = tmp_path / "file"
    file.touch()
    assert atomic.unavailable(file, error).message == f"{file} is held open by another program."
    file.unlink()
    assert atomic.unavailable(file, error).message == f"{file}: {reasons.of_system(error)}."


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """What is not there is none; below a file it is somebody else's to say."""
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    folder.mkdir()
    for path in (file, tmp_path / "none", file / "below"):
        atomic.refuse_odd(path)
    with pytest.raises(FileUnavailableError, match="is a folder, not a file"):
        atomic.refuse_odd(folder)


@needs.FLAGS
def test_a_disk_that_takes_no_writes_is_told_by_its_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that is told: Windows tells nothing, and a file that is gone neither."""
    assert not atomic.is_read_only(tmp_path)
    assert not atomic.is_read_only(tmp_path / "none")
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY | 4096))
    assert atomic.is_read_only(tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    assert not atomic.is_read_only(tmp_path)
