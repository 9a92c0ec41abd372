"""The parts of an engine, put together on one folder."""

import threading
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.events import Event, Events, PartFailed
from mem0tray.system.paths import Paths
from mem0tray.worker import stages
from mem0tray.worker.stages import Parts


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def parts(tmp_path: Path, told: list[Event]) -> Iterator[Parts]:
    bus = Events()
    bus.subscribe(told.append)
    wanted = mock.Mock(settings=Settings())
    wanted.where.paths = Paths(tmp_path, tmp_path / "data")
    made = stages.open_parts(wanted, bus, threading.Event())
    yield made
    made.dlq_publisher.close()
    made.chosen_server.close()
    made.context.ledger.close()


@pytest.mark.parametrize("file", ["queue file", "emergency file", "DLQ file"])
def test_a_file_that_the_disk_does_not_give_is_told_by_its_name(
    parts: Parts, told: list[Event], file: str
) -> None:
    """What cannot be taken in matters by itself, and not only as a trouble of the disk."""
    error = FileUnavailableError("The disk fails.")
    error.disk_failed = True
    parts.context.faults.note_failure(file, error, 1.0)
    failed = [event for event in told if isinstance(event, PartFailed)]
    assert failed == [PartFailed(file, "The disk fails.", 1.0)]
