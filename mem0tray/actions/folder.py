"""Whether `claude_dir` is there: a typo in the setting is no empty queue."""

import os

from mem0tray.config.settings import PathSettings, Settings
from mem0tray.core.errors import FileUnavailableError

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
        message = f"{folder} is a link to {folder.readlink()}, which is not there."
    elif os.path.lexists(folder):
        message = f"{folder} is no folder."
    elif settings.paths == PathSettings():
        return None
    else:
        message = f"The folder {folder} is not there."
    return FileUnavailableError(message, _REMEDY)


def gone(settings: Settings) -> FileUnavailableError:
    """What to say of a default folder that was there once, and is no more."""
    message = f"The folder {settings.locations().claude_dir} is gone: it was there before."
    return FileUnavailableError(message, _REMEDY)
