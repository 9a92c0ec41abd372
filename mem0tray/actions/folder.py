"""Whether `claude_dir` is there: a typo in the setting must not look like an empty queue."""

import os

from mem0tray.config.settings import PathSettings, Settings, variable
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason


def trouble(settings: Settings) -> FileUnavailableError | None:
    """Why there is nothing to be read, else None.

    The default folder may be missing: on a new computer nothing has happened yet, and it is
    made when needed. A folder that somebody named is expected to be there.
    """
    folder = settings.locations().claude_dir
    if os.path.isdir(folder):  # noqa: PTH112  (Path.is_dir() raises without permission)
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
    return FileUnavailableError(message, _remedy())


def gone(settings: Settings) -> FileUnavailableError:
    """The error for a default folder that was there once and is gone."""
    message = Reason(
        "The folder {path} is gone: it was there before.", path=settings.locations().claude_dir
    )
    return FileUnavailableError(message, _remedy())


def _remedy() -> str:
    name = variable("paths.claude_dir")
    if name in os.environ:  # the environment wins over the file
        return f"Make it, or correct the variable {name}."
    return "Make it, or correct paths.claude_dir: `mem0tray config edit`."
