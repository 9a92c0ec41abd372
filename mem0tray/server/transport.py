"""The HTTP exchange: one keep-alive connection, one request at a time, everything bounded.

It stands on httpcore, the engine of httpx, without a client around it: this is the product's hot
loop. The time-outs of httpx are per read, and a slow drip evades them; nothing in it ends a call
from another thread, or says if any of a request went out. So the engine gets our network backend.
"""

import contextlib
import functools
import json
import queue
import secrets
import socket
import ssl
import sys
import threading
from collections.abc import Sequence
from math import ceil, inf
from time import monotonic
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line
from mem0tray.server.model import (
    HELD_BY_ANOTHER,
    MAX_ANSWER,
    NO_TLS,
    UNRESOLVED,
    Fault,
    Proof,
    Reply,
)
from mem0tray.server.remedy import untrusted
from mem0tray.system import threads

# Uvicorn hangs up after five idle seconds: a request that crosses that has an unknown outcome.
_IDLE_SECONDS: Final = 4.0
_BREAK: Final = b"\r\n\r\n"  # between head and body
_CONNECT_SECONDS: Final = 15.0
_HERE_SECONDS: Final = 1.0  # to connect to this computer: only a stuck server takes longer
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
_STEPS: Final = 20  # to a second: the grain of a wait
_PACKET: Final = 1 << 20  # bytes of a request that are sent together
# Seconds after which a wait looks whether it was cut, which does not end every wait on Windows.
_LOOK: Final = 0.2 if sys.platform == "win32" else inf
_Connected = httpcore.NetworkStream | BaseException


class Transport(httpcore.NetworkBackend, httpcore.NetworkStream):
    """Exchanges with one server, for one thread; only `abort` may come from another.

    With `proof`, a connection whose other end does not answer `/health?challenge=` as the proof
    says gets nothing else: no token, no memory. `sent`: something of the request has gone out.
    `raw`: all bytes received since then. `hung_up`: the other side has. `cut`: another thread has
    ended the request; its connection is over.
    """

    def __init__(self, address: ServerAddress, proof: Proof | None = None) -> None:
        self._there = address
        self._proof = proof
        self._wire: httpcore.ConnectionInterface | None = None
        self._lock = threading.Lock()
        self._open = contextlib.ExitStack()  # what `close` closes
        self._end = self._open.close  # what `abort` calls; there is nothing to cut yet
        self._is_over = False

    def exchange(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]],
        body: bytes | None, timeout: float, longest: int = MAX_ANSWER,
    ) -> Reply:  # fmt: skip
        """Send one request and read its answer, all within `timeout` seconds.

        `path` follows the address's prefix. `longest` is how many bytes the answer may have, head
        included. Never raises for trouble of network or server.
        """
        started = monotonic()
        self._deadline, self._longest = started + timeout, longest
        self._waiting, self.raw = bytearray(), bytearray()
        self.sent = self.hung_up = self.cut = False
        reply = Reply(None, httpx.Headers(), b"", 0.0, asked=(self._there.url, path))
        try:
            host, url = _address("".join(reply.asked))
            given = [(b"Host", host), *headers]
            if body is not None:
                given.append((b"Content-Length", b"%d" % len(body)))
            self._run(httpcore.Request(method, url, headers=given, content=body), reply)
        except Exception as error:  # noqa: BLE001 - whatever fails, the worker goes on
            self.close()
            reply.fault = self._fault(error)
            if reply.fault is Fault.UNREACHABLE:
                reply.detail = Reason("stopped") if self.cut else why(error)
            if reply.fault is Fault.TOO_LONG and reply.status is not None:
                reply.body = bytes(self.raw).partition(_BREAK)[2]
        reply.duration = monotonic() - started
        return reply

    def abort(self) -> None:
        """Make an exchange that is in progress in another thread return promptly."""
        with self._lock, contextlib.suppress(OSError):  # the other side may have hung up already
            self.cut = self._is_over = True
            self._end()

    def close(self) -> None:
        """Close the connection, never while another thread shuts it down."""
        self._wire = None  # authorities and proxy may have changed by then
        with self._lock:
            self._open.close()

    def _run(self, request: httpcore.Request, reply: Reply) -> None:
        if not self._wire or self._wire.has_expired() or not self._wire.is_available():
            self.close()
            # A connection of its own: through the pool each request takes a tenth longer.
            self._wire = httpcore.ConnectionPool(
                ssl_context=authorities(self._there),
                proxy=proxy(self._there),
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=self,
            ).create_connection(request.url.origin)
        response = self._wire.handle_request(request)
        reply.status, reply.headers = response.status, httpx.Headers(response.headers)
        reply.body = response.read()
        response.close()
        # Bytes behind an answer would be taken for the answer to the next request: a delivery that
        # never was. Whatever cannot be accounted for ends the connection.
        _, end, rest = self.raw.partition(_BREAK)
        chunked = "transfer-encoding" in reply.headers
        whole = (end + rest).split(b"\r\n0\r\n\r\n")[1:] == [b""] if chunked else rest == reply.body
        if not (end and whole):
            self.close()

    def _fault(self, error: BaseException) -> Fault:
        if len(self.raw) > self._longest:
            return Fault.TOO_LONG
        if not self.sent:
            return Fault.UNREACHABLE
        if isinstance(error, TimeoutError):
            return Fault.TIMED_OUT
        is_garbage = isinstance(error, httpcore.RemoteProtocolError) and not self.hung_up
        return Fault.NOT_HTTP if is_garbage else Fault.LOST

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> "Transport":
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
    ) -> "Transport":
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
        if len(self.raw) > self._longest:
            raise httpcore.ReadError
        return data

    def get_extra_info(self, info: str) -> Any:
        """Say what httpcore asks for: whether an idle connection was hung up, or cut by us."""
        return (info == "is_readable" and self._is_over) or self._below.get_extra_info(info)

    def _remaining(self) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _limit_wait(self) -> None:
        left = min(ceil(self._remaining() * _STEPS) / _STEPS, _LOOK)
        if left != self._sock.gettimeout():
            self._sock.settimeout(left)

    def _connected(self, host: str, port: int, seconds: float) -> _Connected:
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


