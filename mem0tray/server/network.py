"""The network below httpx: one deadline for all of a call, a bound on its answer, a cut.

The time-outs of httpx are per read, and a slow drip evades them; nothing in it ends a call
from another thread, or says whether any of a request went out. httpcore, the engine below
it, takes a network backend: this one has httpcore's own connect and encrypt.
"""

# ruff: noqa: ARG002 - httpcore hands over time-outs and options that we do without

import contextlib
import errno
import functools
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from time import monotonic
from typing import Any, Final

import httpcore

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line

MAX_ANSWER: Final = 1_000_000  # bytes, head included
_CONNECT_SECONDS: Final = 15.0
_HERE_SECONDS: Final = 1.0  # to this computer, where only a server that is stuck lets it take long
_PACKET: Final = 1 << 20  # bytes of a request that are kept to leave together
_BELOW: Final = httpcore.SyncBackend()
_NO_WAY: Final = {
    errno.EHOSTUNREACH: Reason("no route to host"),
    errno.ENETUNREACH: Reason("network is unreachable"),
}


class UnreachableError(httpcore.ConnectError):
    """No connection could be made; `reason` says why, in a few words."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class TooLongError(Exception):
    """The answer is longer than `MAX_ANSWER`."""


class Network(httpcore.NetworkBackend):
    """One client's way to its server: the request under way, and its connections.

    `sent`: something of the request has gone out. `ended`: the other side hung up, or we
    were cut. `cut`: another thread has ended the call. `raw`: what came in for the request,
    as it came. `prove` is called with each new connection before anything else goes over it.
    """

    def __init__(self, there: ServerAddress, prove: Callable[["Stream"], None]) -> None:
        self._there = there
        self._prove = prove
        self._lock = threading.Lock()
        self._end: Callable[[], object] = lambda: None
        self.cut = False
        self.begin(0.0)

    def begin(self, deadline: float) -> None:
        """Get ready for a request that must be over at `deadline` (monotonic seconds)."""
        self.deadline = deadline
        self.sent = self.ended = False
        self.raw: list[bytes] = []
        self.room = MAX_ANSWER

    def remaining(self) -> float:
        """Seconds until the deadline; raises httpcore.ReadTimeout when there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left

    def abort(self) -> None:
        """Cut the call that is in progress, from another thread."""
        with self._lock:
            self.cut = True
            self._end()

    def cut_with(self, end: Callable[[], object]) -> None:
        """Have an `abort` call `end` from now on; at once, where one has come already."""
        with self._lock:
            self._end = end
            if self.cut:
                end()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,
        local_address: str | None = None, socket_options: object = None,
    ) -> "Stream":  # fmt: skip
        """Connect; elsewhere in a thread of its own, as nobody can cut a resolver short.

        Raises UnreachableError.
        """
        here = self._there.is_loopback
        hosts = self._there.addresses if host == self._there.hostname else (host,)
        seconds = min(_HERE_SECONDS if here else _CONNECT_SECONDS, self.remaining())
        attempt: Future[httpcore.NetworkStream] = Future()
        self.cut_with(attempt.cancel)
        work = functools.partial(_connect, attempt, hosts, port, seconds)
        if here:
            work()
        else:
            threading.Thread(target=work, name="mem0tray-connect", daemon=True).start()
        try:
            with contextlib.suppress(TimeoutError):
                attempt.exception(seconds)  # waits
            attempt.cancel()  # where it is not done by now
            below = attempt.result()
        except CancelledError:
            raise UnreachableError(_reason(TimeoutError())) from None
        except Exception as error:
            raise UnreachableError(_reason(error)) from error
        handle = below.get_extra_info("socket").dup()
        stream = Stream(self, below, handle, carries_request=self._there.plain_http)
        self._prove(stream)
        return stream


