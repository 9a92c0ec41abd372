"""Locks: who gets one, who waits, and what is told of one that is not to be had."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from mem0tray.core.errors import AlreadyRunningError, FileUnavailableError, LockTimeoutError
from mem0tray.files import lock as locks
from mem0tray.files.lock import FileLock, InstanceLock
from mem0tray.system import processes, regular_file
from mem0tray.system.paths import RECORD, Paths, record_of
from tests.support import needs, odd
from tests.support.needs import has_mode
from tests.support.processes import open_below, wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "lock"


@pytest.fixture
def held(path: Path) -> Iterator[FileLock]:
    lock = FileLock(path)
    lock.acquire(0)
    yield lock
    lock.release()


def waiters() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "mem0tray-lock"]


def test_one_at_a_time_holds_a_lock_whose_file_is_private_and_stays(path: Path) -> None:
    first, second = FileLock(path), FileLock(path)
    with first.held(0):
        assert locks.is_locked(path)
        assert not second.try_acquire()
    assert not locks.is_locked(path)
    assert second.try_acquire()
    assert not first.try_acquire()
    second.release()
    assert has_mode(path, 0o600)
    assert has_mode(path.parent, 0o700)


@pytest.mark.parametrize("replaced", [False, pytest.param(True, marks=needs.OPEN_FILES)])
def test_who_waits_gets_the_lock_of_the_file_that_is_there_when_it_is_let_go(
    path: Path, held: FileLock, *, replaced: bool
) -> None:
    waiter = FileLock(path)
    thread = threading.Thread(target=waiter.acquire, args=(30,))
    thread.start()
    wait_until(waiters)
    if replaced:
        path.rename(path.with_name("away"))
        path.touch()
    held.release()
    thread.join(30)
    assert not FileLock(path).try_acquire()
    waiter.release()
    assert not replaced or not locks.is_locked(path.with_name("away"))


@needs.PROCESSES
def test_who_gave_up_or_cannot_wait_keeps_nothing(
    path: Path, held: FileLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", mock.Mock(side_effect=RuntimeError))
        with pytest.raises(LockTimeoutError):
            FileLock(path).acquire(30)
    with pytest.raises(LockTimeoutError) as caught:
        FileLock(path).acquire(0.01)
    assert caught.value.message == f"Another program has held the lock {path} for 0.01 s."
    assert caught.value.remedy == "Wait for it, or end the program that hangs."
    assert waiters()
    held.release()
    wait_until(lambda: not waiters())
    assert not locks.is_locked(path)
    assert open_below(path.parent) == []


def test_an_error_of_who_waits_is_his_who_asked(
    path: Path, held: FileLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = regular_file.open_fd, []

    def fail_at_the_second(path: Path, flags: int = os.O_RDONLY) -> int:
        calls.append(path)
        if len(calls) > 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, flags)

    monkeypatch.setattr(regular_file, "open_fd", fail_at_the_second)
    with pytest.raises(FileUnavailableError, match="Input/output error"):
        FileLock(held.path).acquire(30)
    assert calls == [path, path]


def test_an_error_that_comes_after_who_asked_gave_up_is_nobodys(
    held: FileLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()

    def fail_late(_: int, *, blocking: bool, shared: bool = False) -> None:
        assert not shared
        if not blocking:
            raise BlockingIOError(errno.EWOULDBLOCK, "held")
        given_up.wait()
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    unhandled: list[object] = []
    monkeypatch.setattr(threading, "excepthook", unhandled.append)
    monkeypatch.setattr(locks, "_lock", fail_late)
    with pytest.raises(LockTimeoutError):
        FileLock(held.path).acquire(0)
    given_up.set()
    wait_until(lambda: not waiters())
    assert unhandled == []


@needs.PROCESSES
def test_what_is_no_want_of_the_lock_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_lock", odd.refusing(errno.ENOLCK))
    with pytest.raises(OSError, match="No locks available"):
        FileLock(path).try_acquire()
    assert open_below(path.parent) == []
    assert locks.is_locked(path)  # nobody can tell, and it is not for us to take it


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_file_that_may_only_be_read_serves_as_well(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path.parent.mkdir()
    real = regular_file.open_fd

    def read_only(path: Path, flags: int = os.O_RDONLY) -> int:
        if flags & os.O_RDWR:
            raise OSError(number, os.strerror(number))
        return real(path, flags)

    monkeypatch.setattr(regular_file, "open_fd", read_only)
    with pytest.raises(FileUnavailableError, match=os.strerror(number)):
        FileLock(path).acquire(0)
    path.touch()
    assert not locks.is_locked(path)
    with FileLock(path).held(0):
        assert not FileLock(path).try_acquire()


def test_one_worker_for_each_folder(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a text that is longer than two numbers " * 5, encoding="utf-8")
    worker = InstanceLock(path, "0d9f")
    worker.acquire()
    assert path.read_text(encoding="utf-8") == f"{os.getpid()} 0d9f {processes.space()}\n"
    assert locks.holder(path) == (os.getpid(), "0d9f")
    with pytest.raises(AlreadyRunningError) as caught:
        InstanceLock(path).acquire()
    assert caught.value.message == (
        f"mem0tray is already running for this folder (process {os.getpid()})."
    )
    assert caught.value.remedy == (
        "Use `mem0tray status` to see how it is, or stop that one first."
    )
    worker.release()
    again = InstanceLock(path)
    again.acquire()
    again.release()


def test_who_only_looks_keeps_no_worker_from_starting(
    path: Path, held: FileLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOOKER", 5.0)  # of a machine with much else to do
    timer = threading.Timer(0.01, held.release)
    timer.start()
    worker = InstanceLock(path)
    worker.acquire()
    assert locks.is_locked(path)
    worker.release()
    timer.join()


def test_a_worker_waits_for_a_command_but_not_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, worker = InstanceLock(path, locks.COMMAND), InstanceLock(path, "0d9f")
    command.acquire()
    assert locks.holder(path) == (os.getpid(), "command")  # as workers of other versions read it
    with pytest.raises(LockTimeoutError, match=rf"command \(process {os.getpid()}\)"):
        worker.acquire(0.0)
    monkeypatch.setattr(locks, "LOOKER", 0.0)
    looks = iter([lambda: None] * 5 + [command.release])

    def nap(_: float) -> None:
        assert not locks.is_workers(path)
        next(looks)()

    monkeypatch.setattr("time.sleep", nap)
    worker.acquire()
    assert list(looks) == []
    assert locks.is_workers(path)
    worker.release()


@needs.FLOCK
def test_who_looks_is_not_taken_for_a_worker_by_another_who_looks(path: Path) -> None:
    with FileLock(path).held(0):
        assert not FileLock(path).try_acquire(shared=True)
    looker = FileLock(path)
    assert looker.try_acquire(shared=True)
    assert not locks.is_locked(path)
    looker.release()


@pytest.mark.parametrize(
    ("text", "holder"),
    [
        (f"7 0d9f {processes.space()}x\n", (None, "0d9f")), ("7 0d9f \n", (7, "0d9f")),
        ("7\n", (7, "")), ("", (None, "")), ("x", (None, "")), ("1.5", (None, "")),
    ],
    ids=["elsewhere", "older", "oldest", "empty", "x", "1.5"],
)  # fmt: skip
def test_a_process_of_another_container_or_boot_has_no_number_here(
    path: Path, text: str, holder: tuple[int | None, str]
) -> None:
    assert locks.holder(path) == (None, "")
    assert locks.already_running(path).message == "mem0tray is already running for this folder."
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    found = locks.holder(path)
    assert (found.pid, found.run.strip()) == holder


def test_nobody_holds_a_lock_where_no_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not locks.is_locked(tmp_path / "none")
    assert not locks.is_locked(tmp_path)
    (tmp_path / "file").touch()
    assert not locks.is_locked(tmp_path / "file" / "lock")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    monkeypatch.setattr(regular_file, "look", odd.refusing(errno.EIO))
    assert locks.is_locked(tmp_path / "none")  # nobody can tell


def test_the_worker_of_a_folder_is_found(tmp_path: Path) -> None:
    claude_dir, root = tmp_path / "claude", tmp_path / "data"
    paths = Paths(claude_dir, root)
    assert locks.of_worker(paths) is None
    with FileLock(paths.instance_lock).held(0):
        assert locks.of_worker(paths) == paths.instance_lock
        assert locks.on_its_way(paths) is None
    for number, name in enumerate((claude_dir, tmp_path / "other")):
        folder = root / f"claude-{number}"
        folder.mkdir()
        record = record_of(name, tmp_path / "real", 1.0)
        (folder / RECORD).write_bytes(record)
    its, others = (root / f"claude-{n}" / "instance.lock" for n in range(2))
    with FileLock(others).held(0):
        assert locks.of_worker(paths) is None
    with FileLock(its).held(0):
        assert locks.on_its_way(paths) == its
        assert locks.of_worker(paths) == its
    assert locks.of_worker(paths) is None
