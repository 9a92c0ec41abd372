"""Whose a file is that we make: root who works in another user's folder makes it that user's.

Else the user's own worker and hooks could not use their files any more after one command
as root. Where strangers may write (`/tmp`), nothing is given away: they chose who gets it.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path


def of_folder(folder: Path) -> os.stat_result | None:
    """The folder, if root is to make what is new in it its owner's; None: it stays ours."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    with suppress(OSError):
        found = folder.stat()
        return found if found.st_uid and not found.st_mode & stat.S_ISVTX else None
    return None


def give(fd: int, owner: os.stat_result | None) -> None:
    """Make what `fd` has open, which we have just made, that owner's and group's, where we may."""
    if sys.platform == "win32" or owner is None:
        return
    with suppress(OSError):
        os.fchown(fd, owner.st_uid, owner.st_gid)


def pass_on(fd: int, folder: Path, replaced: os.stat_result | None) -> None:
    """Give the new file `fd` owner and group of the one that it replaces in `folder`, if we may.

    Who is not root can at least keep a group of theirs. Where nothing is replaced, the
    folder says whose the file is.
    """
    if sys.platform == "win32":
        return
    if replaced is None:
        give(fd, of_folder(folder))
        return
    with suppress(OSError):
        ours = os.fstat(fd)
        same = (ours.st_uid, ours.st_gid) == (replaced.st_uid, replaced.st_gid)
        if same or folder.stat().st_mode & stat.S_ISVTX:
            return
        os.fchown(fd, replaced.st_uid if os.geteuid() == 0 else -1, replaced.st_gid)


def give_folder(folder: Path) -> None:
    """Make the new `folder` that of who owns the one above it, where root has made it."""
    owner = of_folder(folder.parent)
    if owner is None:
        return
    with suppress(OSError):
        # By a descriptor: its name may stand for something else by now.
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            give(fd, owner)
        finally:
            os.close(fd)
