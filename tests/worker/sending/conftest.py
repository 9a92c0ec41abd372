"""What the tests of sending share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import reasons
from mem0tray.core.events import Events
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from tests.ledger.samples import HERE
from tests.worker.sending.court import PROBE, RETRY, Court


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    sync = SyncSettings(retry_interval=RETRY, probe_interval=PROBE, max_attempts=3)
    context = WorkerContext(
        Paths(tmp_path, tmp_path), Settings(sync=sync), Ledger(tmp_path / "l"), Events(), HERE
    )
    context.breaker.note_probe(healthy=True, reason=reasons.NONE)
    yield Court(context)
    context.ledger.close()
