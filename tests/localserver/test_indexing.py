"""The index is filled while nobody wants anything."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.localserver import indexing
from mem0tray.localserver.indexing import Indexing
from mem0tray.localserver.store import Store
from tests.localserver.support import arrival


class _Watched(Store):
    """A store that says when nothing is left to be added."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.done = asyncio.Event()

    def index_some(self) -> bool:
        more = super().index_some()
        if not more:
            self.done.set()
        return more


def test_what_was_saved_is_indexed_when_it_is_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "QUIET_SECONDS", 0.01)

    async def run() -> list[int]:
        found = []
        with closing(_Watched(tmp_path / "memories.sqlite3")) as store:
            filling = Indexing(store)
            for text in ("one word", "another word"):
                for _ in range(300):
                    store.save(arrival("p", text))
                store.done.clear()
                filling.soon()
                await asyncio.wait_for(store.done.wait(), 15)
                found.append(len(store.search("p", "word", 1000) or ()))
        return found

    assert asyncio.run(run()) == [300, 600]
