"""The HTTP exchange of a short command with the embedded server, on a plain socket.

Importing what `transport` needs takes longer than all the rest of such a command; `http.client`
imports TLS and the format of mails, and takes a tenth of it. The embedded server says the length
of each answer, and speaks no TLS. The promises are the same: one keep-alive connection, one
deadline for a whole exchange, a bound on the answer, and nothing for another program that has
taken the server's place.
"""

import contextlib
import hmac
import io
import json
import os
import socket
from collections.abc import Iterable, Sequence
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
        except (OSError, ValueError, Mem0TrayError) as error:
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
        wire = self._wire = _Wire(self._opened(left), self._there.host)
        wire.begin(end, MAX_ANSWER)
        challenge = os.urandom(16).hex()
        reply = Reply(None, {}, b"", 0.0)
        path = f"{self._there.prefix}/health?challenge={challenge}"
        try:
            _ask(wire, reply, "GET", path, (), None)
            given = json.loads(reply.body)["proof"]
            proved = hmac.compare_digest(given, self._proof(challenge))
        except Exception:  # noqa: BLE001 - anything else is no proof
            proved = False
        wire.sent = False  # nothing of the request itself was sent
        if not proved:
            raise Mem0TrayError(HELD_BY_ANOTHER)
        return wire

    def _opened(self, timeout: float) -> socket.socket:
        """A socket to the server, which is at an IPv4 address: no resolver is asked."""
        opened = socket.socket()
        opened.settimeout(timeout)
        try:
            opened.connect((self._there.hostname, self._there.port))
        except OSError:
            opened.close()
            raise
        return opened

    def _fault(self, error: Exception) -> tuple[Fault, Reason]:
        """How the exchange broke off, and why if nothing was sent."""
        wire = self._wire
        if wire is None or not wire.sent:
            return Fault.UNREACHABLE, _why(error)
        if wire.is_too_long:
            return Fault.TOO_LONG, reasons.NONE
        if isinstance(error, TimeoutError):
            return Fault.TIMED_OUT, reasons.NONE
        return (Fault.NOT_HTTP if isinstance(error, ValueError) else Fault.LOST), reasons.NONE


class _Wire:
    """A connection to `host` whose waits end at the deadline.

    `sent`: something of the request has gone out. `is_too_long`: more has come in than the
    answer may have.
    """

    def __init__(self, opened: socket.socket, host: str) -> None:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = host.encode("ascii")
        self._opened = opened
        self.sent = self.is_too_long = False

    def begin(self, deadline: float, longest: int) -> None:
        """Get ready for a request that must be over at `deadline` (monotonic seconds)."""
        self._deadline, self._left = deadline, longest
        self.sent = self.is_too_long = False

    def send(self, data: bytes) -> None:
        """Send, at most until the deadline."""
        self._limit_wait()
        self.sent = True
        self._opened.sendall(data)

    def answer(self) -> io.BufferedReader:
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
    """Carry one exchange through, filling `reply` as far as it comes.

    Raises OSError where the connection is lost, ValueError for what is not HTTP.
    """
    request = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (method.encode(), path.encode("ascii"), wire.host)
    request += b"".join(b"%b: %b\r\n" % header for header in headers)
    pieces = iter([body] if isinstance(body, bytes) else body or ())
    wire.send(b"%b\r\n%b" % (request, next(pieces, b"")))
    for piece in pieces:
        wire.send(piece)
    answer = wire.answer()
    version, status, *_ = _line(answer).split(None, 2)
    if not version.startswith(b"HTTP/1."):
        raise ValueError(version)
    found = {}
    while line := _line(answer):
        name, _, value = line.partition(b":")
        found[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    reply.status, reply.headers = int(status), found
    length = int(found["content-length"]) if "content-length" in found else -1  # to its end
    reply.body = answer.read(length)
    if len(reply.body) < length:
        raise ConnectionResetError


def _line(answer: io.BufferedReader) -> bytes:
    """A line of the head without its end. Raises ConnectionResetError where it has none."""
    line = answer.readline()
    if not line.endswith(b"\n"):
        raise ConnectionResetError
    return line.strip()


def _why(error: Exception) -> Reason:
    from mem0tray.server.network import why  # slow to import, and rarely wanted

    return why(error)
