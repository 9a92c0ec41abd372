"""Replacing a file, and keeping it under a further name."""

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, temporary
from tests.support import needs
from tests.support.needs import has_mode

if sys.platform != "win32":
    import fcntl


@needs.LINKS
def test_a_link_is_followed_and_the_mode_kept(tmp_path: Path) -> None:
    """A new file is private."""
    file, link = tmp_path / "file", tmp_path / "link"
    atomic.replace(file, b"old")
    assert has_mode(file, 0o600)
    file.chmod(0o644)
    link.symlink_to(file)
    found = atomic.replace(link, [b"n", b"ew"])
    assert link.is_symlink()
    assert file.read_bytes() == b"new"
    assert has_mode(file, 0o644)
    assert found == atomic.signature(file)


def test_nothing_happens_where_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    """It is asked after the new file was announced; nothing is left of that."""
    file = tmp_path / "file"
    file.write_bytes(b"old")
    told: list[atomic.Signature] = []

    def still_valid() -> bool:
        assert told
        return False

    assert atomic.replace(file, b"new", still_valid=still_valid, announce=told.append) is None
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_announced_file_is_the_one_that_comes(tmp_path: Path) -> None:
    """It can be known again by it."""
    told: list[atomic.Signature] = []
    found = atomic.replace(tmp_path / "file", b"new", announce=told.append)
    assert found is not None
    assert found.same_bytes(told[0])


@pytest.mark.parametrize(
    ("sizes", "written"),
    [
        ([1, 2, 3], [6]),
        ([5, 5, 1], [10, 1]),
        ([10, 1, 1], [10, 2]),
        ([1, 12, 1], [13, 1]),
        ([9, 1, 9, 1], [10, 10, 0]),
        ([4, 5], [9]),
        ([], [0]),
    ],
)
def test_small_parts_are_written_together(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], written: list[int]
) -> None:
    """In their order."""
    monkeypatch.setattr(atomic, "_AT_ONCE", 10)
    parts = [bytes([number]) * size for number, size in enumerate(sizes)]
    found = list(atomic._in_one_go(parts))
    assert [len(each) for each in found] == written
    assert b"".join(found) == b"".join(parts)
    assert b"".join(atomic._in_one_go(b"all")) == b"all"


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may take fewer bytes than it is given."""
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
    """Else a power cut may put the old one back; the bytes are on the disk in any case."""
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
    """Its cache would do for fsync; where a file system knows no such thing, that has to."""
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


def test_what_cannot_be_moved_from_another_folder_is_announced_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written in its own folder then, and that is the file that comes."""
    way, place = tmp_path / "way", tmp_path / "place"
    way.mkdir()
    place.mkdir()
    real = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent == way:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    told: list[atomic.Signature] = []
    found = atomic.replace(place / "file", b"new", announce=told.append, by_way_of=way)
    assert found is not None
    assert len(told) == 2
    assert found.same_bytes(told[1])
    assert list(way.iterdir()) == []


@needs.FOLDER_SYNC
@pytest.mark.parametrize("code", [errno.EINVAL, errno.EIO])
def test_a_folder_whose_file_system_knows_no_sync_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A disk that fails is one."""

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    if code == errno.EINVAL:
        atomic.sync_folder(tmp_path)
    else:
        with pytest.raises(FileUnavailableError, match="Input/output error"):
            atomic.sync_folder(tmp_path)


def test_windows_has_no_folder_to_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not even opened."""
    monkeypatch.setattr(sys, "platform", "win32")
    atomic.sync_folder(tmp_path / "none")


@needs.LINKS
@pytest.mark.parametrize("owner", ["mine", "root's", "that of the folder", "a stranger's"])
def test_the_link_of_a_stranger_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    """Ours is, and those of root and of whoever the folder belongs to."""
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    uid = {"mine": 1000, "root's": 0, "that of the folder": 1001}.get(owner, 1002)
    real_lstat, real_stat = Path.lstat, Path.stat

    def with_owner(found: os.stat_result, owner: int) -> os.stat_result:
        return os.stat_result((*found[:4], owner, *found[5:]))

    def lstat(self: Path) -> os.stat_result:
        found = real_lstat(self)
        return with_owner(found, uid) if self == link else found

    def of_folder(self: Path, **more: bool) -> os.stat_result:
        found = real_stat(self, **more)
        return with_owner(found, 1001) if self == tmp_path else found

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(Path, "lstat", lstat)
    monkeypatch.setattr(Path, "stat", of_folder)
    if uid == 1002:
        with pytest.raises(FileUnavailableError) as caught:
            atomic._refuse_planted(link)
        assert caught.value.message == (
            f"{link} is a link that another user made (uid 1002); nothing was written."
        )
        assert caught.value.remedy == "Choose another name, or have the link removed."
        monkeypatch.setattr(sys, "platform", "win32")
    atomic._refuse_planted(link)
    atomic._refuse_planted(tmp_path / "none")


# A further name ------------------------------------------------------------------------------


@needs.LINKS
def test_a_file_is_kept_under_a_further_name(tmp_path: Path) -> None:
    """As the very file, in the place of what has the name, through a link, and again."""
    file, link, name = tmp_path / "file", tmp_path / "link", tmp_path / "kept"
    file.write_bytes(b"data")
    link.symlink_to(file)
    name.write_bytes(b"older")
    for _ in range(2):
        assert atomic.keep_link(link, name) is True
        assert name.samefile(file)
        assert sorted(tmp_path.iterdir()) == [file, name, link]


def test_where_no_file_is_none_is_kept(tmp_path: Path) -> None:
    """What has the name stays."""
    name = tmp_path / "kept"
    name.write_bytes(b"older")
    assert atomic.keep_link(tmp_path / "none", name) is False
    assert name.read_bytes() == b"older"


def test_where_no_links_are_to_be_had_it_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the mode of the file; nothing else is left."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    file, name = tmp_path / "file", tmp_path / "kept"
    file.write_bytes(b"data")
    file.chmod(0o640)
    assert atomic.keep_link(file, name) is False
    assert name.read_bytes() == b"data"
    assert has_mode(name, 0o640)
    assert sorted(tmp_path.iterdir()) == [file, name]


def test_a_name_that_something_else_has_is_told(tmp_path: Path) -> None:
    """A folder is not replaced."""
    (tmp_path / "file").touch()
    (tmp_path / "kept").mkdir()
    with pytest.raises(FileUnavailableError, match="kept is a folder, not a file"):
        atomic.keep_link(tmp_path / "file", tmp_path / "kept")


def test_a_link_is_made_again_once_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cleans up twice in a row gets a copy; a name in use is passed over."""
    (tmp_path / "file").touch()
    moves = []

    def gone(link: Path, _name: Path) -> None:
        moves.append(link)
        raise FileNotFoundError

    monkeypatch.setattr(temporary, "move", gone)
    with pytest.raises(FileNotFoundError):
        atomic._link(tmp_path / "file", tmp_path / "kept")
    assert len(moves) == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@needs.LINKS
def test_a_link_in_a_circle_is_replaced(tmp_path: Path) -> None:
    """It is no file, and has no mode."""
    link = tmp_path / "link"
    link.symlink_to(link)
    assert atomic._found(link) is None
    assert atomic._found(tmp_path / "none") is None
    link.unlink()
    link.touch()
    assert atomic._found(link) == link.stat()
