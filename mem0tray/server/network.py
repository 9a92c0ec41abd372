"""The network below httpx: one deadline for all of a call, a bound on its answer, a cut.

The time-outs of httpx are per read, and a slow drip evades them; nothing in it ends a call
from another thread, or says whether any of a request went out. httpcore, the engine below
it, takes a network backend: this one uses httpcore's own code to connect and encrypt.
"""

import contextlib
import json
import queue
import secrets
import socket
import ssl
import sys
import threading
from math import ceil, inf
from time import monotonic
from typing import Any, Final

import httpcore

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.server.model import HELD_BY_ANOTHER, MAX_ANSWER, NO_TLS, UNRESOLVED, Proof
from mem0tray.server.remedy import untrusted
from mem0tray.system import threads

_CONNECT_SECONDS: Final = 15.0
_HERE_SECONDS: Final = 1.0  # to connect to this computer: only a stuck server takes longer
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
_STEPS: Final = 20  # to a second: the grain of a wait
_PACKET: Final = 1 << 20  # bytes of a request that are sent together
# Seconds after which a wait looks whether it was cut, which does not end every wait on Windows.
_LOOK: Final = 0.2 if sys.platform == "win32" else inf
_Connected = httpcore.NetworkStream | BaseException


class Network(httpcore.NetworkBackend, httpcore.NetworkStream):
    """One client's way to its server: its one connection, and the request under way.

    `sent`: something of the request has gone out. `raw`: all bytes received since then. `hung_up`:
    the other side has. `cut`: another thread has ended the request; its connection is over.
    """

    def __init__(self, there: ServerAddress, proof: Proof | None) -> None:
        self._there = there
        self._proof = proof
        self._lock = threading.Lock()
        self._open = contextlib.ExitStack()  # what `close` closes
        self._end = self._open.close  # what `abort` calls; there is nothing to cut yet
        self._is_over = False
        self.begin(0.0)

    def begin(self, deadline: float, longest: int = MAX_ANSWER) -> None:
        """Get ready for a request that must be over at `deadline` (monotonic seconds)."""
        self._deadline = deadline
        self._longest = longest
        self._waiting, self.raw = bytearray(), bytearray()
        self.sent = self.hung_up = self.cut = False

    def abort(self) -> None:
        """Cut the request that is in progress, from another thread."""
        with self._lock, contextlib.suppress(OSError):  # the other side may have hung up already
            self.cut = self._is_over = True
            self._end()

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> "Network":
        """Connect; elsewhere in a thread of its own, as nobody can cut a resolver short."""
        here = self._there.is_loopback
        seconds = min(_HERE_SECONDS if here else _CONNECT_SECONDS, self._remaining())
        ends: queue.SimpleQueue[_Connected] = queue.SimpleQueue()
        self._end = lambda: ends.put(TimeoutError())

        def connect() -> None:
            ends.put(self._connected(host, port, seconds / 2))

        if here:
            connect()
        else:
            threads.start(threading.Thread(target=connect, name="mem0tray-connect", daemon=True))
        end = ends.get(timeout=seconds)  # `close` closes what comes later
        if isinstance(end, BaseException):
            raise end
        self._take(end)
        self._is_over = False
        # TLS takes the socket away, and would drop the encryption before a write in the other
        # thread: the connection is cut by a second descriptor of it.
        handle = self._open.enter_context(self._sock.dup())
        self._end = lambda: handle.shutdown(socket.SHUT_RDWR)
        if self._proof is not None:
            self._prove(self._proof)
        return self

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **__: Any
    ) -> "Network":
        """Encrypt; what a proxy was asked before, for a tunnel, is not the request."""
        seconds = min(_CONNECT_SECONDS, self._remaining())
        try:
            self._take(self._below.start_tls(ssl_context, server_hostname, seconds))
        except Exception as error:
            reason = why(error.__cause__ or error)
            raise Mem0TrayError(Reason("TLS failed: {why}", why=reason)) from error
        return self

    def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
        """Send a request once its end has come, an empty `buffer`: head and body in one packet."""
        self._waiting += buffer
        if buffer and len(self._waiting) < _PACKET:
            return
        rest = memoryview(self._waiting)
        self._waiting, self.raw = bytearray(), bytearray()
        while rest:
            self._limit_wait()
            try:
                rest = rest[self._sock.send(rest) :]
            except TimeoutError:
                if self.cut:
                    raise httpcore.WriteError from None
            except OSError as error:  # a server that refuses early: httpcore reads its answer
                raise httpcore.WriteError from error
            self.sent = self._there.plain_http or isinstance(self._sock, ssl.SSLSocket)

    def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        """Wait for bytes, at most until the deadline."""
        while True:
            self._limit_wait()
            try:
                data = self._sock.recv(max_bytes)
                break
            except TimeoutError:
                if self.cut:
                    raise httpcore.ReadError from None
        self.raw += data
        self.hung_up = not data
        if self.is_too_long:
            raise httpcore.ReadError
        return data

    @property
    def is_too_long(self) -> bool:
        """Whether more has come in than the answer may have."""
        return len(self.raw) > self._longest

    def close(self) -> None:
        """Close the connection; never while another thread shuts it down."""
        with self._lock:
            self._open.close()

    def get_extra_info(self, info: str) -> Any:
        """Say what httpcore asks for: whether an idle connection was hung up, or cut by us."""
        return (info == "is_readable" and self._is_over) or self._below.get_extra_info(info)

    def _remaining(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _limit_wait(self) -> None:
        """Make the socket wait until the deadline, rounded up: setting it is a call of its own."""
        left = min(ceil(self._remaining() * _STEPS) / _STEPS, _LOOK)
        if left != self._sock.gettimeout():
            self._sock.settimeout(left)

    def _connected(self, host: str, port: int, seconds: float) -> _Connected:
        """Connect to server or proxy, each address for `seconds`; or return the first error."""
        errors = []
        for name in self._there.addresses if self._there.is_loopback else (host,):
            try:
                found = httpcore.SyncBackend().connect_tcp(name, port, seconds)
                return self._open.enter_context(contextlib.closing(found))
            except Exception as error:  # noqa: BLE001 - the thread that waits raises it
                errors.append(error.__cause__ or error)
        return errors[0]

    def _take(self, below: httpcore.NetworkStream) -> None:
        self._below = self._open.enter_context(contextlib.closing(below))
        self._sock: socket.socket = below.get_extra_info("socket")

    def _prove(self, proof: Proof) -> None:
        """Ask who is there; Mem0TrayError for a wrong answer."""
        challenge = secrets.token_hex(16)
        url = httpcore.URL(f"{self._there.url}/health?challenge={challenge}")
        try:
            answer = httpcore.HTTP11Connection(url.origin, self).request("GET", url)
            proved = secrets.compare_digest(json.loads(answer.content)["proof"], proof(challenge))
        except Exception:  # noqa: BLE001 - whatever came instead is no proof
            proved = False
        self.sent, self.raw = False, bytearray()  # of the request itself
        if not proved:
            raise Mem0TrayError(HELD_BY_ANOTHER)


def why(error: BaseException) -> Reason:  # noqa: PLR0911 - a sentence for each
    """Say what the error that ended an exchange means, of which nothing had been sent."""
    match error:
        case Mem0TrayError(reason=reason):
            return reason
        case socket.gaierror() | UnicodeError():  # also of a name that cannot be one
            return UNRESOLVED
        case ConnectionRefusedError():
            return Reason("connection refused")
        case TimeoutError() | queue.Empty():
            return Reason("no connection in time")
        case ConnectionResetError() | ssl.SSLEOFError() | httpcore.RemoteProtocolError():
            return Reason("the connection was lost before anything was sent")
        case httpcore.ProxyError():
            return Reason("the proxy answered {answer}", answer=one_line(str(error)))
        case ssl.SSLCertVerificationError(verify_code=code, verify_message=message):
            return untrusted(code, message)
        case ssl.SSLError(reason=str(words)) if words:
            return NO_TLS if words in _NOT_TLS else reasons.quoted(words.replace("_", " ").lower())
        case OSError():
            return reasons.of_system(error)
        case _:
            return Reason("the request cannot be made ({why})", why=type(error).__name__)
