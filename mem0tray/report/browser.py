"""Showing a page to the person at this computer."""

import os
import sys
import webbrowser
from pathlib import Path
from typing import Final

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
_CHOSEN: Final = "BROWSER"


def open_page(path: Path) -> bool:
    """Open the file in the browser; False where there is none, or no display for it."""
    if not _has_display():
        return False
    try:
        return webbrowser.open(path.absolute().as_uri())
    except (webbrowser.Error, OSError):
        return False


def _has_display() -> bool:
    """Whether a browser has a display; one for the terminal is wanted only if the user named it."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in (*_DISPLAYS, _CHOSEN))
