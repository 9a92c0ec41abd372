"""Showing a page to the person at this computer."""

import os
import shlex
import shutil
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_CHOSEN: Final = "BROWSER"
# The desktop's opener, and browsers that it may not find.
_PROGRAMS: Final = ("xdg-open", "x-www-browser", "firefox", "chromium", "google-chrome")
_PATIENCE: Final = 2.0  # seconds in which a program that opens nothing has said so


def open_page(path: Path, *, waits: bool = True) -> bool:
    """Open the file in a browser; False where there is none, or no display for it.

    `waits` for the end of the one that `$BROWSER` names: it may be one for the terminal.
    """
    if not _has_display():
        return False
    page = path.absolute().as_uri()
    try:
        if sys.platform != "linux" or (waits and os.environ.get(_CHOSEN)):
            return webbrowser.open(page)
        return any(map(_opens, _commands(page)))
    except (webbrowser.Error, OSError, ValueError):  # the last one: quotes of `$BROWSER`
        return False


def _commands(page: str) -> Iterator[list[str]]:
    """Yield commands that open it: of the user's choice, of the desktop, of known browsers."""
    for line in (*os.environ.get(_CHOSEN, "").split(os.pathsep), *_PROGRAMS):
        words = shlex.split(line if "%s" in line else f"{line} %s")
        if shutil.which(words[0]):
            yield [word.replace("%s", page) for word in words]


def _opens(command: list[str]) -> bool:
    """Start it apart from us. True if it goes on: it then waits for its browser to be closed."""
    try:
        process = subprocess.Popen(  # noqa: S603  (of the system or the user, with a file of ours)
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return process.wait(_PATIENCE) == 0
    except OSError:
        return False
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return True


def _has_display() -> bool:
    """Whether a browser has a display; one for the terminal is wanted only if the user named it."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in (*_DISPLAYS, _CHOSEN))
