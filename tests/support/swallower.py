"""A plain HTTP server for memories of any size: it keeps their hashes, and none of their text."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_CHUNK = 1 << 20


class Swallower:
    """Answers `fails` saves with 500, and every further one with success.

    `hashes` are the SHA-256 of the bodies that it has answered with success.
    """

    def __init__(self, fails: int = 0) -> None:
        self.hashes: list[str] = []
        self.fails = fails
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(owner: Swallower) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Be healthy by name, and know of no listing."""
            self._answer(200 if self.path == "/health" else 404, b'{"service": "mem0tray"}')

        def do_POST(self) -> None:
            """Take a memory."""
            left = int(self.headers["Content-Length"])
            digest = hashlib.sha256()
            while left and (data := self.rfile.read(min(left, _CHUNK))):
                digest.update(data)
                left -= len(data)
            if self.path != "/memory":
                self._answer(404, b"{}")
            elif owner.fails:
                owner.fails -= 1
                self._answer(500, b'{"detail": "scripted 500"}')
            else:
                owner.hashes.append(digest.hexdigest())
                self._answer(200, b'{"success": true}')

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
