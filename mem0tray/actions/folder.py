"""Whether `claude_dir` is there and takes files: a typo must not look like an empty queue."""

import errno
import os
import shutil
from contextlib import suppress
from typing import Final

from mem0tray.config.settings import PathSettings, Settings, variable
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, private_folders
from mem0tray.system.paths import Paths

_BLOCK: Final = 4096  # bytes


def trouble(settings: Settings) -> FileUnavailableError | None:
    """Find why there is nothing to be read, else None; the default folder may be missing."""
    folder = settings.locations().claude_dir
    if os.path.isdir(folder):  # noqa: PTH112  (Path.is_dir() raises without permission)
        return None
    if os.path.lexists(folder):
        return _error(Reason("{path} is no folder.", path=folder))
    if settings.paths == PathSettings():
        return None
    return _error(Reason("The folder {path} is not there.", path=folder))


def _error(message: Reason) -> FileUnavailableError:
    name = variable("paths.claude_dir")
    remedy = f"Make it, or correct the variable {name}."
    if name not in os.environ:  # which wins over the file
        remedy = "Make it, or correct paths.claude_dir: `mem0tray config edit`."
    return FileUnavailableError(message, remedy)


def why_missing(settings: Settings) -> Reason:
    """Say what is wrong with `claude_dir` itself, so that nothing can be read; else NONE."""
    error, paths = trouble(settings), settings.locations()
    if error is None and not paths.claude_dir.exists() and paths.ledger.exists():
        gone = Reason("The folder {path} is gone: it was there before.", path=paths.claude_dir)
        error = _error(gone)
    return reasons.NONE if error is None else error.reason


def why_unwritable(paths: Paths) -> Reason:
    """Say why nothing can be written, which metrics cannot tell; else NONE."""
    return (
        _no_room(paths)
        or private_folders.why_unwritable(paths.claude_dir)
        or atomic.why_unreadable(paths.queue_lock)
        or private_folders.why_unwritable(paths.data_dir)
    )


def _no_room(paths: Paths) -> Reason:
    """Return the error of a disk on which the largest file cannot be replaced; else NONE."""
    largest = 0
    for path in (paths.queue, paths.dlq):
        with suppress(OSError):
            largest = max(largest, path.stat().st_size)
    for where, needed in ((paths.claude_dir, largest), (paths.data_dir, 0)):
        with suppress(OSError):
            if shutil.disk_usage(where).free < needed + _BLOCK:
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return atomic.unavailable(where, full).reason
    return reasons.NONE
