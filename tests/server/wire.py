"""A server that a test scripts byte by byte."""

import contextlib
import json
import socket
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
        self._buffer = b""

    def request(self) -> Request | None:
        """Read the next request and note it down; None when the client has hung up."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        while len(self._buffer) < length:
            if not self._more():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        method, target, _ = first.split(" ")
        request = Request(method, target, headers, body)
        self.server.note(request)
        return request

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
        while self._more():
            pass

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def encrypt(self, context: ssl.SSLContext) -> None:
        self.socket = self.server.replace(self.socket, context)

    def _more(self) -> bytes:
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        self._buffer += data
        return data


Handler = Callable[[Connection], None]


class Wire:
    """Runs `handler` in a thread for every connection; `requests` is what came in.

    `connections` counts them; `finished` is set whenever a handler is done.
    """

    def __init__(self, handler: Handler) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.closing = threading.Event()
        self.finished = threading.Event()
        self._handler = handler
        self._changed = threading.Condition()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def note(self, request: Request) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()

    def wait_for_requests(self, number: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= number, PATIENCE)

    def replace(self, sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        secure = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        with self._changed:
            self._sockets.append(secure)
        secure.do_handshake()
        return secure

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        socket.create_connection(("127.0.0.1", self.port)).close()  # wakes `accept` everywhere
        self._acceptor.join(PATIENCE)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.closing.is_set():
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            with self._changed:
                self._sockets.append(sock)
                self._threads.append(thread)
                self.connections += 1
                self._changed.notify_all()
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        connection = Connection(self, sock)
        try:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                self._handler(connection)
        finally:
            connection.socket.close()
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


def in_turn(*handlers: Handler) -> Handler:
    """Do the first for the first connection, the second for the second, and so on."""
    waiting = iter(handlers)

    def handle(connection: Connection) -> None:
        next(waiting)(connection)

    return handle


def once(answer: bytes) -> Handler:
    def handle(connection: Connection) -> None:
        connection.request()
        connection.send(answer)

    return handle
