"""The HTTP exchange: one keep-alive connection, one request at a time, everything bounded.

It stands on `httpx.HTTPTransport`, without a client around it: one server and one
thread want neither redirects nor cookies nor decoding. This is the product's hot loop.
"""

import functools
import json
import secrets
from time import monotonic
from typing import Final

import httpcore
import httpx

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.reasons import Reason
from mem0tray.server.model import Fault, Proof, Reply
from mem0tray.server.network import Network
from mem0tray.server.tls_and_proxies import authorities, proxy
from mem0tray.server.unreachable import UnreachableError, why

# Idle connections end before the five seconds after which uvicorn hangs up: a request that
# crosses the server's goodbye has an unknown outcome.
_LIMITS: Final = httpx.Limits(keepalive_expiry=4.0)
_url: Final = functools.lru_cache(maxsize=8)(httpx.URL)  # those of fixed paths are made once
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class Transport:
    """Exchanges with one server, for one thread; only `abort` may come from another.

    With `proof`, a connection whose other end cannot answer `/health?challenge=`
    with it gets nothing else: no token, no memory.
    """

    def __init__(self, address: ServerAddress, proof: Proof | None = None) -> None:
        self._there = address
        self._proof = proof
        self._network = Network(address, self._have_proved)
        self._http: httpx.HTTPTransport | None = None

    def exchange(
        self, method: str, path: str, headers: httpx.Headers,
        body: bytes | httpx.SyncByteStream | None, timeout: float, *, continues: bool = False,
    ) -> Reply:  # fmt: skip
        """Send one request and read its answer, all within `timeout` seconds.

        `path` follows the address's prefix; the length of a stream stands in `headers`.
        `continues`: this request belongs to the same call as the one before, and an `abort`
        that came between them holds. Never raises for trouble of network or server.
        """
        started = monotonic()
        self._network.begin(started + timeout, continues=continues)
        reply = Reply(None, httpx.Headers(), b"", 0.0)
        try:
            url = _url(self._there.url + path)
            # Whole: httpx would look for what is missing, and copy all headers twice.
            given = [(b"Host", url.netloc), *headers.raw]
            if isinstance(body, bytes):
                given.append((b"Content-Length", b"%d" % len(body)))
                body = httpx.ByteStream(body)
            stream = body or httpx.ByteStream(b"")
            self._run(httpx.Request(method, url, headers=given, stream=stream), reply)
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker goes on
            self.close()
            reply.fault = self._fault(error)
            if reply.fault is Fault.UNREACHABLE:
                reply.detail = Reason("stopped") if self._network.cut else why(error)
        reply.duration = monotonic() - started
        return reply

    def abort(self) -> None:
        """Make an exchange that is in progress in another thread return promptly."""
        self._network.abort()

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        self._http = None  # authorities and proxy may be others by then
        self._network.close()

    def _run(self, request: httpx.Request, reply: Reply) -> None:
        """Carry the exchange through, filling `reply` as far as it comes."""
        if self._http is None:
            self._http = httpx.HTTPTransport(
                verify=authorities(self._there), limits=_LIMITS, proxy=proxy(self._there)
            )
            # The seam is httpcore's own; no argument of httpx reaches it.
            self._http._pool._network_backend = self._network  # noqa: SLF001
        response = self._http.handle_request(request)
        reply.status = response.status_code
        reply.headers = response.headers
        reply.body = b"".join(response.iter_raw())
        # What comes behind an answer would be taken for the answer to the next request: a
        # delivery that never was. Whatever cannot be accounted for ends the connection.
        _, ended, rest = b"".join(self._network.raw).partition(b"\r\n\r\n")
        if "transfer-encoding" in reply.headers:
            is_clean = (ended + rest).partition(_LAST_CHUNK)[1:] == (_LAST_CHUNK, b"")
        else:
            is_clean = bool(ended) and len(rest) == len(reply.body)
        if not is_clean:
            self.close()

    def _fault(self, error: Exception) -> Fault:
        """How the exchange broke off."""
        if self._network.room < 0:
            return Fault.TOO_LONG
        if not self._network.sent:
            return Fault.UNREACHABLE
        if isinstance(error, TimeoutError):
            return Fault.TIMED_OUT
        is_garbage = isinstance(error, httpx.RemoteProtocolError) and all(self._network.raw)
        return Fault.NOT_HTTP if is_garbage else Fault.LOST

    def _have_proved(self) -> None:
        """Ask who is there, where we can tell; UnreachableError for a wrong answer."""
        if self._proof is None:
            return
        challenge = secrets.token_hex(16)
        url = httpcore.URL(f"{self._there.url}/health?challenge={challenge}")
        request = httpcore.Request("GET", url, headers={"Host": self._there.host})
        try:
            response = httpcore.HTTP11Connection(url.origin, self._network).handle_request(request)
            found = json.loads(b"".join(response.iter_stream()))["proof"]
            proved = secrets.compare_digest(found, self._proof(challenge))
        except Exception:  # noqa: BLE001 - whatever came instead is no proof
            proved = False
        self._network.begin(self._network.deadline)  # nothing of the request itself has gone out
        if not proved:
            raise UnreachableError(Reason("another program has taken the server's place"))
