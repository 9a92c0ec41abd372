"""Our temporary files: private, locked while they are being written, and gone after a kill.

The lock of one that a kill left behind tells whether its maker still lives. The process id in the
name could not: it may be another's by now, or belong to another computer that shares the folder.
"""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from mem0tray.system import regular_file

if sys.platform != "win32":
    import fcntl

PATTERN: Final = ".*.mem0tray-*.tmp"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_PATIENCE: Final = 0.5  # seconds for somebody to let go of the file that is replaced (Windows)
_LOOK: Final = 0.02
_STALE: Final = 3600.0  # seconds after which a file is a leftover where no lock can tell
_IN_USE: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN})
_HELD_OPEN: Final = frozenset({5, 32, 33})  # access denied, sharing violation, lock violation


def name_beside(path: Path) -> Path:
    """Return a new name in the folder of `path`."""
    return path.with_name(f".{path.name}.mem0tray-{os.getpid()}-{os.urandom(4).hex()}.tmp")


class Temporary:
    """A new file beside `place`, mode 0600; removed unless it has `become` another."""

    def __init__(self, place: Path) -> None:
        self.fd = -1
        self._moved = False
        while self.fd < 0:
            self.path = name_beside(place)
            self.fd = _locked(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._close()
        if not self._moved:
            with suppress(OSError):
                self.path.unlink()

    def become(self, target: Path, like: os.stat_result | None) -> os.stat_result:
        """Take the place of `target`, mode and owner as `like`; return the stat from before.

        What root makes anew belongs to the owner of its folder, who has to read it.
        """
        if sys.platform != "win32":
            is_root = os.geteuid() == 0
            with suppress(OSError):
                if like is not None or is_root:
                    its = like or target.parent.stat()
                    os.fchown(self.fd, its.st_uid if is_root else -1, its.st_gid)
            if like is not None:
                os.fchmod(self.fd, like.st_mode & 0o777)  # until now nobody else may read it
        found = os.fstat(self.fd)
        if sys.platform == "win32":
            self._close()  # an open file cannot be renamed there
        move(self.path, target)
        self._moved = True
        return found

    def _close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def _locked(path: Path) -> int:
    """Make a file and lock it; -1 when somebody who cleans up was quicker than the lock."""
    fd = os.open(path, _NEW, 0o600)
    taken = False
    if sys.platform != "win32":
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            taken = not os.fstat(fd).st_nlink
        except OSError as error:
            taken = error.errno in _IN_USE  # else there are no locks on this file system
    if not taken:
        return fd
    os.close(fd)
    return -1


def move(path: Path, target: Path) -> None:
    """Rename `path`; retry for half a second while another program has `target` open (Windows)."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            path.replace(target)
        except OSError as error:
            held_open = getattr(error, "winerror", None) in _HELD_OPEN
            if not held_open or time.monotonic() >= end:
                raise
            time.sleep(_LOOK)
        else:
            return


def leftovers(folder: Path, *, remove: bool = False) -> Iterator[Path]:
    """Yield the temporary files in `folder` whose maker is gone; with `remove` they are removed."""
    with suppress(OSError):
        for path in sorted(folder.glob(PATTERN)):
            with suppress(OSError):
                if not path.is_symlink() and _is_left_over(path, remove=remove):
                    yield path


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files in `folder` whose maker is gone."""
    for _ in leftovers(folder, remove=True):
        pass


def _is_left_over(path: Path, *, remove: bool) -> bool:
    """Check that no living process writes it; remove it while it is locked. Raises OSError."""
    if sys.platform == "win32":  # there no lock can tell, and an open file cannot be removed
        from mem0tray.system import processes  # needed only to clean up

        maker = path.name.rpartition(".mem0tray-")[2].partition("-")[0]
        left = path.is_file() and not processes.is_alive(int(maker) if maker.isdecimal() else 0)
        if left and remove:
            path.unlink()
        return left
    fd = regular_file.open_fd(path)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _IN_USE or time.time() - os.fstat(fd).st_mtime < _STALE:
                return False
        if remove:
            path.unlink(missing_ok=True)
    finally:
        os.close(fd)
    return True
