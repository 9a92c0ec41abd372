"""Our temporary files: private, locked while they are being written, and gone after a kill.

A kill leaves one behind. Its lock tells whether its maker still lives, as the system releases
the lock with the process. The process id in the name could not tell: it may be another's by
now, or belong to another computer that shares the folder.
"""

import errno
import itertools
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mem0tray.system import regular_file

if sys.platform != "win32":
    import fcntl

PATTERN: Final = ".*.mem0tray-*.tmp"
_PATIENCE: Final = 0.5  # seconds for somebody to let go of the file that is replaced (Windows)
_LOOK: Final = 0.02
_STALE: Final = 3600.0  # seconds after which a file is a leftover where no lock can tell
_IN_USE: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN})
_HELD_OPEN: Final = frozenset({5, 32, 33})  # access denied, sharing violation, lock violation
_counter = itertools.count()
_open_here: set[str] = set()  # names that this process is writing now


def prefix(path: Path) -> str:
    """How the names of this process's temporary files for `path` begin."""
    return f".{path.name}.mem0tray-{os.getpid()}-"


def name_beside(path: Path) -> Path:
    """A name in the folder of `path` that this process has not used yet."""
    return path.with_name(f"{prefix(path)}{next(_counter)}.tmp")


class Temporary:
    """A new file beside `place`, mode 0600, which is to take the place of another.

    Unless `become` was called, leaving the `with` removes it. Raises OSError.
    """

    def __init__(self, place: Path) -> None:
        self._fd = self._lock = -1
        self._moved = False
        while self._fd < 0:
            self.path = name_beside(place)
            with suppress(FileExistsError):  # left by a killed process that had our id
                self._fd, self._lock = _claimed(self.path)
        _open_here.add(self.path.name)

    def __enter__(self) -> Self:
        """Make the file."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go, and leave nothing behind."""
        with suppress(OSError):
            self._close()
        if not self._moved:
            with suppress(OSError):
                self.path.unlink()
        if self._lock >= 0:
            os.close(self._lock)
        _open_here.discard(self.path.name)

    @property
    def fd(self) -> int:
        """The descriptor to write to."""
        return self._fd

    def become(self, target: Path, like: os.stat_result | None) -> os.stat_result:
        """Take the place of `target`; return the stat result from just before.

        Mode, owner and group become those of `like`, as far as we may; without it the file
        is 0600. They change only now: until then nobody else may read the file, whatever it is to
        become.
        """
        if like is not None:
            _keep_owner(self._fd, target.parent, like)
        if sys.platform != "win32" and like is not None:
            os.fchmod(self._fd, like.st_mode & 0o777)
        found = os.fstat(self._fd)
        # Close before it gets the name that others watch; Windows would not rename it open, either.
        self._close()
        move(self.path, target)
        self._moved = True
        return found

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _keep_owner(fd: int, folder: Path, replaced: os.stat_result) -> None:
    """Give the new file `fd` the owner and group of the one that it replaces, as far as we may.

    A user other than root can at least keep a group of theirs. Where strangers may write (`/tmp`),
    they would choose who gets the file.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):
        ours = os.fstat(fd)
        same = (ours.st_uid, ours.st_gid) == (replaced.st_uid, replaced.st_gid)
        if not same and not folder.stat().st_mode & stat.S_ISVTX:
            os.fchown(fd, replaced.st_uid if os.geteuid() == 0 else -1, replaced.st_gid)


def _claimed(path: Path) -> tuple[int, int]:
    """A new file to write to, and the lock on it (-1: no lock can be had here).

    The descriptor is -1 when somebody who cleans up was quicker than the lock.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    fd = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
    lock = -1
    if sys.platform != "win32":
        try:
            # A second descriptor, kept when the first is closed; with a shared lock, which network
            # folders also give for reading. Whoever cleans up asks for an exclusive one.
            lock = os.open(path, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            taken = not os.fstat(lock).st_nlink
        except OSError as error:
            taken = isinstance(error, FileNotFoundError) or error.errno in _IN_USE
        if taken:
            for each in (fd, lock):
                if each >= 0:
                    os.close(each)
            return -1, -1
    return fd, lock


def move(path: Path, target: Path) -> None:
    """Rename `path` to `target`; retry for half a second while another program has it open.

    Only Windows refuses then, with "Access denied", as it does where the right is missing.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            path.replace(target)
        except OSError as error:
            if not held_open(error) or time.monotonic() >= end:
                raise
            time.sleep(_LOOK)
        else:
            return


def held_open(error: OSError) -> bool:
    """Whether Windows may have refused because another program has the file open."""
    return getattr(error, "winerror", None) in _HELD_OPEN


def leftovers(folder: Path) -> list[Path]:
    """The temporary files in `folder` whose maker is gone, by name."""
    with suppress(OSError):
        return sorted(path for path in folder.glob(PATTERN) if _is_left_over(path, remove=False))
    return []


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files in `folder` whose maker is gone."""
    with suppress(OSError):
        for path in folder.glob(PATTERN):
            _is_left_over(path, remove=True)


def _is_left_over(path: Path, *, remove: bool) -> bool:
    """Whether no living process writes it; with `remove`, also remove it while it is locked."""
    try:
        if path.is_symlink():
            return False  # not one of ours
        fd = _opened(path)
    except OSError:
        return False
    try:
        if _in_use(fd, path):
            return False
        if sys.platform == "win32":
            os.close(fd)  # an open file cannot be removed there
            fd = -1
        if remove:
            path.unlink(missing_ok=True)
    except OSError:
        return False
    finally:
        if fd >= 0:
            os.close(fd)
    return True


def _opened(path: Path) -> int:
    try:
        return regular_file.open_fd(path, os.O_RDWR)
    except PermissionError:  # another name of a file that the user made read-only
        return regular_file.open_fd(path)


def _in_use(fd: int, path: Path) -> bool:
    if sys.platform == "win32":
        from mem0tray.system import processes  # needed only to clean up

        pid = maker(path)
        mine = pid == os.getpid()
        return path.name in _open_here if mine else processes.is_alive(pid)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _IN_USE or time.time() - os.fstat(fd).st_mtime < _STALE
    return False


def maker(path: Path) -> int:
    """The process id in a temporary file's name; 0 where there is none."""
    digits = path.name.rpartition(".mem0tray-")[2].partition("-")[0]
    return int(digits) if digits.isdecimal() else 0
