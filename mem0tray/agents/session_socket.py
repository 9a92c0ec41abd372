"""The socket at which the worker's process tells a session that begins what it should know.

That process imported long ago what takes a hook most of its time, the HTTP client above all. Where
nobody answers, the hook finds out by itself, as on Windows, whose Python has no such sockets.
"""

import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self

import msgspec

from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError, NoThreadError
from mem0tray.system import threads

_LATE: Final = 0.1  # seconds after a question's end: the answer says that the server is slow
_ASKED_WITHIN: Final = 1.0  # seconds for a question to arrive
_LONGEST: Final = 10_000  # characters of a question
_REST: Final = 1.0  # seconds, where no descriptor is left for a connection


def ask(settings: Settings, project: str, until: float) -> str:
    """Return what a session in this project should know; empty where nobody answers in time.

    `until`: the moment (monotonic) until which the server may answer.
    """
    if sys.platform == "win32":
        return ""
    left = until - time.monotonic()
    # ValueError: of a project that is no Unicode, as the name of a folder may be.
    with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as there:
        there.settimeout(left + _LATE)
        there.connect(str(settings.locations().sessions))
        there.sendall(f"{_mark(settings)} {left} {project}".encode())
        there.shutdown(socket.SHUT_WR)
        return there.makefile(encoding="utf-8", newline="").read()
    return ""


def _mark(settings: Settings) -> str:
    """Return by what both sides see that they mean one server: a variable may name another."""
    return str(zlib.crc32(msgspec.json.encode((settings.server, settings.paths))))


class SessionSocket:
    """Answers within its `with`, for the folder that is served then, by the settings in force.

    Its file stays, as one does after a kill: nobody listens there.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        if sys.platform != "win32":
            self._socket = socket.socket(socket.AF_UNIX)
            path = self._settings().locations().sessions
            try:
                path.unlink(missing_ok=True)
                self._socket.bind(str(path))  # whose name may be too long
                self._socket.listen()
                _start(self._listen, self._socket)
            except (OSError, Mem0TrayError):
                self._socket.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        if sys.platform != "win32":
            with self._socket, suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # which ends `accept`

    def _listen(self, its: socket.socket) -> None:
        while not self._is_over.is_set():
            try:
                there, _ = its.accept()
            except OSError:
                self._is_over.wait(_REST)
                continue
            try:
                _start(self._answer, there)
            except NoThreadError:
                there.close()

    def _answer(self, there: socket.socket) -> None:
        from mem0tray.agents import for_models  # slow to import, and not everybody has an agent

        with there, suppress(OSError, ValueError, Mem0TrayError):
            there.settimeout(_ASKED_WITHIN)
            asked = there.makefile(encoding="utf-8", newline="").read(_LONGEST)
            mark, seconds, project = asked.split(" ", 2)
            until, settings = time.monotonic() + float(seconds), self._settings()
            if mark == _mark(settings):
                there.sendall(for_models.session_start(settings, project, until).encode())


def _start(work: Callable[[socket.socket], None], its: socket.socket) -> None:
    thread = threading.Thread(target=work, args=(its,), name="mem0tray-sessions", daemon=True)
    threads.start(thread)
