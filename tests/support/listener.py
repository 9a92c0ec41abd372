"""A TCP server of the tests: an event loop in a thread of its own, opened and closed at will."""

import asyncio
import ssl
import threading
from typing import Self

from tests.support.processes import PATIENCE


class Listener:
    """Listens on one host, always on the same port; each connection is a `_talk`.

    `tls` may be turned at any moment; it holds for connections to come.
    """

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self._host, self._port = host, 0
        self._loop = asyncio.SelectorEventLoop()  # on Windows the usual one has no readers
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """Stop listening and cut every connection: further ones are refused."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(PATIENCE)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.netloc}"

    @property
    def netloc(self) -> str:
        return f"{self._host}:{self._port}"

    # Inside the loop ------------------------------------------------------------

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, self._host, self._port, limit=1 << 26, backlog=512
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server is not None:
            for sock in self._server.sockets:
                self._loop.remove_reader(sock.fileno())
            await asyncio.sleep(0)  # what was accepted just now still needs the server
            self._server.close()
            self._server = None
        this = asyncio.current_task()
        quiet = 0
        while (
            quiet < 3
        ):  # rounds of the loop: a connection just accepted gets its task a little later
            others = asyncio.all_tasks() - {this}
            # One that has not begun yet must: only then does it close its connection.
            for task in others & self._clients:
                task.cancel()
            await (asyncio.wait(others, timeout=0.01) if others else asyncio.sleep(0))
            quiet = 0 if others else quiet + 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if self.tls is not None:  # here, so that close() can end a handshake too
                await writer.start_tls(self.tls)
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client, or close(), has hung up
        finally:
            self._clients.discard(task)
            writer.transport.abort()
