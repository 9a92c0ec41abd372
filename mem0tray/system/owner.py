"""Who owns a file that we make: root, in another user's folder, gives it to that user.

Else, after one command as root, the user's own worker and hooks could no longer use their
files. Where strangers may write (`/tmp`), nothing is given away: they would choose who gets it.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path


def of_folder(folder: Path) -> os.stat_result | None:
    """The folder, if root is to give new files in it to its owner; None: they stay ours."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    with suppress(OSError):
        found = folder.stat()
        return found if found.st_uid and not found.st_mode & stat.S_ISVTX else None
    return None


def give(fd: int, owner: os.stat_result | None) -> None:
    """Give the file at `fd`, which we have just made, that owner and group, where we may."""
    if sys.platform == "win32" or owner is None:
        return
    with suppress(OSError):
        os.fchown(fd, owner.st_uid, owner.st_gid)


def pass_on(fd: int, folder: Path, replaced: os.stat_result | None) -> None:
    """Give the new file `fd` the owner and group of the file it replaces in `folder`, if we may.

    A user other than root can at least keep a group of theirs. If nothing is replaced, the
    folder decides whose the file is.
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
    """Give the new `folder`, where root has made it, to the owner of the one above it."""
    owner = of_folder(folder.parent)
    if owner is None:
        return
    with suppress(OSError):
        # By a descriptor: the name may stand for something else by now.
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            give(fd, owner)
        finally:
            os.close(fd)
