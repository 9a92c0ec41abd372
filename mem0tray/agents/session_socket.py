"""The socket at which the worker's process tells a session that begins what it should know.

That process imported long ago what takes a hook most of its time, the HTTP client above all. Where
nobody answers, the hook finds out by itself, as on Windows, whose Python has no such sockets.
"""

import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

import msgspec

from mem0tray.config.settings import Settings
from mem0tray.core.errors import Mem0TrayError, NoThreadError
from mem0tray.system import threads

_LATE: Final = 0.1  # seconds after a question's end: the answer says that the server is slow
_ASKED_WITHIN: Final = 1.0  # seconds for a question to arrive
_LONGEST: Final = 10_000  # characters of a question
_REST: Final = 1.0  # seconds, where no descriptor or thread is left for a connection
_Current = Callable[[], Settings]


def ask(settings: Settings, project: str, until: float) -> str:
    """Return what a session in this project should know; empty where nobody answers in time.

    `until`: the moment (monotonic) until which the server may answer.
    """
    left = until - time.monotonic()
    # AttributeError: on Windows. ValueError: of a project that is no Unicode, as a folder may be.
    with suppress(AttributeError, OSError, ValueError), socket.socket(socket.AF_UNIX) as there:
        there.settimeout(left + _LATE)
        there.connect(str(settings.locations().sessions))
        there.sendall(f"{_mark(settings)} {left} {project}".encode())
        there.shutdown(socket.SHUT_WR)
        return there.makefile(encoding="utf-8", newline="").read()
    return ""


def _mark(settings: Settings) -> str:
    """Return by what both sides see that they mean one server: a variable may name another."""
    return str(zlib.crc32(msgspec.json.encode((settings.server, settings.paths))))


@contextmanager
def answering(settings: _Current) -> Iterator[None]:
    """Answer meanwhile, for the folder served now, by the settings in force; the file stays.

    Hooks of a former form are renewed first.
    """
    is_over = threading.Event()
    with ExitStack() as stack:
        with suppress(NoThreadError):
            _start(_renew)
        # The name may be too long for a socket.
        with suppress(AttributeError, OSError, Mem0TrayError), ExitStack() as made:
            its = made.enter_context(socket.socket(socket.AF_UNIX))
            path = settings().locations().sessions
            path.unlink(missing_ok=True)
            its.bind(str(path))
            path.chmod(0o600)  # before it listens
            its.listen()
            made.enter_context(suppress(OSError))
            made.callback(its.shutdown, socket.SHUT_RDWR)  # ends `accept`
            _start(_listen, its, settings, is_over)
            stack.enter_context(made.pop_all())
        stack.callback(is_over.set)
        yield


def _renew() -> None:
    from mem0tray.agents import connecting  # slow to import

    for _ in connecting.renew():
        pass


def _listen(its: socket.socket, settings: _Current, is_over: threading.Event) -> None:
    while not is_over.is_set():
        with suppress(OSError, NoThreadError):
            _start(_answer, its.accept()[0], settings)
            continue
        is_over.wait(_REST)


def _answer(there: socket.socket, current: _Current) -> None:
    from mem0tray.agents import for_models  # slow to import, and not everybody has an agent

    with there, suppress(OSError, ValueError, Mem0TrayError):
        there.settimeout(_ASKED_WITHIN)
        asked = there.makefile(encoding="utf-8", newline="").read(_LONGEST)
        mark, seconds, project = asked.split(" ", 2)
        until, settings = time.monotonic() + float(seconds), current()
        if mark == _mark(settings):
            there.sendall(for_models.session_start(settings, project, until).encode())


def _start(work: Callable[..., None], *its: Any) -> None:
    thread = threading.Thread(target=work, args=its, name="mem0tray-sessions", daemon=True)
    threads.start(thread)
