"""Sockets with one deadline for all that a call does, which another thread can cut.

httpcore's own time-outs are per read, and a slow drip evades them. Its network
backend is a public seam; ours takes every wait from one deadline, counts what
comes in, and knows whether anything of the request has gone out. So neither a
watchdog thread nor a trace callback is needed, and the fast path pays for one
look at the clock per read.
"""

# ruff: noqa: ARG002 - httpcore hands over time-outs and options that we do without

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore

from mem0tray.server.dial import Dialling, UnreachableError, dial, is_here, reason_of

_LARGE = 1 << 20  # bytes of a request that are not copied once more, to leave in one packet
MAX_ANSWER = 1_000_000  # bytes, head included
CONNECT_SECONDS = 15.0
# A name that can mean nothing but this computer is not asked of any resolver.
_LOOPBACK = ("127.0.0.1", "::1")


class DeadlineError(Exception):
    """The call's time is up."""


class TooLongError(Exception):
    """The answer is longer than `MAX_ANSWER`."""


class Link:
    """The state of one client's connection during a call.

    `sent`: something of the request has gone out. `ended`: the other side hung
    up, or we were cut. `raw`: what came in for this request, as it came.
    """

    def __init__(self) -> None:
        self.deadline = 0.0
        self.sent = False
        self.ended = False
        self.raw: list[bytes] = []
        self.room = MAX_ANSWER
        self.cut = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._dialling: Dialling | None = None

    def begin(self, deadline: float) -> None:
        """Get ready for a request that must be over at `deadline` (monotonic seconds)."""
        self.deadline = deadline
        self.sent = self.ended = False
        self.raw = []
        self.room = MAX_ANSWER

    def allow(self) -> None:
        """Forget an earlier `abort`: a new call begins."""
        self.cut = False

    def remaining(self) -> float:
        """Seconds until the deadline; raises DeadlineError when there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise DeadlineError
        return left

    def abort(self) -> None:
        """Cut the call that is in progress, from another thread."""
        with self._lock:
            self.cut = True
            if self._dialling is not None:
                self._dialling.give_up()
            if self._socket is not None:
                # The plain socket's method: ssl's own would first drop the
                # encryption, and a write in the other thread would go out bare.
                with contextlib.suppress(OSError):  # it may have hung up already
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def dialling(self, attempt: "Dialling | None") -> None:
        """What is being waited for instead of a socket."""
        with self._lock:
            self._dialling = attempt
            if self.cut and attempt is not None:
                attempt.give_up()

    def holds(self, sock: socket.socket) -> None:
        """The socket that an `abort` shuts down; raises UnreachableError if it has come already."""
        with self._lock:
            if self.cut:
                raise UnreachableError("stopped")
            self._socket = sock

    def release(self, sock: socket.socket) -> None:
        """Close `sock`; never while another thread shuts it down."""
        with self._lock:
            if self._socket is sock:
                self._socket = None
            sock.close()


class Stream(httpcore.NetworkStream):
    """One socket under httpcore.

    `carries_request` is false while a proxy is only asked for a tunnel: what
    is lost then has never reached the server.
    """

    def __init__(self, link: Link, sock: socket.socket, *, carries_request: bool) -> None:
        self._link = link
        self._socket = sock
        self._carries_request = carries_request
        self._waiting: list[bytes] = []
        self._size = 0  # of them together

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Keep `buffer` until the answer is read, so that head and body leave in one packet.

        Of what is large no more than a piece is ever in memory.
        """
        self._waiting.append(buffer)
        self._size += len(buffer)
        if self._size >= _LARGE:
            self._flush()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what waits, then wait for bytes, at most until the deadline."""
        link = self._link
        if self._waiting:
            self._flush()
        self._socket.settimeout(link.remaining())
        try:
            data = self._socket.recv(max_bytes)
        except TimeoutError:
            raise DeadlineError from None
        except OSError as error:
            link.ended = True
            raise httpcore.ReadError(reason_of(error)) from error
        link.room -= len(data)
        if link.room < 0:
            raise TooLongError
        if data:
            link.raw.append(data)
        else:
            link.ended = True
        return data

    def _flush(self) -> None:
        waiting, size, self._waiting, self._size = self._waiting, self._size, [], 0
        if size < _LARGE:
            waiting = [b"".join(waiting)]
        for each in waiting:
            if not self._send(each):
                return

    def _send(self, buffer: bytes | memoryview) -> bool:
        """Send all of it; False when the other side takes no more."""
        link = self._link
        while buffer:
            self._socket.settimeout(link.remaining())
            try:
                count = self._socket.send(buffer)
            except TimeoutError:
                raise DeadlineError from None
            except OSError:
                # A server that refuses early answers and hangs up; its answer
                # may still be read.
                return False
            if self._carries_request:
                link.sent = True
            buffer = memoryview(buffer)[count:]
        return True

    def close(self) -> None:
        """Close the socket."""
        self._link.release(self._socket)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> "Stream":
        """Encrypt; raises UnreachableError when the other side cannot be trusted."""
        link = self._link
        sock: socket.socket = self._socket
        try:
            seconds = min(CONNECT_SECONDS, link.remaining())
            # The handshake comes second, so that `abort` knows the new socket.
            secure = ssl_context.wrap_socket(
                sock, server_hostname=server_hostname, do_handshake_on_connect=False
            )
            self._socket = sock = secure
            link.holds(secure)
            secure.settimeout(seconds)
            secure.do_handshake()
        except (OSError, ValueError, DeadlineError, UnreachableError) as error:
            link.release(sock)
            if isinstance(error, DeadlineError | UnreachableError):
                raise
            raise UnreachableError(_tls_reason(error)) from error
        link.raw.clear()  # what a proxy said is no part of the answer
        return Stream(link, secure, carries_request=True)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks for: whether an idle connection has been hung up."""
        if info == "is_readable":
            return _is_readable(self._socket)
        if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket):
            return self._socket
        return None