@functools.lru_cache(maxsize=8)  # a fixed path is parsed once
def _address(url: str) -> tuple[bytes, httpcore.URL]:
    """Return the header `Host` and the address as the engine takes it."""
    found = httpx.URL(url)
    scheme, host, port, target = found.raw_scheme, found.raw_host, found.port, found.raw_path
    return found.netloc, httpcore.URL(scheme=scheme, host=host, port=port, target=target)


def authorities(there: ServerAddress) -> ssl.SSLContext:
    """Load the authorities that vouch for the server: those of `ca_file`, else the public ones.

    Raises Mem0TrayError when the file cannot be read.
    """
    if there.plain_http:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # no TLS, so no authorities
    if not there.ca_file:
        return _public_authorities()
    try:
        return ssl.create_default_context(cafile=there.ca_file)
    except (OSError, ValueError) as error:
        raise Mem0TrayError(Reason("the file of server.ca_file cannot be read")) from error


@functools.lru_cache(maxsize=1)
def _public_authorities() -> ssl.SSLContext:
    """Load the authorities of httpx or SSL_CERT_FILE, and the system's; it is slow."""
    context = httpx.create_ssl_context()
    context.load_default_certs()  # which may hold a company's own
    return context


def proxy(there: ServerAddress) -> httpcore.Proxy | None:
    """Find the proxy that the environment or the system names; this computer needs none.

    It is found as Python finds it: httpx looks for one only in its client, and does not know the
    exceptions in the settings of Windows and macOS. Raises Mem0TrayError for a proxy that
    cannot be used: it is not bypassed.
    """
    # httpcore cannot name an IPv6 address to a proxy.
    if there.is_loopback or ":" in there.hostname:
        return None
    found = getproxies()
    address = found.get(there.scheme) or found.get("all")
    if not address or proxy_bypass(f"{there.hostname}:{there.port}"):
        return None
    with contextlib.suppress(httpx.InvalidURL, ValueError):
        named = httpx.Proxy(address if "://" in address else f"http://{address}")
        if named.url.scheme == "http" and named.url.host:
            _, url = _address(str(named.url))
            return httpcore.Proxy(url, named.raw_auth)
    raise Mem0TrayError(Reason("the proxy of this computer's settings is not an http:// proxy"))


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
