"""Connections to the local server: many, but nobody's for ever.

Any local program may connect, with the token or without, and uvicorn gives it
all the time it likes to finish a request. So that nobody can use up the
descriptors and keep the worker out, those that have waited longest make room
for new ones; in a rush there are descriptors for all, until it can be told
who is slow.
"""

import asyncio
import sys
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST: Final = 100  # that wait for longer than a moment
_MOMENT: Final = 1.0  # seconds; our own programs send their requests at once
_DESCRIPTORS: Final = 4096


class Connection(H11Protocol):
    """uvicorn's own, which joins those that wait for a request, or for the rest of one."""

    # Since when, in the loop's seconds; whoever has waited longest comes first.
    waiting: Final[dict["Connection", float]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Join those that wait, and see that they are not too many."""
        super().connection_made(transport)
        now = self.waiting[self] = self.loop.time()
        while len(self.waiting) > MOST:
            longest, since = next(iter(self.waiting.items()))
            if now - since < _MOMENT:
                break
            del self.waiting[longest]
            longest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave."""
        self.waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; once it is a request, it is worked on and not waited for."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request, last of all."""
        self.waiting[self] = self.loop.time()
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        is_working = self.cycle is not None and not self.cycle.response_complete
        if is_working or self.transport.is_closing():
            self.waiting.pop(self, None)


def make_room() -> None:
    """Let this process have more descriptors than the usual 1,024 or 256, where it may."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
