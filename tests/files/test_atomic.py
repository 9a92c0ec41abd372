"""Reading a file that others may be writing; replacing one, and keeping it under a further name."""

import errno
import os
import re
import stat
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO
from unittest import mock

import pytest

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature, TornError
from mem0tray.system import regular_file
from tests.support import needs, odd
from tests.support.needs import has_mode

if sys.platform != "win32":
    import fcntl


def test_what_is_read_has_its_signature_and_a_missing_file_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"data")
    found = path.stat()
    ctime = 0 if sys.platform == "win32" else found.st_ctime_ns
    expected = Signature(found.st_ino, 4, found.st_mtime_ns, ctime)
    assert atomic.read(path) == (b"data", expected)
    assert atomic.signature(path) == expected
    for missing in (tmp_path / "none", path / "below"):
        assert (atomic.read(missing), atomic.signature(missing)) == (None, None)


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular_file, "open_binary", odd.refusing(errno.EIO))
    with pytest.raises(FileUnavailableError, match="Input/output error") as caught:
        atomic.read(tmp_path / "file")
    assert caught.value.disk_failed
    monkeypatch.setattr(Path, "stat", odd.refusing(errno.EIO))
    with pytest.raises(FileUnavailableError, match="Input/output error"):
        atomic.signature(tmp_path / "file")


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"more data"),
        lambda path: path.with_name("same").replace(path),
        Path.unlink,
    ],
)
def test_a_file_that_changes_while_it_is_read_is_torn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    path = tmp_path / "file"
    for each in (path, tmp_path / "same"):
        each.write_bytes(b"data")
    real = regular_file.open_binary

    def opened(path: Path) -> BinaryIO:
        file = real(path)
        read = file.read

        def changed() -> bytes:
            data = read()
            change(path)
            return data

        file.read = changed  # type: ignore[method-assign, assignment]
        return file

    monkeypatch.setattr(regular_file, "open_binary", opened)
    with pytest.raises(TornError) as caught:
        atomic.read(path)
    assert caught.value.args == (path,)


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
    found = atomic.unavailable(Path("x"), OSError(code, os.strerror(code)))
    assert found.message == f"x: {os.strerror(code)}."
    assert (found.remedy, found.disk_failed) == (remedy, disk_failed)


def test_the_file_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = tmp_path / "file"
    found = atomic.unavailable(file / "a" / "b", OSError(errno.ENOTDIR, "x"))
    assert found.message == f"{file / 'a' / 'b'} cannot exist: {file} is no folder."
    assert found.remedy == (
        f"Move {file} away, unless paths.claude_dir leads there by mistake"
        " (MEM0TRAY_PATHS_CLAUDE_DIR in the environment wins)."
    )


def test_the_command_moves_what_is_in_the_way() -> None:
    assert atomic.moving(Path("a b"), "linux") == "mv 'a b' 'a b.away'"
    assert atomic.moving(Path("a b"), "win32") == 'move "a b" "a b.away"'


def test_what_windows_lets_nobody_replace_is_held_open(tmp_path: Path) -> None:
    error, file = _of_windows(5), tmp_path / "file"
    file.touch()
    assert atomic.unavailable(file, error).message == f"{file} is held open by another program."
    file.unlink()
    assert atomic.unavailable(file, error).message == f"{file}: {reasons.of_system(error)}."


@needs.FLAGS
def test_a_disk_that_takes_no_writes_is_told_by_its_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not atomic.is_read_only(tmp_path)
    assert not atomic.is_read_only(tmp_path / "none")
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY | 4096))
    assert atomic.is_read_only(tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    assert not atomic.is_read_only(tmp_path)


@needs.LINKS
def test_a_link_is_followed_and_the_mode_kept(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    atomic.replace(file, b"old")
    assert has_mode(file, 0o600)
    file.chmod(0o644)
    link.symlink_to(file)
    told: list[atomic.Signature] = []
    found = atomic.replace(link, [b"n", b"ew"], announce=told.append)
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert has_mode(file, 0o644)
    assert found == atomic.signature(file)
    assert found is not None
    assert found.same_bytes(told[0])
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    assert atomic._found(circle) is None  # it is replaced


def test_nothing_happens_where_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")
    told: list[atomic.Signature] = []
    assert atomic.replace(file, b"new", still_valid=lambda: False, announce=told.append) is None
    assert file.read_bytes() == b"old"
    assert (list(tmp_path.iterdir()), told) == ([file], [])


def test_a_file_is_made_in_another_folder_if_wanted(tmp_path: Path) -> None:
    workshop, file = tmp_path / "workshop", tmp_path / "file"
    workshop.mkdir()

    def still_valid() -> bool:
        assert [len(list(each.iterdir())) for each in (workshop, tmp_path)] == [1, 1]
        return True

    found = atomic.replace(file, b"new", made_in=workshop, still_valid=still_valid)
    assert (file.read_bytes(), found) == (b"new", atomic.signature(file))
    assert list(workshop.iterdir()) == []


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
    with (tmp_path / "file").open("wb") as file:
        atomic.write_all(file.fileno(), b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


@needs.FOLDER_SYNC
@pytest.mark.parametrize("durable", [True, False])
def test_a_durable_file_has_its_folder_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, durable: bool
) -> None:
    synced: list[bool] = []
    real = os.fsync

    def sync(fd: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(fd).st_mode))
        real(fd)

    monkeypatch.setattr(os, "fsync", sync)
    atomic.replace(tmp_path / "file", b"new", durable=durable)
    assert synced == [False, True] if durable else [False]


@needs.FLOCK
@pytest.mark.parametrize("refused", [True, False])
def test_on_macos_the_drive_itself_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, refused: bool
) -> None:
    asked: list[object] = []

    def control(_fd: int, what: int) -> None:
        asked.append(what)
        if refused:
            raise OSError(errno.ENOTSUP, "not here")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    monkeypatch.setattr(os, "fsync", lambda _fd: asked.append("fsync"))
    with (tmp_path / "file").open("wb") as file:
        atomic.sync(file.fileno())
    assert asked == ([51, "fsync"] if refused else [51])


