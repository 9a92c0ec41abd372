"""The network below httpx: one deadline for all of a call, a bound on its answer, a cut.

The time-outs of httpx are per read, and a slow drip evades them; nothing in it ends a call
from another thread, or says whether any of a request went out. httpcore, the engine below
it, takes a network backend: this one has httpcore's own connect and encrypt.
"""

# ruff: noqa: ARG002 - httpcore hands over time-outs that we do without

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent import futures
from time import monotonic
from typing import Any, Final

import httpcore

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.reasons import Reason
from mem0tray.server.unreachable import UnreachableError, why

MAX_ANSWER: Final = 1_000_000  # bytes, head included
_CONNECT_SECONDS: Final = 15.0
_HERE_SECONDS: Final = 1.0  # to this computer, where only a server that is stuck lets it take long
_PACKET: Final = 1 << 20  # bytes of a request that are kept to leave together
_BELOW: Final = httpcore.SyncBackend()
_Attempt = futures.Future[httpcore.NetworkStream]


class Network(httpcore.NetworkBackend, httpcore.NetworkStream):
    """One client's way to its server: its one connection, and the request under way.

    `sent`: something of the request has gone out. `cut`: another thread has ended the call.
    `raw`: what came in for the request, as it came; the last is empty where the other side
    hung up. `room`: bytes that may still come, below 0 for an answer that is too long.
    `prove` is called at each new connection before anything else goes over it.
    """

    def __init__(self, there: ServerAddress, prove: Callable[[], None]) -> None:
        self._there = there
        self._prove = prove
        self._lock = threading.Lock()
        self._end: Callable[[], object] = lambda: None
        self._open = contextlib.ExitStack()  # what `close` closes
        self.cut = False
        self.begin(0.0)

    def begin(self, deadline: float, *, continues: bool = True) -> None:
        """Get ready for a request that must be over at `deadline` (monotonic seconds).

        An `abort` that came before holds where it `continues` the same call.
        """
        self.deadline = deadline
        self.cut = self.cut and continues
        self.sent = False
        self.raw: list[bytes] = []
        self.room = MAX_ANSWER
        self._waiting = bytearray()

    def abort(self) -> None:
        """Cut the call that is in progress, from another thread."""
        with self._lock, contextlib.suppress(OSError):  # the other side may have hung up already
            self.cut = True
            self._end()

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> "Network":
        """Connect; elsewhere in a thread of its own, as nobody can cut a resolver short."""
        here = self._there.is_loopback
        hosts = self._there.addresses if host == self._there.hostname else (host,)
        seconds = min(_HERE_SECONDS if here else _CONNECT_SECONDS, self._remaining())
        attempt = _Attempt()
        self._cut_with(attempt.cancel)
        work = functools.partial(_connect, attempt, hosts, port, seconds)
        if here:
            work()
        else:
            threading.Thread(target=work, name="mem0tray-connect", daemon=True).start()
        with contextlib.suppress(TimeoutError, futures.CancelledError):
            attempt.exception(seconds)  # waits
        attempt.cancel()  # where it is not done by now
        self._take(attempt.result())
        # TLS takes the socket away, and would drop the encryption before a write in the other
        # thread: the connection is cut by a second descriptor of it.
        handle = self._open.enter_context(self._sock.dup())
        self._cut_with(functools.partial(handle.shutdown, socket.SHUT_RDWR))
        self._prove()
        return self

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **__: Any
    ) -> "Network":
        """Encrypt; what went to a proxy, for a tunnel, and came from it is not the request's."""
        seconds = min(_CONNECT_SECONDS, self._remaining())
        try:
            self._take(self._below.start_tls(ssl_context, server_hostname, seconds))
        except Exception as error:
            reason = why(error.__cause__ or error)
            raise UnreachableError(Reason("TLS failed: {why}", why=reason)) from error
        self.begin(self.deadline)
        return self

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep `buffer` until the answer is read, so that head and body leave in one packet."""
        self._waiting += buffer
        if len(self._waiting) >= _PACKET:
            self._send()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what waits, then wait for bytes, at most until the deadline."""
        self._send()
        self._sock.settimeout(self._remaining())
        data = self._sock.recv(max_bytes)
        self.raw.append(data)
        self.room -= len(data)
        if self.room < 0:
            raise httpcore.ReadError
        return data

    def close(self) -> None:
        """Close the connection; never while another thread shuts it down."""
        self._cut_with(lambda: None)
        self._open.close()

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks for: whether an idle connection has been hung up.

        Just after an answer that costs a call of the system for nothing: it is asked again
        before the next request.
        """
        if info == "is_readable" and self.sent:
            return False
        return self._below.get_extra_info(info)

    def _remaining(self) -> float:
        """Seconds until the deadline; raises TimeoutError when there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _cut_with(self, end: Callable[[], object]) -> None:
        """Have an `abort` call `end` from now on; at once, where one has come already."""
        with self._lock, contextlib.suppress(OSError):
            self._end = end
            if self.cut:
                end()

    def _take(self, below: httpcore.NetworkStream) -> None:
        self._open.callback(below.close)
        self._below = below
        self._sock: socket.socket = below.get_extra_info("socket")

    def _send(self) -> None:
        """Send what waits, as far as the other side takes it.

        A server that refuses early answers and hangs up; its answer may still be read. What
        a proxy is asked before it has made a tunnel is not the request.
        """
        rest, self._waiting = memoryview(self._waiting), bytearray()
        while rest:
            self._sock.settimeout(self._remaining())
            try:
                rest = rest[self._sock.send(rest) :]
            except TimeoutError:
                raise
            except OSError:
                return
            self.sent = self._there.plain_http or isinstance(self._sock, ssl.SSLSocket)


def _connect(attempt: _Attempt, hosts: tuple[str, ...], port: int, seconds: float) -> None:
    """Try each host; each of its addresses has half of the time. The first error counts."""
    errors = []
    for host in hosts:
        try:
            found = _BELOW.connect_tcp(host, port, seconds / 2)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            errors.append(error.__cause__ or error)
            continue
        try:
            attempt.set_result(found)
        except futures.InvalidStateError:  # nobody waits any more
            found.close()
        return
    with contextlib.suppress(futures.InvalidStateError):
        attempt.set_exception(errors[0])
