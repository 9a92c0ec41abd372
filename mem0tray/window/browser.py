"""Opening a page in the browser that the user has."""

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

from mem0tray.system import programs
from mem0tray.system.paths import Paths

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
# The desktop's opener, and browsers that it may not find.
_PROGRAMS: Final = ("xdg-open", "x-www-browser", "firefox", "chromium", "google-chrome")
_CHOSEN: Final = "BROWSER"  # the variable with the user's own, and `%s` for the page
_PATIENCE: Final = 2.0  # seconds for a program to fail, or to answer


def usual_place(paths: Paths) -> Path:
    """Return our data folder's; or the browser's own if that is a snap, which may not read ours."""
    name = _browser().partition("_")[0] if sys.platform == "linux" else ""
    folder = Path.home() / "snap" / name / "common"
    return folder / "mem0tray.html" if name and folder.is_dir() else paths.door


def _browser() -> str:
    """Ask for the desktop's default browser; `firefox_firefox.desktop` is that of a snap."""
    said = programs.answer("xdg-settings", "get", "default-web-browser", patience=_PATIENCE) or ""
    return said.strip().rpartition("/")[2]


def open_page(path: Path, *, waits: bool = True) -> bool:
    """Open it in a browser, waiting for the end of `$BROWSER`'s if `waits`; False if none does."""
    shows = sys.platform in ("darwin", "win32") or any(map(os.environ.get, _DISPLAYS))
    page = path.absolute().as_uri()
    try:
        if sys.platform != "linux" or (waits and os.environ.get(_CHOSEN)):
            return shows and webbrowser.open(page)
        return shows and any(map(_opens, _commands(page)))
    except (webbrowser.Error, OSError, ValueError):  # the last one: quotes of `$BROWSER`
        return False


def _commands(page: str) -> Iterator[list[str]]:
    """Yield commands that open it; `webbrowser` trusts an opener that finds no browser."""
    for line in (*os.environ.get(_CHOSEN, "").split(os.pathsep), *_PROGRAMS):
        words = shlex.split(line if "%s" in line else f"{line} %s")
        if shutil.which(words[0]):
            yield [word.replace("%s", page) for word in words]


def _opens(command: list[str]) -> bool:
    """Start it apart from us. True if it goes on: it then waits for its browser to be closed."""
    nothing = subprocess.DEVNULL
    try:
        process = subprocess.Popen(  # noqa: S603  (of the system or the user, with a file of ours)
            command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
        return process.wait(_PATIENCE) == 0
    except OSError:
        return False
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return True
