"""Whether a folder takes files: found out by making one, as a disk's flags do not always tell.

A disk that the file system has made read-only after a fault (an emergency, says ext4)
still counts as writable by its flags, and to root every folder does.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, temporary

# A file without a name leaves nothing behind, and whoever watches the folder does not notice it.
_NAMELESS: Final = getattr(os, "O_TMPFILE", 0)
_HAS_NONE: Final = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})


def why_unwritable(folder: Path) -> Reason:
    """Why nothing can be written in `folder`, for a person; NONE where it can, or is missing."""
    if not folder.is_dir():
        return reasons.NONE
    try:
        refuse_read_only(folder)
        fd, name = _made(folder)
        try:
            os.write(fd, b"\n")
        finally:
            os.close(fd)
            if name is not None:
                name.unlink()
    except FileUnavailableError as error:
        return error.reason
    except OSError as error:
        return atomic.unavailable(folder, error).reason
    return reasons.NONE


def refuse_read_only(folder: Path) -> None:
    """Raise FileUnavailableError where the flags say that the disk is read-only."""
    if atomic.is_read_only(folder):
        raise atomic.unavailable(folder, OSError(errno.EROFS, os.strerror(errno.EROFS)))


def _made(folder: Path) -> tuple[int, Path | None]:
    """A new file there, and its name if it has one."""
    if _NAMELESS:
        try:
            return os.open(folder, os.O_WRONLY | _NAMELESS, 0o600), None
        except OSError as error:
            if error.errno not in _HAS_NONE:
                raise
    name = folder / f"{temporary.prefix(Path('probe'))}0.tmp"
    with suppress(FileNotFoundError):
        name.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.open(name, flags | getattr(os, "O_BINARY", 0), 0o600), name
