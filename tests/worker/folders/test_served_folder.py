"""The folder that a worker serves: who else may have it, and where the settings lead."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.config.settings import PathSettings, Settings
from mem0tray.core.errors import AlreadyRunningError, FileUnavailableError
from mem0tray.core.reasons import NONE
from mem0tray.files import lock, temporary
from mem0tray.files.lock import COMMAND, InstanceLock, holder, is_locked
from mem0tray.system import paths
from mem0tray.system.paths import Paths
from mem0tray.worker.folders import served_folder
from mem0tray.worker.folders.served_folder import ServedFolder
from tests.support import needs

NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def _root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the data folders in a folder of the test's, and no patience with who only looks."""
    monkeypatch.setattr(paths, "data_root", lambda: tmp_path / "data")
    monkeypatch.setattr(lock, "LOOKER", 0.0)


def leading_to(folder: Path) -> Settings:
    return Settings(paths=PathSettings(claude_dir=str(folder)))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def where(home: Path) -> Iterator[ServedFolder]:
    made = ServedFolder(leading_to(home))
    yield made
    made.leave()


def moves(where: ServedFolder) -> bool:
    return where.moves


def test_it_holds_the_lock_of_its_folder(where: ServedFolder, home: Path) -> None:
    assert where._here.name == home
    assert where.paths.claude_dir == Path(os.path.realpath(home))
    assert not where.moves
    assert is_locked(where.paths.instance_lock)
    assert holder(where.paths.instance_lock) == (os.getpid(), where.run)
    with pytest.raises(AlreadyRunningError, match="already running"):
        ServedFolder(leading_to(home))
    where.leave()
    ServedFolder(leading_to(home)).leave()


def test_a_folder_that_is_not_there_is_made_once(where: ServedFolder, home: Path) -> None:
    home.rmdir()
    assert [where.make_folder(), where.make_folder(), home.is_dir()] == [True, False, True]


@needs.LINKS
def test_two_names_of_a_folder_have_one_worker(where: ServedFolder, home: Path) -> None:
    link = home.with_name("link")
    link.symlink_to(home)
    with pytest.raises(AlreadyRunningError):
        ServedFolder(leading_to(link))
    assert where.look(leading_to(link)) == NONE
    assert not moves(where)


@needs.LINKS
def test_one_whose_name_leads_elsewhere_by_now_is_still_on_its_way(home: Path) -> None:
    """It goes there in a moment; a second one is not let in before it, and holds nothing."""
    link, other = home.with_name("link"), home.with_name("other")
    other.mkdir()
    link.symlink_to(home)
    first = ServedFolder(leading_to(link))
    first.record(NOW)
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(AlreadyRunningError):
        ServedFolder(leading_to(link))
    first.look(leading_to(link))
    assert moves(first)  # its lock was to be had
    first.leave()
    ServedFolder(leading_to(link)).leave()


def test_where_it_is_to_move_and_leaves_instead_both_are_free(
    where: ServedFolder, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    where.look(leading_to(other))
    held = [where.paths.instance_lock, leading_to(other).locations().instance_lock]
    assert [is_locked(path) for path in held] == [True, True]
    where.leave()
    assert [is_locked(path) for path in held] == [False, False]


def test_where_no_folder_is_it_stays(where: ServedFolder, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    said = str(where.look(leading_to(missing)))
    assert said.startswith(f"paths.claude_dir leads to {missing} now, which is no folder: make it")
    assert said.endswith(f" mem0tray stays with {where.paths.claude_dir}.")


def test_where_another_one_runs_it_stays(where: ServedFolder, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    theirs = ServedFolder(leading_to(other))
    begin = f"paths.claude_dir leads to {other} now, where another mem0tray runs"
    said = str(where.look(leading_to(other)))
    assert said == f"{begin} (process {os.getpid()}): stop one of the two."
    theirs.paths.instance_lock.write_text("")
    assert str(where.look(leading_to(other))) == f"{begin} (process ?): stop one of the two."
    assert not moves(where)
    theirs.leave()
    assert where.look(leading_to(other)) == NONE
    assert moves(where)


@needs.LINKS
def test_a_command_in_the_former_folder_holds_nobody_up(home: Path) -> None:
    link, other = home.with_name("link"), home.with_name("other")
    other.mkdir()
    link.symlink_to(home)
    first = ServedFolder(leading_to(link))
    first.record(NOW)
    first.leave()
    link.unlink()
    link.symlink_to(other)
    command = InstanceLock(first.paths.instance_lock, COMMAND)
    command.acquire()
    ServedFolder(leading_to(link)).leave()
    command.release()


LONG_AGO = 1e6  # seconds


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """Have the folders that a worker writes into, with no file yet."""
    monkeypatch.setattr(served_folder, "config_file", lambda: tmp_path / "config" / "config.toml")
    found = Paths(tmp_path / "claude", tmp_path / "data")
    for folder in (found.claude_dir, found.orders, found.quarantine):
        folder.mkdir(parents=True)
    (tmp_path / "config").mkdir()
    return found


def refused(there: Paths) -> str:
    """What is said of the place that is none; empty where all are in order."""
    try:
        served_folder.refuse_unwritable(there)
    except FileUnavailableError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["queue_lock", "log", "queue_backup", "dlq_backup"])
def test_a_folder_in_the_place_of_a_file_is_named(there: Paths, name: str) -> None:
    path: Path = getattr(there, name)
    path.mkdir(parents=True)
    assert refused(there).startswith(f"{path} is a folder, not a file.")


@needs.LINKS
def test_a_log_that_is_a_link_to_no_folder_is_named(there: Paths, tmp_path: Path) -> None:
    there.log.parent.mkdir()
    there.log.symlink_to(tmp_path / "elsewhere" / "log")
    assert refused(there).startswith(f"{there.log}: No such file")
    (tmp_path / "elsewhere").mkdir()
    assert refused(there) == ""


def leftover(folder: Path) -> Path:
    path = folder / f".file.mem0tray-{10**9}-0.tmp"
    path.touch()
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_what_a_kill_left_is_removed_wherever_we_write(there: Paths, tmp_path: Path) -> None:
    folders = [
        there.claude_dir, there.data_dir, there.orders, there.quarantine,
        tmp_path / "config",
    ]  # fmt: skip
    left = [leftover(folder) for folder in folders]
    theirs = there.claude_dir / ".file.tmp"
    theirs.touch()
    with temporary.Temporary(there.claude_dir / "now") as used:
        served_folder.remove_leftovers(there)
        assert used.fd >= 0
        in_use = list(there.claude_dir.glob(temporary.PATTERN))
        assert len(in_use) == 1
    assert not any(path.exists() for path in left)
    assert theirs.exists()


@needs.LINKS
@pytest.mark.parametrize("name", ["queue", "queue_backup", "dlq", "dlq_backup", "metrics", ""])
def test_what_was_left_beside_the_file_that_a_link_leads_to_is_removed(
    there: Paths, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = getattr(there, name) if name else tmp_path / "config" / "config.toml"
    path.symlink_to(elsewhere / "file")
    left = leftover(elsewhere)
    served_folder.remove_leftovers(there)
    assert not left.exists()


def test_answers_that_nobody_fetched_are_removed(there: Paths) -> None:
    old, new = there.orders / "1-1.answer", there.orders / "2-2.answer"
    for path in (old, new):
        path.write_text("[]")
    os.utime(old, (LONG_AGO, LONG_AGO))
    served_folder.remove_leftovers(there)
    assert list(there.orders.iterdir()) == [new]
