"""Advisory locks on files: the producers' queue lock, ours, the instance lock.

`flock` on POSIX, a locked byte on Windows. A lock file is never unlinked: whoever still holds the
old inode would then exclude nobody any more. Waiting is a blocking call on a thread of its own:
polling starves beside busy producers (measured: no acquisition in 8 s), a blocking call does not.
"""

import errno
import os
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from mem0tray.core.errors import AlreadyRunningError, FileUnavailableError, LockTimeoutError
from mem0tray.core.reasons import Reason
from mem0tray.files.atomic import explained
from mem0tray.files.private_folders import make_private_folder
from mem0tray.system import processes, regular_file
from mem0tray.system.paths import Paths, folder_records
from mem0tray.system.regular_file import NotRegularError

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, blocking: bool, shared: bool = False) -> None:
        del shared  # a locked byte has one owner
        while True:
            os.lseek(fd, 0, os.SEEK_SET)
            try:
                msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
            except OSError:
                if not blocking:
                    raise BlockingIOError from None
                time.sleep(0.01)
            else:
                return

    def _unlock(fd: int) -> None:
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(fd: int, *, blocking: bool, shared: bool = False) -> None:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(fd, kind if blocking else kind | fcntl.LOCK_NB)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


_ONLY_READ: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
LOOKER: Final = 0.2  # seconds; a look whether the lock is held holds it for less
COMMAND: Final = "command"  # in place of a worker's run: a command that writes for a moment
_PATIENCE: Final = 30.0  # seconds that a worker waits for a command that writes


def _open(path: Path) -> int:
    make_private_folder(path.parent)
    with explained(path):
        try:
            return regular_file.open_fd(path, os.O_RDWR | os.O_CREAT)
        except OSError as refused:
            if refused.errno not in _ONLY_READ or not path.exists():
                raise
        return regular_file.open_fd(path)


def _wait(path: Path, timeout: float) -> int:
    """Lock by a blocking call on a thread of its own; -1 when time has run out."""
    from concurrent.futures import Future  # slow to import, and hardly anybody has to wait

    result = Future[int]()

    def run() -> None:
        try:
            fd = _open(path)
            _lock(fd, blocking=True)
        except (OSError, FileUnavailableError) as error:
            if result.set_running_or_notify_cancel():
                result.set_exception(error)
            return
        if result.set_running_or_notify_cancel():
            result.set_result(fd)
        else:
            os.close(fd)

    try:
        threading.Thread(target=run, name="mem0tray-lock", daemon=True).start()
        return result.result(timeout)
    except (TimeoutError, RuntimeError):  # no time, or no thread is to be had
        return -1 if result.cancel() else result.result()


class FileLock:
    """An exclusive lock on `path`, held from `acquire` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = -1

    def acquire(self, timeout: float) -> None:
        """Take the lock; LockTimeoutError after `timeout` seconds without it."""
        deadline = time.monotonic() + timeout
        while True:
            if not self.try_acquire():
                self.fd = _wait(self.path, max(0.0, deadline - time.monotonic()))
            if self.fd < 0:
                raise LockTimeoutError(
                    Reason(
                        "Another program has held the lock {path} for {number} s.",
                        path=self.path,
                        number=f"{timeout:g}",
                    ),
                    Reason("Wait for it, or end the program that hangs."),
                )
            with suppress(OSError):
                if os.path.samestat(os.fstat(self.fd), self.path.stat()):
                    return
            self.release()  # somebody replaced the lock file: lock the new one

    def try_acquire(self, *, shared: bool = False) -> bool:
        """Take the lock if nobody holds it, `shared` with others who only look."""
        fd = _open(self.path)
        try:
            _lock(fd, blocking=False, shared=shared)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES, None):
                return False
            raise
        self.fd = fd
        return True

    def release(self) -> None:
        """Let go; closing the file would not do where a child has inherited the descriptor."""
        if self.fd >= 0:
            with suppress(OSError):
                _unlock(self.fd)
            os.close(self.fd)
            self.fd = -1

    @contextmanager
    def held(self, timeout: float) -> "Iterator[Self]":
        self.acquire(timeout)
        try:
            yield self
        finally:
            self.release()


class Holder(NamedTuple):
    """Who holds an instance lock: a worker's run, or COMMAND; `pid` is None if unknown here."""

    pid: int | None
    run: str


class InstanceLock(FileLock):
    """The lock that allows one writer for each `claude_dir`; the text in it says who that is."""

    def __init__(self, path: Path, run: str = "") -> None:
        super().__init__(path)
        self._run = run

    def acquire(self, timeout: float = _PATIENCE) -> None:
        """Become the one writer.

        Raises AlreadyRunningError, or LockTimeoutError if a command writes for `timeout` seconds.
        """
        text = f"{os.getpid()} {self._run} {processes.space()}\n".encode()
        begun = last = time.monotonic()
        while not self.try_acquire():
            now = time.monotonic()
            if (other := holder(self.path)).run == COMMAND:
                if now - begun >= timeout:
                    raise LockTimeoutError(
                        Reason(
                            "Another mem0tray command (process {number}) is at work on this folder,"
                            " and does not end.",
                            number=other.pid or "?",
                        ),
                        Reason("Wait for it, or end it if it hangs; then try again."),
                    )
                last = now
            elif now - last > LOOKER:
                raise already_running(self.path)
            time.sleep(LOOKER / 20)
        with suppress(OSError):  # in this order: at no moment is there no text
            os.ftruncate(self.fd, os.write(self.fd, text))


def already_running(path: Path) -> AlreadyRunningError:
    """Make the error for a second worker, which names the one that holds the lock."""
    pid = holder(path).pid
    return AlreadyRunningError(
        f"mem0tray is already running for this folder{f' (process {pid})' if pid else ''}.",
        "Use `mem0tray status` to see how it is, or stop that one first.",
    )


def is_locked(path: Path) -> bool:
    """Return whether somebody holds the lock now, or may hold it."""
    lock = FileLock(path)
    try:
        if regular_file.look(path) is None:
            return False
        free = lock.try_acquire(shared=True)
    except (NotRegularError, NotADirectoryError):
        return False
    except (OSError, FileUnavailableError):
        return True
    lock.release()
    return not free


def is_workers(path: Path) -> bool:
    """Return whether a worker, and no command, holds this instance lock."""
    return is_locked(path) and holder(path).run != COMMAND


def of_worker(paths: "Paths") -> Path | None:
    """Return the instance lock that the worker of this `claude_dir` holds; None when none runs."""
    return paths.instance_lock if is_workers(paths.instance_lock) else on_its_way(paths)


def on_its_way(paths: "Paths") -> Path | None:
    """Return the instance lock of a worker that serves this name, which now leads elsewhere."""
    for record in folder_records(paths.root):
        path = record.folder / paths.instance_lock.name
        by_name = record.name == os.fspath(paths.claude_dir)
        if by_name and path != paths.instance_lock and is_workers(path):
            return path
    return None


def holder(path: Path) -> Holder:
    """Return what the holder of an instance lock wrote, or whoever held it last."""
    try:
        pid, run, space, *_ = f"{regular_file.read_bytes(path).decode()}  ".split(" ")
        return Holder(int(pid) if space.strip() in ("", processes.space()) else None, run)
    except (OSError, ValueError):
        return Holder(None, "")
