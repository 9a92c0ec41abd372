"""Whether `claude_dir` is there: a typo in the setting is no empty queue."""

import os

from mem0tray.config.settings import PathSettings, Settings
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason

_REMEDY = (
    "Make it, or correct paths.claude_dir: `mem0tray config edit`"
    " (MEM0TRAY_PATHS_CLAUDE_DIR in the environment wins)."
)


def trouble(settings: Settings) -> FileUnavailableError | None:
    """Why there is nothing to be read, else None.

    The default folder may be missing: on a new computer nothing has happened yet, and it is
    made when it is needed. One that somebody has named is expected to be there.
    """
    folder = settings.locations().claude_dir
    if os.path.isdir(folder):  # noqa: PTH112  (Path.is_dir() raises where it may not look)
        return None
    if os.path.islink(folder):  # noqa: PTH114
        message = Reason(
            "{path} is a link to {folder}, which is not there.",
            path=folder,
            folder=folder.readlink(),
        )
    elif os.path.lexists(folder):
        message = Reason("{path} is no folder.", path=folder)
    elif settings.paths == PathSettings():
        return None
    else:
        message = Reason("The folder {path} is not there.", path=folder)
    return FileUnavailableError(message, _REMEDY)


def gone(settings: Settings) -> FileUnavailableError:
    """What to say of a default folder that was there once, and is no more."""
    message = Reason(
        "The folder {path} is gone: it was there before.", path=settings.locations().claude_dir
    )
    return FileUnavailableError(message, _REMEDY)
