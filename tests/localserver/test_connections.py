"""What a connection of the embedded server takes, told by its transport."""

import asyncio
from pathlib import Path

from uvicorn.server import ServerState

from mem0tray.localserver.app import build
from mem0tray.localserver.connections import Connection
from mem0tray.localserver.serve import config
from mem0tray.localserver.store import Store

HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Line(asyncio.Transport):
    """A transport that keeps what is written, and may be closing."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take some bytes of an answer."""
        self.written += data

    def is_closing(self) -> bool:
        """Tell whether `close` was called."""
        return self.closing

    def close(self) -> None:
        """Close."""
        self.closing = True


def answered(folder: Path, *, closes: bool) -> bytes:
    """What a connection answers to a request; `closes`: the server ends just before it comes."""

    async def ask() -> bytes:
        store = Store(folder / "memories.sqlite3")
        settings = config(build(store, "token"))
        settings.load()
        line, state = Line(), ServerState()
        connection = Connection(settings, state, {})
        connection.connection_made(line)
        if closes:
            connection.shutdown()
        connection.data_received(HEALTH)
        await asyncio.gather(*state.tasks)
        connection.connection_lost(None)
        store.close()
        return line.written

    return asyncio.run(ask())


def test_a_request_that_comes_as_the_connection_is_closed_is_left(tmp_path: Path) -> None:
    """On Windows one may: its answer could not be sent, which the server would call an error."""
    assert answered(tmp_path, closes=False).startswith(b"HTTP/1.1 200")
    assert answered(tmp_path, closes=True) == b""