class Backend(httpcore.NetworkBackend):
    """Makes the connections of one client. `secure`: requests go out only once encrypted."""

    def __init__(self, link: Link, *, secure: bool, loopback_name: str = "") -> None:
        self._link = link
        self._secure = secure
        self._loopback_name = loopback_name

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Stream:
        """Connect until the deadline, and no longer than `CONNECT_SECONDS`."""
        link = self._link
        named = host == self._loopback_name and not is_here(host)
        hosts = _LOOPBACK if named else (host,)
        seconds = min(CONNECT_SECONDS, link.remaining())
        try:
            if all(map(is_here, hosts)):
                sock = dial(hosts, port, seconds, link.holds, link.release)
            else:
                sock = self._dialled(hosts, port, seconds)
        except OSError as error:
            raise UnreachableError("stopped" if link.cut else reason_of(error)) from error
        try:
            link.holds(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, UnreachableError) as error:
            link.release(sock)
            raise UnreachableError("stopped" if link.cut else reason_of(error)) from error
        return Stream(link, sock, carries_request=not self._secure)

    def _dialled(self, hosts: tuple[str, ...], port: int, seconds: float) -> socket.socket:
        attempt = Dialling(hosts, port, seconds)
        self._link.dialling(attempt)
        try:
            attempt.start()
            return attempt.wait()
        finally:
            self._link.dialling(None)


def _is_readable(sock: socket.socket) -> bool:
    """Whether a read would return at once; true too for a socket that is closed."""
    if sock.fileno() < 0:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _tls_reason(error: BaseException) -> str:
    """Why TLS failed, in a few words."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate cannot be trusted: {error.verify_message}"
        case ssl.SSLError(reason=str(reason)) if reason:
            return f"TLS failed: {reason.replace('_', ' ').lower()}"
        case TimeoutError():
            return "TLS failed: no answer in time"
    return "TLS failed: the connection was lost"
