"""The HTTP exchange of a short command with the embedded server, by Python's own client.

Importing what `transport` needs takes longer than all the rest of such a command. The promises
are the same: one keep-alive connection, one deadline for a whole exchange, a bound on the answer,
and nothing for another program that has taken the server's place.
"""

import contextlib
import io
import json
import secrets
import socket
from collections.abc import Iterable, Sequence
from http.client import BadStatusLine, HTTPConnection, HTTPException, RemoteDisconnected
from time import monotonic
from typing import Any, Final

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.server.model import HELD_BY_ANOTHER, MAX_ANSWER, Fault, Proof, Reply

_CONNECT_SECONDS: Final = 1.0  # only a stuck server takes longer
_IDLE_SECONDS: Final = 4.0  # after that a server may be about to hang up


class Loopback:
    """Exchanges with one server of this computer, for one thread; only `abort` from another."""

    def __init__(self, address: ServerAddress, proof: Proof) -> None:
        self._there = address
        self._proof = proof
        self._wire: _Wire | None = None
        self._used = 0.0  # when the last exchange ended, in monotonic seconds

    def exchange(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]],
        body: bytes | Iterable[bytes] | None, timeout: float, longest: int = MAX_ANSWER,
    ) -> Reply:  # fmt: skip
        """Send one request and read its answer, as `Transport.exchange` does."""
        started = monotonic()
        reply = Reply(None, {}, b"", 0.0, asked=(self._there.url, path))
        if isinstance(body, bytes):
            headers = [*headers, (b"Content-Length", b"%d" % len(body))]
        try:
            wire = self._connected(started + timeout)
            wire.begin(started + timeout, longest)
            _ask(wire, reply, method, f"{self._there.prefix}{path}", headers, body)
            self._used = monotonic()
        except (OSError, HTTPException, ValueError, Mem0TrayError) as error:
            reply.fault, reply.detail = self._fault(error)
            self.close()
        reply.duration = monotonic() - started
        return reply

    def abort(self) -> None:
        """Make an exchange that is in progress in another thread return promptly."""
        wire = self._wire
        if wire is not None:
            wire.cut()

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _connected(self, end: float) -> "_Wire":
        """A connection whose other end has proved itself; raises Mem0TrayError if it has not."""
        is_fresh = monotonic() - self._used < _IDLE_SECONDS
        if self._wire is not None and is_fresh and self._wire.is_quiet():
            return self._wire
        self.close()
        left = min(_CONNECT_SECONDS, end - monotonic())
        if left <= 0:
            raise TimeoutError
        port = (self._there.hostname, self._there.port)
        wire = self._wire = _Wire(socket.create_connection(port, left))
        wire.begin(end, MAX_ANSWER)
        challenge = secrets.token_hex(16)
        reply = Reply(None, {}, b"", 0.0)
        path = f"{self._there.prefix}/health?challenge={challenge}"
        try:
            _ask(wire, reply, "GET", path, (), None)
            given = json.loads(reply.body)["proof"]
            proved = secrets.compare_digest(given, self._proof(challenge))
        except Exception:  # noqa: BLE001 - anything else is no proof
            proved = False
        wire.sent = False  # nothing of the request itself was sent
        if not proved:
            raise Mem0TrayError(HELD_BY_ANOTHER)
        return wire

    def _fault(self, error: Exception) -> tuple[Fault, Reason]:
        """How the exchange broke off, and why if nothing was sent."""
        wire = self._wire
        if wire is None or not wire.sent:
            return Fault.UNREACHABLE, _why(error)
        if wire.is_too_long:
            return Fault.TOO_LONG, reasons.NONE
        if isinstance(error, TimeoutError):
            return Fault.TIMED_OUT, reasons.NONE
        is_garbage = isinstance(error, BadStatusLine) and not isinstance(error, RemoteDisconnected)
        return (Fault.NOT_HTTP if is_garbage else Fault.LOST), reasons.NONE


class _Wire(HTTPConnection):
    """Python's client on a socket whose waits end at the deadline.

    `sent`: something of the request has gone out. `is_too_long`: more has come in than the
    answer may have.
    """

    auto_open = 0  # a new connection would have to prove itself

    def __init__(self, opened: socket.socket) -> None:
        host, port = opened.getpeername()[:2]
        super().__init__(host, port)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock: Any = self  # the client reads and writes through this class, which bounds both
        self._opened = opened
        self.sent = self.is_too_long = False

    def begin(self, deadline: float, longest: int) -> None:
        """Get ready for a request that must be over at `deadline` (monotonic seconds)."""
        self._deadline, self._left = deadline, longest
        self.sent = self.is_too_long = False

    def sendall(self, data: bytes) -> None:
        """Send, at most until the deadline."""
        self._limit_wait()
        self.sent = True
        self._opened.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        """The stream that an answer is read from."""
        return io.BufferedReader(_Answer(self))

    def read_into(self, buffer: Any) -> int:
        """Wait for bytes, at most until the deadline."""
        self._limit_wait()
        size = self._opened.recv_into(buffer)
        self._left -= size
        if self._left < 0:
            self.is_too_long = True
            raise ValueError
        return size

    def is_quiet(self) -> bool:
        """Whether the other side has neither hung up nor sent more than it was asked for."""
        self._opened.settimeout(0)
        try:
            self._opened.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def cut(self) -> None:
        """Interrupt a wait in progress, from another thread."""
        with contextlib.suppress(OSError):
            self._opened.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._opened.close()

    def _limit_wait(self) -> None:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        self._opened.settimeout(left)


class _Answer(io.RawIOBase):
    """An answer as it arrives; closing it leaves the connection open."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        """Whether the stream can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the bytes that have arrived."""
        return self._wire.read_into(buffer)


def _ask(
    wire: _Wire, reply: Reply, method: str, path: str, headers: Sequence[tuple[bytes, bytes]],
    body: bytes | Iterable[bytes] | None,
) -> None:  # fmt: skip
    """Carry one exchange through, filling `reply` as far as it comes."""
    wire.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers:
        wire.putheader(name, value)
    wire.endheaders(body)
    answer = wire.getresponse()
    reply.status = answer.status
    reply.headers = {name.lower(): value for name, value in answer.getheaders()}
    reply.body = answer.read()


def _why(error: Exception) -> Reason:
    from mem0tray.server.network import why  # slow to import, and rarely wanted

    return why(error)
