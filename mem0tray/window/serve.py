"""The process that serves the window while a page of it is open, and a minute longer."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from mem0tray.core.language import Language
from mem0tray.localserver import endpoint, serve
from mem0tray.window.routes import Window

_LEFT: Final = 60.0  # seconds without a page after which it ends
_LOOK: Final = 5.0


def end_when_left(window: Window, stop: Callable[[], None]) -> None:
    """Call `stop` when no page has been open for a minute."""
    while window.unwatched() < _LEFT:
        time.sleep(_LOOK)
    stop()


def main() -> int:
    """Serve: FOLDER LANGUAGE; return the exit code."""
    folder, code = sys.argv[1:]

    def make(own: endpoint.Endpoint, stop: Callable[[], None]) -> ASGIApp:
        window = Window(own, Language(code))
        threading.Thread(
            target=end_when_left, args=(window, stop), name="mem0tray-unwatched", daemon=True
        ).start()
        return window.app

    return serve.exit_code(lambda: serve.host(Path(folder), 0, make))


if __name__ == "__main__":
    sys.exit(main())
