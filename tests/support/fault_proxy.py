"""A proxy on loopback between the program and a server, with a fault that a test turns.

It reads each request whole; the fault in force decides how much of it the server gets, and what
becomes of the answer.
"""

import asyncio
import socket
import struct
import urllib.parse
from collections.abc import Awaitable, Callable

from tests.support.listener import Listener

HEAD_END = b"\r\n\r\n"


class Exchange:
    """One request as the proxy has read it, and what can be done with it."""

    def __init__(self, proxy: "FaultProxy", request: bytes, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self.request = request
        self.writer = writer

    @property
    def is_save(self) -> bool:
        return self.request.startswith((b"POST /memory ", b"POST /memories "))

    async def ask_server(self, request: bytes | None = None) -> bytes:
        """Carry the request (or this one) to the server; its whole answer, empty if none came."""
        reader, writer = await asyncio.open_connection(*self._proxy.server)
        try:
            writer.write(self.request if request is None else request)
            return await read_message(reader)
        finally:
            writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Read one request or answer with a Content-Length; empty when there is none."""
    try:
        head = await reader.readuntil(HEAD_END)
        fields = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
        return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


# What becomes of a request; False: its connection ends.
Fault = Callable[[Exchange], Awaitable[bool]]


async def pass_on(exchange: Exchange) -> bool:
    answer = await exchange.ask_server()
    await exchange.send(answer)
    return bool(answer)


class FaultProxy(Listener):
    """A fault holds for all requests, or for saves alone; `struck` lists those that it met."""

    def __init__(self, server: str) -> None:
        super().__init__()
        parts = urllib.parse.urlsplit(server)
        self.server = (parts.hostname, parts.port)
        self.struck: list[str] = []
        self._fault: Fault | None = None
        self._saves_only = False

    def strike(self, fault: Fault, *, saves_only: bool = False) -> None:
        self.struck = []
        self._saves_only = saves_only
        self._fault = fault

    def heal(self) -> None:
        self._fault = None
        self.close()
        self.open()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await read_message(reader):
            exchange = Exchange(self, request, writer)
            fault = self._fault
            if fault is None or (self._saves_only and not exchange.is_save):
                fault = pass_on
            else:
                self.struck.append(" ".join(request[:40].decode("latin-1").split(" ")[:2]))
            if not await fault(exchange):
                return
