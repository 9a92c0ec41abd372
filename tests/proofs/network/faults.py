"""What a network, and whoever sits in it, may do to a request or to its answer."""

import asyncio
import gzip
import time
from contextlib import suppress

from tests.support.fault_proxy import HEAD_END, Exchange, Fault, pass_on
from tests.support.http1 import render

MEGABYTE = 1 << 20
HTML = b"<html><body>Sign in to use this network</body></html>"
DRIP = 0.02  # seconds between two bytes


# Lost -------------------------------------------------------------------------------


async def reset_after(exchange: Exchange) -> bool:
    await exchange.ask_server()
    exchange.reset()
    return False


async def lost_in_request(exchange: Exchange) -> bool:
    """Let the server have half of the request, then cut both ways."""
    with suppress(TimeoutError):
        await asyncio.wait_for(exchange.ask_server(exchange.request[:-5]), DRIP)
    exchange.reset()
    return False


# Silent or slow ------------------------------------------------------------------------


async def half_open(exchange: Exchange) -> bool:
    """Take the request and never say a word; the server has not seen it."""
    del exchange
    await asyncio.Event().wait()
    return False


async def lost_answer(exchange: Exchange) -> bool:
    await exchange.ask_server()
    return await half_open(exchange)


async def slow_body(exchange: Exchange) -> bool:
    await exchange.ask_server()
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for _ in range(1_000_000):
        await exchange.send(b" ")
        await asyncio.sleep(DRIP)
    return False


# Wrong ---------------------------------------------------------------------------------


async def truncated(exchange: Exchange) -> bool:
    answer = await exchange.ask_server()
    await exchange.send(answer[: len(answer) - 4])
    return False


async def garbage(exchange: Exchange) -> bool:
    await exchange.ask_server()
    await exchange.send(b"\x16\x03\x01\x02\0\1\0\1\xfc\x03\x03" * 40 + HEAD_END)
    return False


async def endless(exchange: Exchange) -> bool:
    await exchange.ask_server()
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        await exchange.send(b" " * 65536)


async def length_too_short(exchange: Exchange) -> bool:
    answer = await exchange.ask_server()
    head, _, body = answer.partition(HEAD_END)
    true = f"Content-Length: {len(body)}".encode()
    assert true in head
    wrong = f"Content-Length: {len(body) // 2}".encode()
    await exchange.send(head.replace(true, wrong) + HEAD_END + body)
    return False


BOMB = gzip.compress(bytes(MEGABYTE), 9) * 300  # 300 MB out of 300 kB


async def gzip_bomb(exchange: Exchange) -> bool:
    await exchange.ask_server()
    await exchange.send(render(200, BOMB, {"Content-Encoding": "gzip"}))
    return True


# In the way ------------------------------------------------------------------------------


def instead(status: int, body: bytes = HTML, *, accepted: bool = False, **fields: str) -> Fault:
    """Answer in the server's place; `accepted`: after the server has. `_` stands for `-`."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    headers.setdefault("Content-Type", "text/html" if body is HTML else "application/json")

    async def answer(exchange: Exchange) -> bool:
        if accepted:
            await exchange.ask_server()
        await exchange.send(render(status, body, headers))
        return True

    return answer


class RateLimit:
    """Takes `burst` saves in `seconds`, and answers 429 to the rest, which `refused` counts."""

    def __init__(self, burst: int, seconds: float) -> None:
        self.refused = 0
        self._burst, self._seconds = burst, seconds
        self._tokens, self._at = float(burst), time.monotonic()
        self._refuse = instead(429, b"{}", Retry_After=str(seconds))

    async def __call__(self, exchange: Exchange) -> bool:
        now = time.monotonic()
        earned = (now - self._at) / self._seconds * self._burst
        self._tokens, self._at = min(self._burst, self._tokens + earned), now
        if self._tokens < 1:
            self.refused += 1
            return await self._refuse(exchange)
        self._tokens -= 1
        return await pass_on(exchange)
