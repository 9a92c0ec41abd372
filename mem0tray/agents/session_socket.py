"""The socket at which the worker's process tells a session that begins what it should know.

That process imported long ago what takes a hook most of its time, the HTTP client above all. Where
nobody answers, the hook finds out by itself, as on Windows, whose Python has no such sockets.
"""

import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.system import threads
from mem0tray.system.paths import Paths

_LATE: Final = 0.1  # seconds after a question's end: the answer says that the server is slow
_ASKED_WITHIN: Final = 1.0  # seconds for a question to arrive
_LONGEST: Final = 10_000  # characters of a question


def ask(paths: Paths, project: str, until: float) -> str:
    """Return what a session in this project should know; empty where nobody answers in time.

    `until`: the moment (monotonic) until which the server may answer.
    """
    if sys.platform == "win32":
        return ""
    left = until - time.monotonic()
    # ValueError: of a project that is no Unicode, as the name of a folder may be.
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as there:
        there.settimeout(left + _LATE)
        there.connect(str(paths.sessions))
        there.sendall(f"{left} {project}".encode())
        there.shutdown(socket.SHUT_WR)
        return there.makefile(encoding="utf-8", newline="").read()
    return ""


class SessionSocket:
    """Answers within its `with`, for the folder that is served then, by the settings in force."""

    def __init__(self, paths: Paths, settings: Callable[[], Settings]) -> None:
        self._path, self._settings = paths.sessions, settings

    def __enter__(self) -> Self:
        if sys.platform != "win32":
            self._socket = socket.socket(socket.AF_UNIX)
            # A worker that was killed has left its own; and the name may be too long for one.
            with suppress(OSError, Mem0TrayError):
                self._path.unlink(missing_ok=True)
                self._socket.bind(str(self._path))
                self._socket.listen()
                _start(self._listen, self._socket)
        return self

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32":
            with self._socket, suppress(OSError):
                self._path.unlink()
                self._socket.shutdown(socket.SHUT_RDWR)  # which ends `accept`

    def _listen(self, its: socket.socket) -> None:
        with its, suppress(OSError, Mem0TrayError):  # once it is closed, nobody waits in vain
            while True:
                _start(self._answer, its.accept()[0])

    def _answer(self, there: socket.socket) -> None:
        from mem0tray.agents import for_models  # slow to import, and not everybody has an agent

        with there, suppress(OSError, ValueError, Mem0TrayError):
            there.settimeout(_ASKED_WITHIN)
            asked = there.makefile(encoding="utf-8", newline="").read(_LONGEST)
            seconds, _, project = asked.partition(" ")
            until = time.monotonic() + float(seconds)
            there.sendall(for_models.session_start(self._settings(), project, until).encode())


def _start(work: Callable[[socket.socket], None], its: socket.socket) -> None:
    thread = threading.Thread(target=work, args=(its,), name="mem0tray-sessions", daemon=True)
    threads.start(thread)
