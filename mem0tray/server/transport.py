"""The HTTP exchange: one keep-alive connection, one request at a time, everything bounded.

It stands on httpcore's connections, without the pool and the client around
them: there is one connection and one thread, and neither redirects nor cookies
nor decoding are wanted. This is the product's hot loop.
"""

import functools
import json
import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Protocol
from urllib.parse import unquote_to_bytes, urlsplit

import httpcore

from mem0tray.config.destination import Destination
from mem0tray.server.dial import UnreachableError
from mem0tray.server.model import Fault, Proof, Reply
from mem0tray.server.network import (
    MAX_ANSWER,
    Backend,
    DeadlineError,
    Link,
    TooLongError,
)
from mem0tray.system import plain

__all__ = ["MAX_ANSWER", "Transport"]

# Below the five seconds after which uvicorn hangs up: a request that crosses
# the server's goodbye has an unknown outcome.
KEEPALIVE_SECONDS = 4.0

Headers = list[tuple[bytes, bytes]]


class Body(Protocol):
    """A body in pieces; its length is that of all of them."""

    def __len__(self) -> int:
        """Its bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """Its pieces."""


class Transport:
    """Exchanges with one destination, for one thread; only `abort` may come from another.

    With `proof`, a connection whose other end cannot answer `/health?challenge=`
    with it gets nothing else: no token, no memory.
    """

    def __init__(self, destination: Destination, proof: Proof | None = None) -> None:
        self._destination = destination
        self._proof = proof
        self._link = Link()
        self._connection: httpcore.ConnectionInterface | None = None
        self._host = (b"Host", destination.host.encode("ascii"))
        self._urls: dict[bytes, httpcore.URL] = {}

    def exchange(
        self,
        method: bytes,
        path: bytes,
        headers: Headers,
        body: bytes | Body | None,
        timeout: float,
        *,
        continues: bool = False,
    ) -> Reply:
        """Send one request and read its answer, all within `timeout` seconds.

        `path` follows the destination's prefix. `continues`: this request
        belongs to the same call as the one before, and an `abort` that came
        between them holds. Never raises for trouble of network or server.
        """
        link = self._link
        started = monotonic()
        link.begin(started + timeout)
        if not continues:
            link.allow()
        sent_headers = [self._host, *headers]
        if body is not None:
            sent_headers.append((b"Content-Length", b"%d" % len(body)))
        reply = Reply(None, [], b"", 0.0)
        try:
            self._run(reply, method, path, sent_headers, body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker goes on
            self.close()
            self._explain(reply, error)
        reply.duration = monotonic() - started
        return reply

    def abort(self) -> None:
        """Make an exchange that is in progress in another thread return promptly."""
        self._link.abort()

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _run(
        self,
        reply: Reply,
        method: bytes,
        path: bytes,
        headers: Headers,
        body: bytes | Body | None,
    ) -> None:
        """Carry the exchange through, filling `reply` as far as it comes."""
        # An `abort` has shut down what was open, and lets nothing new be opened.
        connection = self._connection
        if connection is None or not connection.is_available() or connection.has_expired():
            self.close()
            connection = self._connection = self._connect()
            if self._proof is not None:
                self._have_proved(connection, self._proof)
        request = httpcore.Request(method, self._url(path), headers=headers, content=body or b"")
        response = connection.handle_request(request)
        reply.status = response.status
        reply.headers = response.headers
        reply.body = b"".join(response.iter_stream())
        response.close()
        if not self._is_clean(reply):
            self.close()

    def _have_proved(self, connection: httpcore.ConnectionInterface, proof: Proof) -> None:
        """Ask who is there; raises UnreachableError when it cannot prove it."""
        link = self._link
        challenge = secrets.token_hex(16)
        url = self._url(b"/health?challenge=" + challenge.encode("ascii"))
        try:
            response = connection.handle_request(
                httpcore.Request(b"GET", url, headers=[self._host])
            )
            found = json.loads(b"".join(response.iter_stream()))["proof"]
            response.close()
            proved = secrets.compare_digest(found, proof(challenge))
        except Exception:  # noqa: BLE001 - whatever came instead is no proof
            proved = False
        link.begin(link.deadline)  # nothing of the request itself has gone out
        if not proved:
            raise UnreachableError("another program has taken the server's place")

    def _explain(self, reply: Reply, error: Exception) -> None:
        """Put into `reply` how the exchange broke off."""
        link = self._link
        if isinstance(error, TooLongError):
            reply.fault = Fault.TOO_LONG
        elif not link.sent:
            reply.fault = Fault.UNREACHABLE
            reply.detail = _detail(error, stopped=link.cut)
        elif isinstance(error, DeadlineError):
            reply.fault = Fault.TIMED_OUT
        elif isinstance(error, httpcore.RemoteProtocolError) and not link.ended:
            reply.fault = Fault.NOT_HTTP
        else:
            reply.fault = Fault.LOST

    def _is_clean(self, reply: Reply) -> bool:
        """Whether nothing but this answer came in.

        What comes behind an answer would be taken for the answer to the next
        request: a delivery that never was. Whatever cannot be accounted for
        ends the connection.
        """
        raw = self._link.raw
        data = raw[0] if len(raw) == 1 else b"".join(raw)
        end = data.find(b"\r\n\r\n")
        if reply.header(b"transfer-encoding"):
            tail = b"\r\n0\r\n\r\n"
            return data.endswith(tail) and data.count(tail, end) == 1
        return end >= 0 and len(data) - end - 4 == len(reply.body)

    def _url(self, path: bytes) -> httpcore.URL:
        """The request's address; those of fixed paths are kept, there are few."""
        url = self._urls.get(path)
        if url is None:
            destination = self._destination
            url = httpcore.URL(
                scheme=destination.scheme.encode("ascii"),
                host=destination.hostname.encode("ascii"),
                port=destination.port,
                target=destination.prefix.encode("ascii") + path,
            )
            if len(self._urls) > 8:  # noqa: PLR2004
                self._urls.clear()
            self._urls[path] = url
        return url

    def _connect(self) -> httpcore.ConnectionInterface:
        """A connection yet to be opened by its first request, through a proxy if there is one."""
        destination = self._destination
        secure = destination.scheme == "https"
        context = _context(destination) if secure else None
        origin = self._url(b"/").origin
        backend = Backend(
            self._link,
            secure=secure,
            loopback_name=destination.hostname if destination.is_loopback else "",
        )
        proxy = _proxy_for(destination)
        if proxy:
            address, auth = _parsed_proxy(proxy)
            return httpcore.HTTPProxy(
                address,
                proxy_auth=auth,
                ssl_context=context,
                keepalive_expiry=KEEPALIVE_SECONDS,
                network_backend=backend,
            ).create_connection(origin)
        return httpcore.HTTPConnection(
            origin,
            ssl_context=context,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=backend,
        )


