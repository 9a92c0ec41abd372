"""Our temporary files: private, and gone after a kill, but never while they are being written."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mem0tray.files import atomic, temporary
from tests.support.home import REPOSITORY, Home
from tests.support.shapes import entries

TEXT = "a text that is to be forgotten"
KILLED = """
import os, signal, sys
from pathlib import Path
from mem0tray.files import atomic
os.umask(0)
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
atomic.replace(Path(sys.argv[1]), sys.argv[2].encode(), still_valid=die)
"""


def killed_before_the_replace(path: Path, text: str = TEXT) -> Path:
    """Kill a process just before it replaces `path`; what it left."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), text], check=False, cwd=REPOSITORY
    )
    assert done.returncode == -9
    (left,) = path.parent.glob(".*.tmp")
    return left


@pytest.mark.row(51)
def test_a_new_file_is_private_until_it_takes_its_place(tmp_path: Path) -> None:
    """Whatever the umask and the old file's mode, nobody else can read it before."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    modes: list[int] = []

    def look() -> bool:
        modes.extend(each.stat().st_mode & 0o777 for each in tmp_path.glob(temporary.PATTERN))
        return True

    before = os.umask(0)
    try:
        atomic.replace(path, b"new", still_valid=look)
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.row(51)
def test_what_a_kill_left_is_private_and_removed(tmp_path: Path) -> None:
    """After kill -9 only the owner can read it, and cleaning takes it away."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o666)
    left = killed_before_the_replace(path)
    assert left.stat().st_mode & 0o777 == 0o600
    assert temporary.leftovers(tmp_path) == [left]
    temporary.remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.row(51)
@pytest.mark.parametrize("pid", [1, os.getpid(), 10**9], ids=["another's", "ours", "nobody's"])
def test_whose_process_id_it_is_by_now_does_not_matter(tmp_path: Path, pid: int) -> None:
    """A process id is soon another process's, or belongs to another computer."""
    left = tmp_path / f".mem0_queue.json.mem0tray-{pid}-0.tmp"
    left.write_text("left behind")
    temporary.remove_leftovers(tmp_path)
    assert not left.exists()


@pytest.mark.row(51)
def test_what_is_being_written_stays(tmp_path: Path) -> None:
    """A start that cleans up takes nothing from a process that is still at work."""
    path = tmp_path / "file"

    def clean() -> bool:
        temporary.remove_leftovers(tmp_path)
        return True

    atomic.replace(path, b"new", still_valid=clean)
    assert path.read_bytes() == b"new"


@pytest.mark.row(51)
def test_names_of_others_stay(tmp_path: Path) -> None:
    """Only what is named as ours are is removed, and no link, wherever it leads."""
    others = [tmp_path / ".x.tmp", tmp_path / "x.mem0tray-1-0.tmp", tmp_path / ".x.json.swp"]
    for other in others:
        other.touch()
    link = tmp_path / ".x.mem0tray-1-0.tmp"
    link.symlink_to(others[0])
    temporary.remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([*others, link])


@pytest.mark.row(51)
def test_where_there_are_no_locks_only_old_ones_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without locks a file is written all the same, and stays for an hour."""

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
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
    """A backup is kept, also when a worker cleans up at the very moment."""
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


@pytest.mark.row(51)
def test_a_start_removes_what_a_kill_left(home: Home) -> None:
    """At the next start nothing of it is there any more, wherever it was written."""
    folders = [home.claude, home.config.parent]
    home.config.parent.mkdir(parents=True)
    home.drained()
    for folder in (*folders, home.ledgers()[0].parent):
        killed_before_the_replace(folder / "mem0_queue.json")
    home.worker()
    assert home.files_with(TEXT) == []


@pytest.mark.row(51)
def test_a_start_removes_what_stands_beside_a_linked_file(home: Home) -> None:
    """A file that is a link is written beside the one that it leads to: there it is removed."""
    real = home.root / "dotfiles" / "queue.json"
    real.parent.mkdir()
    home.write_queue([])
    home.queue.rename(real)
    home.queue.symlink_to(real)
    killed_before_the_replace(real)
    home.worker()
    assert home.files_with(TEXT) == []


@pytest.mark.row(51)
def test_forgetting_erases_what_a_kill_left(home: Home) -> None:
    """`delete --forget` takes it for ours, which it is, and erases it with the rest."""
    (item,) = entries(1)
    home.write_queue([item])
    left = killed_before_the_replace(home.queue, json.dumps({"queue": [item]}))
    said = home.ok("delete", item["id"], "--yes", "--forget")
    assert not left.exists()
    assert left.name in said
    assert "not ours to change" not in said
