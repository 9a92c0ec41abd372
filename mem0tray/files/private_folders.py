"""Folders of ours: made so that nobody else can change them; listed; told from other things."""

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic
from mem0tray.system.regular_file import NotRegularError


def listing(folder: Path, pattern: str) -> list[Path]:
    """The entries of `folder` that match, by name; none where the folder is not there.

    `glob()` would take a folder that cannot be read for an empty one.
    Raises FileUnavailableError.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.match(pattern))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise atomic.unavailable(folder, error) from error


def make_private_folder(folder: Path) -> None:
    """Make `folder` (0700) if it is missing, so that what is put into it survives a power cut.

    Missing folders above it are made so too: `mkdir` itself would leave their mode to the
    umask, and whoever may write there could put another folder in the place of ours.
    Raises FileUnavailableError.
    """
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            with suppress(FileExistsError):
                each.mkdir(mode=0o700)
        folder.mkdir(exist_ok=True)  # raises where something else stands there
    except FileExistsError as error:
        raise atomic.unavailable(folder, NotADirectoryError(errno.ENOTDIR, "")) from error
    except OSError as error:
        raise atomic.unavailable(folder, error) from error
    for each in missing:
        atomic.sync_folder(each.parent)


def drop_empty(folder: Path) -> None:
    """Remove a folder in which nothing is left; one that cannot be removed stays."""
    with suppress(OSError):
        folder.rmdir()


def make_own_folder(folder: Path) -> None:
    """Make `folder`, or make sure that it is ours, with mode 0700: nobody else can change it.

    Raises FileUnavailableError when it belongs to another user, who could put orders and
    links into it.
    """
    make_private_folder(folder)
    if sys.platform == "win32":
        return
    try:
        found = folder.stat()
        if found.st_uid != os.geteuid():
            raise FileUnavailableError(
                Reason(
                    "The folder {path} belongs to another user (uid {number}).",
                    path=folder,
                    number=found.st_uid,
                ),
                Reason("Run mem0tray as that user, or move the folder away."),
            )
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise atomic.unavailable(folder, error) from error


def refuse_no_folder(path: Path) -> None:
    """Raise FileUnavailableError when something other than a folder stands at `path`."""
    error = _not_a_folder(path)
    if error is not None:
        raise atomic.unavailable(path, error)


def _not_a_folder(path: Path) -> NotRegularError | None:
    with suppress(OSError):
        mode = path.stat().st_mode
        return None if stat.S_ISDIR(mode) else NotRegularError(path, mode, Reason("a folder"))
    return None
