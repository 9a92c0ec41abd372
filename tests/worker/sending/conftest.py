"""What the tests of sending share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import reasons
from tests.worker.ground import grounded
from tests.worker.sending.court import PROBE, RETRY, Court


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    sync = SyncSettings(retry_interval=RETRY, probe_interval=PROBE, max_attempts=3)
    with grounded(tmp_path, Settings(sync=sync)) as context:
        context.breaker.note_probe(healthy=True, reason=reasons.NONE)
        context.destination = "mem0.test"
        yield Court(context)
