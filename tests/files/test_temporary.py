"""Our temporary files: private, and gone after a kill, but never while they are being written."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mem0tray.files import atomic, temporary
from mem0tray.files.temporary import Temporary
from mem0tray.system import processes
from tests.support import needs, odd
from tests.support.home import REPOSITORY, Home
from tests.support.needs import WINDOWS, has_mode
from tests.support.processes import open_below
from tests.support.shapes import entries

if sys.platform != "win32":
    import fcntl

TEXT = "a text that is to be forgotten"
KILLED = """
import os, signal, sys
from pathlib import Path
from mem0tray.files import atomic
os.umask(0)
die = lambda: os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
atomic.replace(Path(sys.argv[1]), sys.argv[2].encode(), still_valid=die)
"""


def killed_before_the_replace(path: Path, text: str = TEXT) -> Path:
    """Kill a process just before it replaces `path`; what it left."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), text], check=False, cwd=REPOSITORY
    )
    assert done.returncode in {-9, signal.SIGTERM}  # that is -9 on Windows
    (left,) = path.parent.glob(".*.tmp")
    return left


@needs.MODES
@pytest.mark.row(51)
def test_a_new_file_is_private_until_it_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    modes: list[int] = []

    def look() -> bool:
        temporary.remove_leftovers(tmp_path)  # not what is being written
        modes.extend(each.stat().st_mode & 0o777 for each in tmp_path.glob(temporary.PATTERN))
        return True

    before = os.umask(0)
    try:
        atomic.replace(path, b"new", still_valid=look)
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert has_mode(path, 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_is_taken_is_left_to_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("theirs")
    monkeypatch.setattr(temporary, "name_beside", lambda _: taken)
    with pytest.raises(FileExistsError):
        temporary.Temporary(tmp_path / "file")
    assert taken.read_text() == "theirs"


@needs.LINKS
@pytest.mark.row(51)
def test_names_of_others_stay(tmp_path: Path) -> None:
    others = [tmp_path / ".x.tmp", tmp_path / "x.mem0tray-1-0.tmp", tmp_path / ".x.json.swp"]
    for other in others:
        other.touch()
    link = tmp_path / ".x.mem0tray-1-0.tmp"
    link.symlink_to(others[0])
    temporary.remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*others, link])


@needs.FLOCK
@pytest.mark.row(51)
def test_where_there_are_no_locks_only_old_ones_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", odd.refusing(errno.ENOLCK))
    atomic.replace(tmp_path / "file", b"new")
    young, old = (tmp_path / f".file.mem0tray-1-{n}.tmp" for n in range(2))
    for left in (young, old):
        left.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    temporary.remove_leftovers(tmp_path)
    assert young.exists()
    assert not old.exists()


@pytest.mark.row(51)
def test_a_link_that_a_start_has_cleaned_away_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("kept")
    move = temporary.move

    def cleaned_first(path: Path, target: Path) -> None:
        monkeypatch.setattr(temporary, "move", move)
        temporary.remove_leftovers(tmp_path)
        move(path, target)

    monkeypatch.setattr(temporary, "move", cleaned_first)
    assert atomic.keep_link(tmp_path / "file", tmp_path / "backup")
    assert (tmp_path / "backup").samefile(tmp_path / "file")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        (".x.mem0tray-123-0a.tmp", 123), (".a.mem0tray-5-.mem0tray-7-0.tmp", 7),
        (".x.mem0tray--0.tmp", 0), (".x.mem0tray-a-0.tmp", 0),
    ],
)  # fmt: skip
def test_windows_asks_for_the_maker_in_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, maker: int
) -> None:
    (tmp_path / name).touch()
    monkeypatch.setattr(sys, "platform", "win32")
    alive = {maker}
    monkeypatch.setattr(processes, "is_alive", alive.__contains__)
    temporary.remove_leftovers(tmp_path)
    assert (tmp_path / name).exists()
    alive.clear()
    temporary.remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


@needs.FLOCK
def test_who_cleans_up_first_costs_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, locked = fcntl.flock, []

    def removed(fd: int, flags: int) -> None:
        locked.append(fd)
        if len(locked) == 1:
            temporary_file = next(tmp_path.glob(temporary.PATTERN))
            temporary_file.unlink()
        elif len(locked) == 2:
            raise BlockingIOError(errno.EWOULDBLOCK, "is being removed")
        real(fd, flags)

    monkeypatch.setattr(fcntl, "flock", removed)
    with Temporary(tmp_path / "file") as new:
        os.write(new.fd, b"data")
        new.become(tmp_path / "file", None)
    assert len(locked) == 3
    assert (tmp_path / "file").read_bytes() == b"data"
    assert open_below(tmp_path) == []


@pytest.mark.row(51)
def test_leftovers_are_listed_and_removed_whoever_has_their_process_id_by_now(
    tmp_path: Path,
) -> None:
    pids = [1, 10**9, *([] if WINDOWS else [os.getpid()])]  # there the name tells of its maker
    names = [f".file.mem0tray-{pid}-0.tmp" for pid in pids]
    for name in names:
        (tmp_path / name).write_text("left behind")
    with Temporary(tmp_path / "file"):
        assert [path.name for path in temporary.leftovers(tmp_path)] == sorted(names)
        temporary.remove_leftovers(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1
    assert list(temporary.leftovers(tmp_path / "none")) == []
    temporary.remove_leftovers(tmp_path / "none")


@pytest.mark.parametrize("kind", [pytest.param("named pipe", marks=needs.PIPES), "folder"])
def test_what_is_no_file_of_ours_stays(tmp_path: Path, kind: str) -> None:
    with odd.put(kind, tmp_path / ".file.mem0tray-1-0.tmp"):
        assert list(temporary.leftovers(tmp_path)) == []
        temporary.remove_leftovers(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1


@needs.LINKS
@pytest.mark.row(51)
def test_a_start_removes_what_a_kill_left(home: Home) -> None:
    home.config.parent.mkdir(parents=True)
    home.drained()
    real = home.root / "dotfiles" / "queue.json"
    real.parent.mkdir()
    home.write_queue([])
    home.queue.rename(real)
    home.queue.symlink_to(real)
    for folder in (home.claude, home.config.parent, home.ledgers()[0].parent, real.parent):
        assert has_mode(killed_before_the_replace(folder / real.name), 0o600)
    home.worker()
    assert home.files_with(TEXT) == []


@pytest.mark.row(51)
def test_forgetting_erases_what_a_kill_left(home: Home) -> None:
    (item,) = entries(1)
    home.write_queue([item])
    left = killed_before_the_replace(home.queue, json.dumps({"queue": [item]}))
    said = home.ok("delete", item["id"], "--yes", "--forget")
    assert not left.exists()
    assert left.name in said
    assert "not ours to change" not in said


@needs.root("only root can give a file away")
def test_a_file_that_is_replaced_keeps_its_owner_by_root_and_its_group_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(name: str) -> tuple[int, int]:
        atomic.replace(tmp_path / name, b"new")
        found = (tmp_path / name).stat()
        return found.st_uid, found.st_gid

    (tmp_path / "theirs").touch(0o640)
    os.chown(tmp_path / "theirs", 4242, 4343)
    assert (replaced("theirs"), replaced("new")) == ((4242, 4343), (0, 0))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(atomic, "_refuse_planted", lambda _: None)
    assert replaced("theirs") == (0, 4343)
