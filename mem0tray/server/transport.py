"""The HTTP exchange: one keep-alive connection, one request at a time, everything bounded.

It stands on `httpx.HTTPTransport`, without a client around it: one server and one
thread want neither redirects nor cookies nor decoding. This is the product's hot loop.
"""

import contextlib
import functools
import ssl
from collections.abc import Sequence
from time import monotonic
from typing import Final, cast
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.server.model import MAX_ANSWER, Fault, Proof, Reply
from mem0tray.server.network import Network, why

# Uvicorn hangs up after five idle seconds: a request that crosses that has an unknown outcome.
_LIMITS: Final = httpx.Limits(keepalive_expiry=4.0)
_url: Final = functools.lru_cache(maxsize=8)(httpx.URL)  # a fixed path is parsed once
_BREAK: Final = b"\r\n\r\n"  # between head and body


class Transport:
    """Exchanges with one server, for one thread; only `abort` may come from another.

    With `proof`, a connection whose other end does not answer `/health?challenge=` as the proof
    says gets nothing else: no token, no memory.
    """

    def __init__(self, address: ServerAddress, proof: Proof | None = None) -> None:
        self._there = address
        self._network = Network(address, proof)
        self._wire: httpcore.ConnectionInterface | None = None

    def exchange(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]],
        body: bytes | None, timeout: float, longest: int = MAX_ANSWER,
    ) -> Reply:  # fmt: skip
        """Send one request and read its answer, all within `timeout` seconds.

        `path` follows the address's prefix. `longest` is how many bytes the answer may have, head
        included. Never raises for trouble of network or server.
        """
        started = monotonic()
        self._network.begin(started + timeout, longest)
        reply = Reply(None, httpx.Headers(), b"", 0.0, asked=(self._there.url, path))
        try:
            url = _url("".join(reply.asked))
            # All headers at once: httpx would look for missing ones, and copy them all twice.
            given = [(b"Host", url.netloc), *headers]
            stream = None if body is None else httpx.ByteStream(body)
            if body is not None:
                given.append((b"Content-Length", b"%d" % len(body)))
            self._run(httpx.Request(method, url, headers=given, stream=stream), reply)
        except Exception as error:  # noqa: BLE001 - whatever fails, the worker goes on
            self.close()
            # What httpx's engine raised is the cause of what httpx raises.
            cause = (isinstance(error, httpx.TransportError) and error.__cause__) or error
            reply.fault = self._fault(cause)
            if reply.fault is Fault.UNREACHABLE:
                reply.detail = Reason("stopped") if self._network.cut else why(cause)
            if reply.fault is Fault.TOO_LONG and reply.status is not None:
                reply.body = bytes(self._network.raw).partition(_BREAK)[2]
        reply.duration = monotonic() - started
        return reply

    def abort(self) -> None:
        """Make an exchange that is in progress in another thread return promptly."""
        self._network.abort()

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        self._wire = None  # authorities and proxy may have changed by then
        self._network.close()

    def _run(self, request: httpx.Request, reply: Reply) -> None:
        """Carry the exchange through, filling `reply` as far as it comes."""
        if not self._wire or self._wire.has_expired() or not self._wire.is_available():
            self.close()
            self._http = httpx.HTTPTransport(
                verify=authorities(self._there), limits=_LIMITS, proxy=proxy(self._there)
            )
            # The seams are httpcore's own. For one connection its pool costs a tenth of a request.
            pool, origin = self._http._pool, httpcore.URL(str(request.url)).origin  # noqa: SLF001
            pool._network_backend = self._network  # noqa: SLF001
            self._http._pool = self._wire = pool.create_connection(origin)  # type: ignore[assignment]  # noqa: SLF001
        response = self._http.handle_request(request)
        reply.status, reply.headers = response.status_code, response.headers
        # The raw stream: the response would count its bytes, and chunk them again.
        stream = cast("httpx.SyncByteStream", response.stream)
        reply.body = b"".join(stream)
        stream.close()
        # Bytes behind an answer would be taken for the answer to the next request: a delivery that
        # never was. Whatever cannot be accounted for ends the connection.
        _, end, rest = self._network.raw.partition(_BREAK)
        chunked = "transfer-encoding" in reply.headers
        whole = (end + rest).split(b"\r\n0\r\n\r\n")[1:] == [b""] if chunked else rest == reply.body
        if not (end and whole):
            self.close()

    def _fault(self, error: BaseException) -> Fault:
        if self._network.is_too_long:
            return Fault.TOO_LONG
        if not self._network.sent:
            return Fault.UNREACHABLE
        if isinstance(error, TimeoutError):
            return Fault.TIMED_OUT
        is_garbage = isinstance(error, httpcore.RemoteProtocolError) and not self._network.hung_up
        return Fault.NOT_HTTP if is_garbage else Fault.LOST


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


def proxy(there: ServerAddress) -> httpx.Proxy | None:
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
            return named
    raise Mem0TrayError(Reason("the proxy of this computer's settings is not an http:// proxy"))
