"""Connections to a server of ours: nobody else's, and none that says nothing for long."""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOCAL, _REMOTE, _UID = 1, 2, 7  # columns of these
_ROOT: Final = 0
_FIRST_SECONDS: Final = 10.0  # for the head of a connection's first request
_MOST_SILENT: Final = 128  # connections that have sent no request yet


class OwnConnection(H11Protocol):
    """A connection of this user's; the oldest silent one goes if there are too many."""

    _silent: Final[dict["OwnConnection", None]] = {}  # of the process, the oldest first
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or cut that of another user."""
        super().connection_made(transport)
        if self.client is not None and self.server is not None and _is_foreign(self):
            transport.abort()
            return
        if len(self._silent) >= _MOST_SILENT:
            next(iter(self._silent)).transport.abort()
        self._silent[self] = None
        self._limit = self.loop.call_later(_FIRST_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        super().data_received(data)
        if self.cycle is not None:
            self._heard()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._heard()
        super().connection_lost(exc)

    def _heard(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
            self._silent.pop(self, None)


def _is_foreign(connection: OwnConnection) -> bool:
    """Return whether another user holds the other end, but for root (Linux)."""
    ends: Any = (connection.client, connection.server)
    return owner(*ends) not in (None, os.geteuid(), _ROOT) if sys.platform == "linux" else False


def owner(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the user id of the client's end of a connection over IPv4; None if it is unknown."""
    there, here = map(_as_shown, (client, server))
    for table in _TABLES:
        with suppress(OSError):
            for line in table.read_text("ascii").splitlines():
                words = line.split()
                if words[_LOCAL].endswith(there) and words[_REMOTE].endswith(here):
                    return int(words[_UID])
    return None


def _as_shown(end: tuple[str, int]) -> str:
    """Write an end as the kernel's tables do, that of IPv6 after the mark of IPv4."""
    number = int.from_bytes(socket.inet_aton(end[0]), sys.byteorder)
    return f"{number:08X}:{end[1]:04X}"


def allow_many() -> None:
    """Let this process have as many connections as the system allows."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # macOS names more than it gives
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
