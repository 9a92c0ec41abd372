"""A broken file, which is read more than once before a good one takes its place."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.events import Event, Events, FileBroken
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.queue.intake import QueueIntake


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkerContext]:
    """Make the stages' shared ground, with a broken queue file that is stable."""
    paths = Paths(tmp_path / "claude", tmp_path / "data")
    paths.claude_dir.mkdir()
    _break(paths)
    ledger = Ledger(paths.ledger)
    yield WorkerContext(paths, Settings(), ledger, Events())
    ledger.close()


def _break(paths: Paths, at: float = 1000.0) -> None:
    paths.queue.write_text('{"queue": [{"id": "a", "content": ')
    os.utime(paths.queue, (at, at))


def test_a_broken_file_is_told_once_a_save(context: WorkerContext) -> None:
    told: list[Event] = []
    context.events.subscribe(told.append)
    intake = QueueIntake(context)
    for _ in range(3):
        intake.read()
    (first,) = told
    assert isinstance(first, FileBroken)
    _break(context.paths, 2000.0)
    intake.read()
    assert told == [first, first]
