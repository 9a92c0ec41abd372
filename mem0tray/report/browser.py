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
    """Else a browser for the terminal would take it over; one that the user named is wanted."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(os.environ.get(name) for name in (*_DISPLAYS, _CHOSEN))
