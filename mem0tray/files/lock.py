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
from typing import TYPE_CHECKING, Final, Self

from mem0tray.core.errors import AlreadyRunningError, FileUnavailableError, LockTimeoutError
from mem0tray.core.reasons import Reason
from mem0tray.files.atomic import unavailable
from mem0tray.files.private_folders import make_private_folder
from mem0tray.system import data_folders, plain, threads
from mem0tray.system.plain import NotPlainError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mem0tray.system.paths import Paths

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, blocking: bool) -> None:
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

    def _lock(fd: int, *, blocking: bool) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX if blocking else fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


_ONLY_READ: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def _open(path: Path) -> int:
    """A descriptor to lock; a lock file that we can only read serves as well.

    The file may be another user's, or the disk read-only. Raises FileUnavailableError.
    """
    try:
        make_private_folder(path.parent)
        try:
            return plain.open_fd(path, os.O_RDWR | os.O_CREAT)
        except OSError as refused:
            if refused.errno not in _ONLY_READ:
                raise
            try:
                return plain.open_fd(path)
            except FileNotFoundError:
                raise refused from None  # no lock file, and we may not make one
    except OSError as error:
        raise unavailable(path, error) from error


def _is_current(fd: int, path: Path) -> bool:
    """Whether `path` still names the file that we locked."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


class _Waiter:
    """A blocking acquisition on a thread of its own, which can be given up."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._given_up = False
        self._done = threading.Event()
        self._fd = -1
        self._error: Exception | None = None
        threads.start(threading.Thread(target=self._run, name="mem0tray-lock", daemon=True))

    def _run(self) -> None:
        try:
            fd = _open(self._path)
            _lock(fd, blocking=True)
        except (OSError, FileUnavailableError) as error:
            self._error = error
            self._done.set()
            return
        with self._guard:
            if self._given_up:
                os.close(fd)
            else:
                self._fd = fd
        self._done.set()

    def wait(self, timeout: float) -> int:
        """The locked descriptor, or -1 when time has run out."""
        self._done.wait(timeout)
        with self._guard:
            self._given_up = self._fd < 0
        if self._error is not None:
            raise self._error
        return self._fd


class FileLock:
    """An exclusive lock on `path`, held from `acquire` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def acquire(self, timeout: float) -> None:
        """Take the lock; LockTimeoutError after `timeout` seconds without it."""
        deadline = time.monotonic() + timeout
        while True:
            fd = self._try()
            if fd < 0:
                fd = _Waiter(self.path).wait(max(0.0, deadline - time.monotonic()))
            if fd < 0:
                raise LockTimeoutError(
                    Reason(
                        "Another program has held the lock {path} for {number} s.",
                        path=self.path,
                        number=f"{timeout:g}",
                    ),
                    Reason("Wait for it, or end the program that hangs."),
                )
            if _is_current(fd, self.path):
                self._fd = fd
                return
            os.close(fd)  # somebody replaced the lock file: lock the new one

    def _try(self) -> int:
        fd = _open(self.path)
        try:
            _lock(fd, blocking=False)
        except OSError as error:
            os.close(fd)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES, None):
                return -1
            raise
        return fd

    def try_acquire(self) -> bool:
        """Take the lock if nobody holds it."""
        self._fd = self._try()
        return self._fd >= 0

    def release(self) -> None:
        """Let go; closing the file would not do where a child has inherited the descriptor."""
        if self._fd >= 0:
            with suppress(OSError):
                _unlock(self._fd)
            os.close(self._fd)
            self._fd = -1

    @contextmanager
    def held(self, timeout: float) -> "Iterator[Self]":
        """`with lock.held(30): …`."""
        self.acquire(timeout)
        try:
            yield self
        finally:
            self.release()


def already_running(path: Path) -> AlreadyRunningError:
    """The error for a second worker, which names the worker that holds this instance lock."""
    pid = holder(path)
    return AlreadyRunningError(
        f"mem0tray is already running for this folder{f' (process {pid})' if pid else ''}.",
        "Use `mem0tray status` to see how it is, or stop that one first.",
    )


LOOKER: Final = 0.2  # seconds; a look whether the lock is held holds it for less
_COMMAND: Final = 60.0  # seconds; a command that stands in for the worker holds the lock for less
_STANDS_IN: Final = " command"


class InstanceLock:
    """The lock that allows one worker for each `claude_dir`; the text in it is the worker's pid."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)
        self._command = False

    def acquire(self, *, command: bool = False) -> None:
        """Become the one worker, or stand in for it as a `command`.

        Waits for a command that stands in. Raises AlreadyRunningError when there is a worker.
        """
        begun = looked = time.monotonic()
        while not self._lock.try_acquire():
            now = time.monotonic()
            if not command and now - begun < _COMMAND and is_command(self._lock.path):
                looked = now
            if now - looked > LOOKER:
                raise already_running(self._lock.path)
            time.sleep(LOOKER / 20)
        self._command = command
        self._write(f"{os.getpid()}{_STANDS_IN if command else ''}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):
            fd = plain.open_fd(self._lock.path, os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(fd, text.encode())
            finally:
                os.close(fd)

    def release(self) -> None:
        """Make room for another worker."""
        if self._command:
            self._write("")
        self._lock.release()


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock now; nobody can where there is no file.

    Where the lock cannot be tried, the process counts whose number stands in the file.
    """
    try:
        if plain.look(path) is None:
            return False
    except (NotPlainError, NotADirectoryError):
        return False
    except OSError:
        return True
    lock = FileLock(path)
    try:
        free = lock.try_acquire()
    except (OSError, FileUnavailableError):
        from mem0tray.system import processes  # needed only here

        pid = holder(path)
        return pid is None or processes.is_alive(pid)
    lock.release()
    return not free


def of_worker(paths: "Paths") -> Path | None:
    """The instance lock that the worker of this `claude_dir` holds; None when none runs."""
    path = paths.instance_lock
    return path if is_locked(path) and not is_command(path) else on_its_way(paths)


def on_its_way(paths: "Paths") -> Path | None:
    """The instance lock of a worker that serves this name, which now leads elsewhere."""
    for record in data_folders.records(paths.root):
        path = record.folder / paths.instance_lock.name
        by_name = record.name == os.fspath(paths.claude_dir)
        if by_name and path != paths.instance_lock and is_locked(path):
            return path
    return None


def holder(path: Path) -> int | None:
    """The pid that the holder of an instance lock wrote, if it can be read."""
    try:
        return int(plain.read_bytes(path).split()[0])
    except (OSError, ValueError, IndexError):
        return None


def is_command(path: Path) -> bool:
    """Whether the one who took this instance lock last is a command that stands in."""
    try:
        return plain.read_bytes(path).endswith(f"{_STANDS_IN}\n".encode())
    except OSError:
        return False