@needs.FOLDER_SYNC
@pytest.mark.row(4, 7)
@pytest.mark.parametrize(
    ("call", "number", "matters"),
    [
        ("open", errno.EMFILE, True), ("open", errno.EIO, True), ("fsync", errno.EIO, True),
        ("open", errno.EACCES, False),  # it may only not be read
        ("fsync", errno.EINVAL, False),  # its file system knows no sync
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_synced_is_named_where_that_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, *, matters: bool
) -> None:
    monkeypatch.setattr(os, call, odd.refusing(number))
    named = pytest.raises(FileUnavailableError, match=os.strerror(number))
    with named if matters else nullcontext():
        atomic.sync_folder(tmp_path)


@needs.LINKS
@pytest.mark.parametrize("uid", [1000, 0, 1001, 1002], ids=["mine", "root", "folder", "stranger"])
def test_the_link_of_a_stranger_is_not_followed(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    link = Path("link")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = SimpleNamespace(st_mode=stat.S_IFLNK, st_uid=uid)
    monkeypatch.setattr(Path, "lstat", lambda _: found)
    monkeypatch.setattr(Path, "stat", lambda _: SimpleNamespace(st_uid=1001))
    if uid == 1002:
        with pytest.raises(FileUnavailableError) as caught:
            atomic._refuse_planted(link)
        assert caught.value.message == "link is a link that another user made."
        assert caught.value.remedy == "Choose another name, or have the link removed."
        found.st_mode = stat.S_IFREG
    atomic._refuse_planted(link)


@needs.LINKS
def test_a_file_is_kept_under_a_further_name(tmp_path: Path) -> None:
    file, link, name = tmp_path / "file", tmp_path / "link", tmp_path / "kept"
    file.write_bytes(b"data")
    link.symlink_to(file)
    name.write_bytes(b"older")
    assert atomic.keep_link(tmp_path / "none", name) is False
    assert name.read_bytes() == b"older"
    for _ in range(2):
        assert atomic.keep_link(link, name) is True
        assert name.samefile(file)
        assert sorted(tmp_path.iterdir()) == [file, name, link]


def test_where_no_links_are_to_be_had_it_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", odd.refusing(errno.EPERM))
    file, name = tmp_path / "file", tmp_path / "kept"
    file.write_bytes(b"data")
    file.chmod(0o640)
    assert atomic.keep_link(file, name) is False
    assert name.read_bytes() == b"data"
    assert has_mode(name, 0o640)
    assert sorted(tmp_path.iterdir()) == [file, name]


@pytest.mark.row(49)
@pytest.mark.parametrize("kind", odd.KINDS)
def test_what_is_no_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    with odd.put(kind, path):
        with pytest.raises(FileUnavailableError) as caught:
            atomic.replace(path, b"data")
        assert str(caught.value) == (
            f"{path} is a {kind}, not a file. Move it away: `{atomic.moving(path)}`."
        )
        assert not path.is_file()
    assert list(tmp_path.iterdir()) == []


def _of_windows(number: int) -> PermissionError:
    error = PermissionError(errno.EACCES, "Access is denied")
    error.winerror = number  # type: ignore[attr-defined]
    return error


def _found(ctime: int) -> os.stat_result:
    times = {"st_mtime_ns": 3, "st_ctime_ns": ctime}
    return os.stat_result((0o100600, 7, 1, 1, 0, 0, 5, 3, 3, ctime), times)


@pytest.mark.row(53)
def test_no_ctime_in_a_signature_on_windows() -> None:
    by_path, by_descriptor = _found(1), _found(2)
    assert Signature.of(by_path, "win32") == Signature.of(by_descriptor, "win32")
    assert Signature.of(by_path, "linux") != Signature.of(by_descriptor, "linux")


@pytest.mark.row(53)
@pytest.mark.parametrize(("number", "times"), [(5, 3), (32, 3), (33, 3), (32, 1000)])
def test_a_replace_that_windows_refuses_is_tried_again_for_half_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, times: int
) -> None:
    move, refusals = Path.replace, [_of_windows(number)] * times

    def refused(self: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return move(self, target)

    monkeypatch.setattr(Path, "replace", refused)
    if times < 1000:
        atomic.replace(tmp_path / "file", b"data")
        assert (tmp_path / "file").read_bytes() == b"data"
    else:
        with pytest.raises(FileUnavailableError, match="is held open by another program"):
            atomic.replace(tmp_path / "file", b"data")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.row(53)
def test_a_file_that_its_writer_shares_with_nobody_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(regular_file, "open_binary", mock.Mock(side_effect=_of_windows(32)))
    with pytest.raises(TornError, match=re.escape(str(tmp_path / "file"))):
        atomic.read(tmp_path / "file")


@needs.posix("owners")
@needs.root("root alone makes files for others")
def test_what_root_makes_anew_belongs_to_the_owner_of_its_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 1235)
    atomic.replace(tmp_path / "new", b"text")
    found = (tmp_path / "new").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 1235, 0o600)
