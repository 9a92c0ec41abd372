"""A proxy on loopback that leads every name to one server: addresses as people write them.

So `https://mem0.example.com` is reached word for word, and nobody is asked for the name.
"""

import asyncio

from tests.support.listener import Listener


class Tunnel(Listener):
    """Makes a tunnel to the server at `netloc` for whatever host it is asked for (CONNECT)."""

    def __init__(self, netloc: str) -> None:
        super().__init__()
        self._host, _, port = netloc.rpartition(":")
        self._there = int(port)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        there, back = await asyncio.open_connection(self._host, self._there)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry(reader, back))
                both.create_task(_carry(there, writer))
        finally:
            back.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof() if writer.can_write_eof() else writer.close()
