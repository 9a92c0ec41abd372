"""The lock of whoever shows the icon; its text names the session that the icon is in."""

import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.core.errors import LockTimeoutError
from mem0tray.desktop import session
from mem0tray.files import lock
from mem0tray.files.lock import FileLock, is_locked
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

_MOMENT: Final = 5.0  # seconds in which the lock of a tray that has ended is free
_PATIENCE: Final = 30.0  # seconds for the end of a tray, which waits for what it is sending
_ANSWER: Final = 1.0  # seconds for the display to take a connection
_CREDENTIALS: Final = struct.Struct("3i")  # of the other side of a socket: pid, uid, gid


class IconLock(FileLock):
    """The lock from the start of a tray to the end of its worker."""

    def __init__(self, paths: Paths) -> None:
        super().__init__(paths.tray_lock)
        # Without the lock a later start takes us for a terminal's; on a full disk it has no text.
        with suppress(LockTimeoutError, OSError):
            self.acquire(_MOMENT)
            os.ftruncate(self.fd, os.write(self.fd, current_session(os.environ).encode()))

    def clear(self) -> None:
        """Take the session's name out: from now on every start waits for our end."""
        if self.fd >= 0:
            os.ftruncate(self.fd, 0)


def take_over(paths: Paths, environ: Mapping[str, str]) -> bool:
    """End the tray of another session (Linux), and wait until it has; return whether it was there.

    Raises LockTimeoutError if it does not end.
    """
    here, pid = current_session(environ), lock.holder(paths.instance_lock).pid
    if not (here and pid and is_locked(paths.tray_lock) and session.is_desktop(environ)):
        return False
    if regular_file.read_bytes(paths.tray_lock).decode("utf-8", "replace") == here:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    with FileLock(paths.instance_lock).held(_PATIENCE):
        return True


def current_session(environ: Mapping[str, str]) -> str:
    """Name the session that we are in by its bus and its display (Linux); empty elsewhere."""
    if not sys.platform.startswith("linux"):
        return ""
    display = display_process(environ) or environ.get("DISPLAY", "")
    return f"{session.bus_address(environ)} {display}"


def display_process(environ: Mapping[str, str]) -> int | None:
    """Find the process of the display server; None if it is on another computer, or in a container.

    It is the one that made the socket: with Wayland the compositor, or what starts it.
    """
    for name in _sockets(environ):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as server:
            server.settimeout(_ANSWER)
            server.connect(name)
            found = server.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            return int(_CREDENTIALS.unpack(found)[0]) or None
    return None


def _sockets(environ: Mapping[str, str]) -> Iterator[str]:
    if name := environ.get("WAYLAND_DISPLAY"):
        yield os.fspath(Path(environ.get("XDG_RUNTIME_DIR", ""), name))
    host, _, number = environ.get("DISPLAY", "").partition(":")
    if not host and number:
        path = f"/tmp/.X11-unix/X{number.partition('.')[0]}"  # noqa: S108  (X has it there)
        yield from (f"\0{path}", path)
