"""Connections to the embedded server: many, but nobody's for ever.

Any local program may connect, with the token or without, and uvicorn gives it
all the time it likes to finish a request. Here a request has a deadline, for
its head and for the whole of it; between requests a connection may be idle
for as long as uvicorn's keep-alive says. So that nobody can use up the
descriptors and keep the worker out, the connections that have waited longest make room
for new ones; in a rush there are descriptors for all, until it is clear
which are slow.
"""

import asyncio
import sys
from typing import ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 100  # connections that wait for longer than a moment
_MOMENT: Final = 1.0  # seconds; our own programs send their requests at once
_DESCRIPTORS: Final = 4096
_SORRY: Final = b'{"detail":"The request did not come in time."}'
_LATE: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b"
) % (len(_SORRY), _SORRY)


class Connection(H11Protocol):
    """uvicorn's own, which joins the connections that wait for a request, or the rest of one."""

    # Seconds from the first byte of a request to the end of its head, and of all of it: our
    # own programs send a megabyte in some milliseconds.
    head_seconds: ClassVar[float] = 10.0
    request_seconds: ClassVar[float] = 120.0

    # Since when each waits, in the loop's seconds; the one that has waited longest comes first.
    waiting: Final[dict["Connection", float]] = {}

    _began: float | None = None  # when the request began that is not complete yet
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Join the waiting connections, and see that they are not too many."""
        super().connection_made(transport)
        # uvicorn arms this only after an answer.
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        now = self.waiting[self] = self.loop.time()
        while len(self.waiting) > MOST:
            longest, since = next(iter(self.waiting.items()))
            if now - since < _MOMENT:
                break
            del self.waiting[longest]
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the waiting connections, as this one is gone."""
        self.waiting.pop(self, None)
        self._unset_keepalive_if_required()
        self._await(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take the bytes that came; a complete request no longer counts as waiting."""
        if self.transport.is_closing():  # Windows hands on what it had read until then
            return
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request, last of all."""
        self.waiting[self] = self.loop.time()
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        is_working = self.cycle is not None and not self.cycle.response_complete
        is_closing = self.transport.is_closing()
        if is_working or is_closing:
            self.waiting.pop(self, None)
        state = self.conn.their_state
        if is_closing:
            self._await(None)
        elif state is h11.SEND_BODY:
            self._await(self.request_seconds)
        elif state is h11.IDLE and self.conn.trailing_data[0]:
            self._await(self.head_seconds)
        elif self._began is not None:
            self._await(None)

    def _await(self, seconds: float | None) -> None:
        """Give the rest of a request this long from its first byte; None: it is complete."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds is None:
            self._began = None
            return
        if self._began is None:
            self._began = self.loop.time()
        self._deadline = self.loop.call_at(self._began + seconds, self._give_up)

    def _give_up(self) -> None:
        """Answer that the request did not come in time, if nothing else was answered, and close."""
        if not self.transport.is_closing() and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_LATE)
        self.transport.close()


def make_room() -> None:
    """Let this process have more descriptors than the usual 1,024 or 256, where it may."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
