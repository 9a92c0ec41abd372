"""Folders of ours, which nobody else can change; the quarantine; whether a folder takes files."""

import errno
import fnmatch
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic
from mem0tray.files.temporary import Temporary


def listing(folder: Path, pattern: str) -> list[Path]:
    """Return the entries of `folder` that match, by name; none where the folder is not there.

    `glob()` would take one that cannot be read for an empty one. Raises FileUnavailableError.
    """
    with atomic.explained(folder), suppress(FileNotFoundError):
        return sorted(each for each in folder.iterdir() if fnmatch.fnmatch(each.name, pattern))
    return []


def make_private_folder(folder: Path) -> None:
    """Make `folder` and those above it (0700) where they are missing, durably.

    `mkdir` itself would leave the mode of those above to the umask. Raises FileUnavailableError.
    """
    refuse_no_folder(folder)
    with atomic.explained(folder):
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            with suppress(FileExistsError):
                each.mkdir(mode=0o700)
                if sys.platform != "win32" and os.geteuid() == 0:  # it is for who owns the above
                    its = each.parent.stat()
                    with suppress(OSError):  # some disks do not take it
                        os.chown(each, its.st_uid, its.st_gid, follow_symlinks=False)
    for each in missing:
        atomic.sync_folder(each.parent)


def make_own_folder(folder: Path) -> None:
    """Make `folder`, or shut it to others (0700). Raises FileUnavailableError."""
    make_private_folder(folder)
    with atomic.explained(folder):
        if sys.platform != "win32" and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)


def drop_empty(folder: Path) -> None:
    """Remove a folder in which nothing is left; one that cannot be removed stays."""
    with suppress(OSError):
        folder.rmdir()


def refuse_no_folder(path: Path) -> None:
    """Raise FileUnavailableError when something other than a folder stands at `path`."""
    if os.path.exists(path) and not os.path.isdir(path):  # noqa: PTH110, PTH112  (never raise)
        raise atomic.unavailable(path, NotADirectoryError(errno.ENOTDIR, ""))


def why_unwritable(folder: Path) -> Reason:
    """Return why nothing can be written in `folder`; NONE where it can, or is missing.

    A file is made there, as the flags do not tell of every disk, and to root never.
    """
    if folder.is_dir():
        try:
            refuse_read_only(folder)
            with atomic.explained(folder), Temporary(folder / "probe") as probe:
                os.write(probe.fd, b"\n")
        except FileUnavailableError as error:
            return error.reason
    return reasons.NONE


def refuse_read_only(folder: Path) -> None:
    """Raise FileUnavailableError where the flags say that the disk is read-only."""
    if atomic.is_read_only(folder):
        raise atomic.unavailable(folder, OSError(errno.EROFS, os.strerror(errno.EROFS)))


def quarantine(folder: Path, source: Path, data: bytes, now: float) -> Path:
    """Keep `data`, found in `source`, byte for byte; return the path. Equal bytes are kept once.

    The name is never a hidden one, even if that of `source` is: hidden files do not count.
    """
    import hashlib  # slow to import, and commands only count what is kept

    digest = hashlib.sha256(data).hexdigest()[:12]
    for known in listing(folder, f"*-{digest}.json"):
        return known
    make_private_folder(folder)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(now))
    path = folder / f"{source.stem.lstrip('.')}-{stamp}-{digest}.json"
    atomic.replace(path, data)
    return path


def quarantined(folder: Path) -> list[Path]:
    """Return everything in quarantine, oldest first."""
    return [path for path in listing(folder, "*.json") if not path.name.startswith(".")]
