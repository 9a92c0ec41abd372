"""Opening a file whose place others share: a regular file, or an error that says what it is.

Opening a named pipe would wait, and break the pipe of a waiting writer: we look at the name first,
open it without blocking, and look again at what was opened.
"""

import errno
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO, Final

from mem0tray.core.reasons import Reason

_KINDS: Final = {
    stat.S_IFIFO: Reason("a named pipe"),
    stat.S_IFSOCK: Reason("a socket"),
    stat.S_IFDIR: Reason("a folder"),
    stat.S_IFCHR: Reason("a device"),
    stat.S_IFBLK: Reason("a device"),
}
_ALWAYS: Final = sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
)


class NotRegularError(OSError):
    """Something else stands where a file belongs; `kind` says what."""

    def __init__(self, path: Path, mode: int) -> None:
        self.kind = _KINDS.get(stat.S_IFMT(mode), Reason("something odd"))
        super().__init__(errno.EINVAL, f"is {self.kind}, not a file", str(path))


def look(path: Path) -> os.stat_result | None:
    """Stat the regular file that `path` names, a link followed; None if nothing is there.

    Raises NotRegularError and OSError.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    _check(path, found)
    return found


def open_fd(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a regular file without ever waiting; a file that O_CREAT makes has `mode`.

    Raises NotRegularError and OSError.
    """
    look(path)
    try:
        if sys.platform == "win32" and flags == os.O_RDONLY:
            fd = _open_shared(path)
        else:
            fd = os.open(path, flags | _ALWAYS, mode)
    except OSError:
        look(path)  # a socket, or a pipe without a reader, cannot even be opened
        raise
    try:
        _check(path, os.fstat(fd))
    except NotRegularError:
        os.close(fd)
        raise
    return fd


def open_binary(path: Path) -> BinaryIO:
    """Open a regular file for reading. Raises NotRegularError and OSError."""
    return os.fdopen(open_fd(path), "rb")


def read_bytes(path: Path) -> bytes:
    """Read a regular file. Raises NotRegularError and OSError."""
    with open_binary(path) as file:
        return file.read()


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise NotRegularError(path, found.st_mode)


if sys.platform == "win32":
    import _winapi
    import msvcrt

    _SHARED: Final = 1 | 2 | 4  # others may read, write, and rename or remove it meanwhile

    def _open_shared(path: Path) -> int:
        """Open for reading, and let others rename and remove the file: `os.open` does not."""
        handle = _winapi.CreateFile(
            os.fspath(path), _winapi.GENERIC_READ, _SHARED, 0, _winapi.OPEN_EXISTING, 0, 0
        )
        return msvcrt.open_osfhandle(handle, os.O_RDONLY | _ALWAYS)
