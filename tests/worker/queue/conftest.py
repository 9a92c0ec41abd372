"""A core with a ledger of its own, and the files that others write."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.events import Events
from mem0tray.ledger.database import DOUBTED, Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import Core
from tests.worker.queue.scene import HERE, NOW, QueueScene


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    """Have a worker's ground, whose ledger has been in use and whose clock stands."""
    paths = Paths(tmp_path, tmp_path / "data")
    bus = Events()
    with closing(Ledger(paths.ledger)) as ledger:
        with ledger.transaction():
            for name in DOUBTED:
                ledger.settle(name)
        made = QueueScene(Core(paths, Settings(), ledger, bus, HERE), [])
        bus.subscribe(made.told.append)
        monkeypatch.setattr(Core, "now", staticmethod(lambda: made.now))
        assert made.now == NOW
        yield made
