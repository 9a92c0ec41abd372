"""Filling the index of words while nobody wants anything of the embedded server."""

import asyncio
import sqlite3
from typing import Final

from mem0tray.localserver.store import Store

QUIET_SECONDS: Final = 1.0


class Indexing:
    """Adds to the index of `store`, a step at a time, once no save has come for a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._saved = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """There may be memories that it lacks: begin when it is quiet. Only within the loop."""
        loop = asyncio.get_running_loop()
        self._saved = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(QUIET_SECONDS, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        wait = self._saved + QUIET_SECONDS - loop.time()
        try:
            more = wait > 0 or self._store.index_some()
        except sqlite3.Error:
            more = False  # the next request begins again, and a search says why not
        self._timer = loop.call_later(max(0.0, wait), self._look) if more else None
