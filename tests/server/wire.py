"""A server that a test scripts byte by byte."""

import contextlib
import http.client
import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from tests.support import http1

PATIENCE = 20.0  # seconds; a bound, never a delay


@dataclass(frozen=True)
class Request:
    """One request as it came in; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """The server's end of one connection."""

    def __init__(self, server: "Wire", sock: socket.socket) -> None:
        self.server, self.socket = server, sock
        self._stream = sock.makefile("rb")

    def request(self) -> Request | None:
        """Read the next request and note it down; None when the client has hung up."""
        with contextlib.suppress(OSError):
            if first := self._stream.readline().decode("latin-1"):
                fields = http.client.parse_headers(self._stream)
                headers = {name.lower(): value for name, value in fields.items()}
                length = int(headers.get("content-length", "0"))
                body = self._stream.read(length)
                if len(body) == length:
                    method, target, _ = first.split(" ")
                    self.server.requests.append(Request(method, target, headers, body))
                    self.server.asked.set()
                    return self.server.requests[-1]
        return None

    def send(self, data: bytes) -> bool:
        """Send; False when the client has hung up."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def drip(self, data: bytes, pause: float = 0.02) -> None:
        """Send `data` byte by byte, again and again, until the client hangs up."""
        while not self.server.closing.wait(pause):
            for byte in data:
                if not self.send(bytes([byte])) or self.server.closing.wait(pause):
                    return

    def hang(self) -> None:
        with contextlib.suppress(OSError):
            while self._stream.read1():
                pass

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def encrypt(self, context: ssl.SSLContext) -> None:
        self._stream.close()
        secure = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.server.sockets.append(secure)
        self.socket, self._stream = secure, secure.makefile("rb")
        secure.do_handshake()

    def close(self) -> None:
        self._stream.close()
        self.socket.close()


Handler = Callable[[Connection], None]


class Wire(socketserver.ThreadingTCPServer):
    """Runs `handler` in a thread for every connection; `requests` is what came in.

    `connections` counts them; `asked` is set by each request, `finished` when a handler is done.
    """

    request_queue_size = 100

    def __init__(self, handler: Handler) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.requests: list[Request] = []
        self.connections = 0
        self.sockets: list[socket.socket] = []
        self.asked, self.finished = threading.Event(), threading.Event()
        self.closing = threading.Event()
        self.port: int = self.socket.getsockname()[1]
        self._handler = handler

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self.server_close()  # waits for the handlers

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        self.sockets.append(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, _: Any) -> None:
        connection = Connection(self, request)
        try:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                self._handler(connection)
        finally:
            connection.close()
            self.finished.set()


def render(status: int = 200, body: object = None, **headers: str) -> bytes:
    """The bytes of an answer; `headers` with `_` for `-`; `body` as JSON unless it is bytes."""
    return http1.render(status, body, {n.replace("_", "-"): v for n, v in headers.items()})


DELIVERED = render(body={"success": True})


def answering(*answers: bytes) -> Handler:
    """Answer one request of a connection after the other; the last answer again and again."""

    def handle(connection: Connection) -> None:
        waiting = list(answers)
        while connection.request() is not None:
            if not connection.send(waiting.pop(0) if len(waiting) > 1 else waiting[0]):
                return

    return handle


def routing(routes: dict[str, bytes]) -> Handler:
    """Answer by the beginning of `METHOD /path`; 404 where nothing fits."""

    def handle(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            line = f"{request.method} {request.target}"
            found = [answer for start, answer in routes.items() if line.startswith(start)]
            if not connection.send(found[0] if found else render(404, {"detail": "Not Found"})):
                return

    return handle


def once(answer: bytes) -> Handler:
    def handle(connection: Connection) -> None:
        connection.request()
        connection.send(answer)

    return handle
