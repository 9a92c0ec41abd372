"""Showing a page to the person at this computer."""

import os
import shutil
import subprocess
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Final

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_CHOSEN: Final = "BROWSER"
_OPENER: Final = "xdg-open"
_PATIENCE: Final = 2.0  # seconds in which an opener that finds no browser has said so


def open_page(path: Path) -> bool:
    """Open the file in the browser; False where there is none, or no display for it."""
    if not _has_display():
        return False
    page = path.absolute().as_uri()
    opener = None if os.environ.get(_CHOSEN) or sys.platform != "linux" else shutil.which(_OPENER)
    try:
        return _by_desktop(opener, page) if opener else webbrowser.open(page)
    except (webbrowser.Error, OSError):
        return False


def _by_desktop(opener: str, page: str) -> bool:
    """Have the desktop open the page: `webbrowser` does not see that its opener finds no browser.

    An opener that goes on has one: it waits for it.
    """
    process = subprocess.Popen(  # noqa: S603  (the desktop's own, with a file of ours)
        [opener, page],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(_PATIENCE) == 0
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return True


def _has_display() -> bool:
    """Whether a browser has a display; one for the terminal is wanted only if the user named it."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in (*_DISPLAYS, _CHOSEN))
