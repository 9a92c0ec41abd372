"""Filling the index of words: while the server is idle, or for a search."""

import asyncio
import sqlite3
from typing import Final

from mem0tray.localserver.store import FoundMemory, Store
from mem0tray.localserver.word_index import ALL, MemoryFilter

QUIET_SECONDS: Final = 1.0


class Indexing:
    """Adds to the index of `store`, a step at a time, once no save has come for a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._saved = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """Index memories that may be missing, once it is quiet. Only within the loop."""
        loop = asyncio.get_running_loop()
        self._saved = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(QUIET_SECONDS, self._look)

    async def search(
        self, project: str | None, query: str, limit: int, wanted: MemoryFilter = ALL
    ) -> list[FoundMemory]:
        """Search the store once everything is indexed; others are served after each step."""
        found = None
        while found is None:
            while self._store.index_some():  # noqa: ASYNC110  (it works rather than waits)
                await asyncio.sleep(0)
            found = self._store.search(project, query, limit, wanted)
        return found

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        wait = self._saved + QUIET_SECONDS - loop.time()
        try:
            more = wait > 0 or self._store.index_some()
        except sqlite3.Error:
            more = False  # the next request begins again, and a search reports the error
        self._timer = loop.call_later(max(0.0, wait), self._look) if more else None
