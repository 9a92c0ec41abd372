"""The window: a page in the browser, served on this computer by a process of its own."""

import json
import subprocess
import sys
import time
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
from mem0tray.window import browser

TICKET: Final = "/ticket"
_READY: Final = 15.0  # seconds for a new process to answer
_LOOK: Final = 0.02
_LONGEST: Final = 1000  # bytes of its answer
_DOOR: Final = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={address}"><title>mem0tray</title></head>
<body><p><a href="{address}">mem0tray</a></p></body></html>
"""


def show(settings: Settings, language: Language, *, waits: bool = True) -> bool:
    """Open the window in a browser; the process that serves it is started if none runs.

    The browser is led there by a file that only this user can read, as a command line shows its
    words to all. Return whether a browser could be opened. Raises Mem0TrayError.
    """
    paths = settings.locations()
    door = browser.usual_place(paths)
    private_folders.make_private_folder(door.parent)
    named = endpoint.find(paths.window) or _started(paths, language)
    text = _DOOR.format(address=named.url + _way_in(named))
    atomic.replace(door, text.encode(), durable=False)
    return browser.open_page(door, waits=waits)


def _started(paths: Paths, language: Language) -> Endpoint:
    private_folders.make_own_folder(paths.window)
    command = [sys.executable, "-P", "-m", "mem0tray.window.serve"]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603  (ourselves, with no text of others)
        [*command, str(paths.window), language.name],
        stdin=nothing, stdout=nothing, stderr=nothing, cwd=paths.window,
        env=programs.child_environment(), **programs.detached(),
    )  # fmt: skip
    end = time.monotonic() + _READY
    while time.monotonic() < end:
        if (paths.window / endpoint.FILE).exists() and (found := endpoint.find(paths.window)):
            return found
        if process.poll() not in (None, endpoint.EXIT_ALREADY_RUNNING):
            break
        time.sleep(_LOOK)
    raise Mem0TrayError(
        Reason("The window could not be served on this computer."),
        Reason("`mem0tray status` shows how things stand, and `mem0tray list` what waits."),
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