class Stream(httpcore.NetworkStream):
    """One connection.

    `handle` is a second descriptor of it, by which it is cut: TLS takes the first one away,
    and would drop the encryption before a write in the other thread. `carries_request` is
    false while a proxy is only asked for a tunnel: what is lost then has reached no server.
    """

    def __init__(
        self, network: Network, below: httpcore.NetworkStream, handle: socket.socket, *,
        carries_request: bool,
    ) -> None:  # fmt: skip
        self._network = network
        self._below = below
        self._handle = handle
        self._carries_request = carries_request
        self._waiting = bytearray()
        network.cut_with(self._shut_down)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep `buffer` until the answer is read, so that head and body leave in one packet."""
        self._waiting += buffer
        if len(self._waiting) >= _PACKET:
            self._send()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what waits, then wait for bytes, at most until the deadline."""
        network = self._network
        self._send()
        data = self._below.read(max_bytes, network.remaining())
        network.ended = not data
        network.raw.append(data)
        network.room -= len(data)
        if network.room < 0:
            raise TooLongError
        return data

    def _send(self) -> None:
        """Send what waits, as far as the other side takes it.

        A server that refuses early answers and hangs up; its answer may still be read.
        """
        rest, self._waiting = memoryview(self._waiting), bytearray()
        sock: socket.socket = self._below.get_extra_info("socket")
        while rest:
            sock.settimeout(self._network.remaining())
            try:
                rest = rest[sock.send(rest) :]
            except TimeoutError:
                raise httpcore.WriteTimeout from None
            except OSError:
                return
            self._network.sent = self._network.sent or self._carries_request

    def _shut_down(self) -> None:
        with contextlib.suppress(OSError):  # it may have hung up already
            self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; never while another thread shuts it down."""
        self._network.cut_with(lambda: None)
        self._handle.close()
        self._below.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "Stream":  # fmt: skip
        """Encrypt; raises UnreachableError when the other side cannot be trusted."""
        try:
            seconds = min(_CONNECT_SECONDS, self._network.remaining())
            secure = self._below.start_tls(ssl_context, server_hostname, seconds)
        except Exception as error:
            self.close()
            raise UnreachableError(_tls_reason(error)) from error
        self._network.raw.clear()  # what a proxy said is no part of the answer
        return Stream(self._network, secure, self._handle, carries_request=True)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks for: whether an idle connection has been hung up.

        Just after an answer that costs a call of the system for nothing: it is asked again
        before the next request.
        """
        if info == "is_readable" and self._network.sent:
            return False
        return self._below.get_extra_info(info)


def _connect(
    attempt: "Future[httpcore.NetworkStream]", hosts: tuple[str, ...], port: int, seconds: float
) -> None:
    """Try each host; each of its addresses has half of the time. The first error counts."""
    first: Exception | None = None
    for host in hosts:
        try:
            found = _BELOW.connect_tcp(host, port, seconds / 2)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            first = first or error
            continue
        try:
            attempt.set_result(found)
        except InvalidStateError:  # nobody waits any more
            found.close()
        return
    with contextlib.suppress(InvalidStateError):
        attempt.set_exception(first)


def _reason(error: Exception) -> Reason:
    """Why a connection could not be made, in a few words."""
    match error.__cause__ or error:
        case socket.gaierror() | UnicodeError():  # also of a name that cannot be one
            return Reason("the name of the host cannot be resolved")
        case ConnectionRefusedError():
            return Reason("connection refused")
        case TimeoutError():
            return Reason("no connection in time")
        case ConnectionResetError():
            return Reason("the connection was reset")
        case OSError(errno=number, strerror=str(text)) if text:
            return _NO_WAY.get(number or 0) or reasons.quoted(text[:1].lower() + text[1:])
    return Reason("the connection failed")


def _tls_reason(error: Exception) -> Reason:
    match error.__cause__ or error:
        case ssl.SSLCertVerificationError(verify_message=message):
            return Reason("the certificate cannot be trusted: {why}", why=one_line(message))
        case ssl.SSLError(reason=str(reason)) if reason:
            return Reason("TLS failed: {why}", why=reason.replace("_", " ").lower())
        case TimeoutError() | httpcore.TimeoutException():
            return Reason("TLS failed: {why}", why=Reason("no answer in time"))
    return Reason("TLS failed: {why}", why=Reason("the connection was lost"))