def _detail(error: Exception, *, stopped: bool) -> str:
    """Why nothing was sent, in a few words of ours or the system's."""
    if stopped:
        return "stopped"
    if isinstance(error, UnreachableError):
        return str(error)
    if isinstance(error, DeadlineError):
        return "no connection in time"
    if isinstance(error, httpcore.ProxyError):
        return f"the proxy answered {error}"
    if isinstance(error, httpcore.NetworkError | httpcore.RemoteProtocolError):
        return "the connection was lost before anything was sent"
    return f"the request cannot be made ({type(error).__name__})"


def _proxy_for(destination: Destination) -> str | None:
    """The proxy that the environment or the system names for `destination`."""
    # httpcore cannot name an IPv6 address to a proxy.
    if destination.is_loopback or ":" in destination.hostname:
        return None
    # Slow to import, and not needed for a server on this computer.
    from urllib.request import getproxies, proxy_bypass

    if proxy_bypass(f"{destination.hostname}:{destination.port}"):
        return None
    proxies = getproxies()
    return proxies.get(destination.scheme) or proxies.get("all")


def _parsed_proxy(proxy: str) -> tuple[str, tuple[bytes, bytes] | None]:
    """A proxy's address for httpcore, and what it wants to know; raises UnreachableError."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        hostname, port = parts.hostname, parts.port or 80
    except ValueError:
        hostname, port, parts = None, 80, urlsplit("")
    if parts.scheme != "http" or not hostname or not hostname.isascii() or ":" in hostname:
        raise UnreachableError("the proxy of this computer's settings is not an http:// proxy")
    auth = None
    if parts.username is not None:
        auth = (unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or ""))
    return f"http://{hostname}:{port}", auth


def _context(destination: Destination) -> ssl.SSLContext:
    """How to check the server's certificate; shared, since it takes long to make."""
    if not destination.ca_file:
        return _public_context()
    try:
        found = plain.look(Path(destination.ca_file))
        return _private_context(destination.ca_file, found.st_mtime_ns if found else 0)
    except (OSError, ValueError) as error:
        raise UnreachableError("the file of server.ca_file cannot be read") from error


@functools.lru_cache(maxsize=4)
def _private_context(ca_file: str, changed: int) -> ssl.SSLContext:  # noqa: ARG001
    """One authority and no other; `changed` makes a renewed file be read again."""
    return ssl.create_default_context(cafile=ca_file)


@functools.lru_cache(maxsize=1)
def _public_context() -> ssl.SSLContext:
    """The system's authorities, where a company's own are, or those of SSL_CERT_FILE."""
    context = ssl.create_default_context()
    if not any(context.cert_store_stats().values()):
        # Python's own builds for macOS find none; and a folder of authorities
        # is not counted before it is used.
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    return context
