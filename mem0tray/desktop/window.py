"""Opening the window: the process that serves it, and the browser that shows it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, private_folders
from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.system import programs
from mem0tray.system.paths import Paths

TICKET: Final = "/ticket"
_READY: Final = 15.0  # seconds for a new process to answer
_LOOK: Final = 0.02
_LONGEST: Final = 1000  # bytes of its answer
_DOOR: Final = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={address}"><title>mem0tray</title></head>
<body><p><a href="{address}">mem0tray</a></p></body></html>
"""
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")
# The desktop's opener, and browsers that it may not find.
_PROGRAMS: Final = ("xdg-open", "x-www-browser", "firefox", "chromium", "google-chrome")
_CHOSEN: Final = "BROWSER"  # the variable with the user's own, and `%s` for the page
_PATIENCE: Final = 2.0  # seconds for a program to fail, or to answer


def show(settings: Settings, language: Language, *, view: str = "", waits: bool = True) -> bool:
    """Open a view of the window in a browser; the process that serves it is started if none runs.

    The browser is led there by a file that only this user can read, as a command line shows its
    words to all. Return whether a browser could be opened. Raises Mem0TrayError.
    """
    paths = settings.locations()
    with ThreadPoolExecutor(1) as pool:
        place = pool.submit(usual_place, paths)  # which asks the desktop: meanwhile
        named = endpoint.find(paths.window) or _started(paths, language)
    door = place.result()
    private_folders.make_private_folder(door.parent)
    text = _DOOR.format(address=f"{named.url}{_way_in(named)}&view={view}")
    atomic.replace(door, text.encode(), durable=False)
    return open_page(door, waits=waits)


def _started(paths: Paths, language: Language) -> Endpoint:
    private_folders.make_own_folder(paths.window)
    process = programs.started(
        [*programs.ourselves("mem0tray.window.serve"), str(paths.window), language.name],
        cwd=paths.window, env=programs.child_environment(),
    )  # fmt: skip
    # Or the tray would keep what is left of each that has ended.
    threading.Thread(target=process.wait, name="mem0tray-window", daemon=True).start()
    end = time.monotonic() + _READY
    while time.monotonic() < end:
        if (paths.window / endpoint.FILE).exists() and (found := endpoint.find(paths.window)):
            return found
        if process.poll() not in (None, endpoint.EXIT_ALREADY_RUNNING):
            break
        time.sleep(_LOOK)
    raise Mem0TrayError(
        Reason("The window could not be served on this computer."),
        Reason("`mem0tray status` shows how things stand, and `mem0tray recall` what there is."),
    )


def _way_in(named: Endpoint) -> str:
    """Ask for an address under that server by which a browser is let in once."""
    import http.client  # it brings 3 MB

    connection = http.client.HTTPConnection(endpoint.HOST, named.port, timeout=_READY)
    try:
        connection.request("POST", TICKET, headers={"Authorization": f"Bearer {named.token}"})
        return str(json.loads(connection.getresponse().read(_LONGEST))["way"])
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise Mem0TrayError(
            Reason("The window does not answer."), Reason("Try again in a minute.")
        ) from error
    finally:
        connection.close()


# The browser ------------------------------------------------------------------------------


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
        if words and shutil.which(words[0]):
            yield [word.replace("%s", page) for word in words]


def _opens(command: list[str]) -> bool:
    """Start it apart from us. True if it goes on: it then waits for its browser to be closed."""
    try:
        process = programs.started(command)
        return process.wait(_PATIENCE) == 0
    except OSError:
        return False
    except subprocess.TimeoutExpired:
        threading.Thread(target=process.wait, name="browser", daemon=True).start()
        return True
