"""The birth of a dead letter: the fields of the contract, and the counters."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.events import Events
from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.names import DLQ_FILE, FAILED, QUEUE_FILE
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.dead_letters import move_fresh_to_dlq, take_in_as_dead
from tests.ledger.samples import row as row_of
from tests.support.shapes import entry

NOW = 1_764_500_000.0


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkerContext]:
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        yield WorkerContext(Paths(tmp_path, tmp_path), Settings(), ledger, Events())


def item(**fields: Any) -> Item:
    found = items.parse(
        json.dumps(entry(**{"content": "text", "retries": 4, "colour": "red"} | fields)).encode()
    )
    assert found is not None
    return found


def letter(context: WorkerContext, key: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(context.outbox.raw(key))
    return found


def test_an_entry_that_waited(context: WorkerContext) -> None:
    """It is dead from now on, with its reason and without `retries`; the rest of it stays."""
    fresh = item()
    key = context.inbox.add_fresh(fresh, NOW - 100, ask=False)
    move_fresh_to_dlq(context, key, NOW, "500 odd")
    row = context.inbox.known(fresh.name)
    assert row is not None
    assert (row.state, row.retry_count, row.last_attempt) == (items.DEAD, 0, NOW)
    found = letter(context, key)
    assert "retries" not in found
    assert found["colour"] == "red"
    assert found["last_error"] == row_of(context.ledger, key)["last_error"] == "500 odd"
    assert (found["retry_count"], found["last_attempt"], found["moved_to_dlq_at"]) == (0, NOW, NOW)


@pytest.mark.parametrize("ask", [True, False])
def test_an_entry_that_never_waited(context: WorkerContext, ask: bool) -> None:  # noqa: FBT001
    """It comes as a dead letter with no failure of ours, and is asked about where that is due."""
    fresh = item(retry_count=7, last_attempt=3)
    key = take_in_as_dead(context, fresh, NOW, ask=ask)
    row = context.inbox.known(fresh.name)
    assert row is not None
    assert (row.key, row.state, row.retry_count, row.last_attempt) == (key, items.DEAD, 0, NOW)
    found = letter(context, key)
    assert "retries" not in found
    assert "last_error" not in found
    assert (found["retry_count"], found["last_attempt"], found["moved_to_dlq_at"]) == (0, NOW, NOW)
    assert ("unknown" in row_of(context.ledger, key)) == ask


def test_each_counts_and_both_files_are_written(context: WorkerContext) -> None:
    """Every move counts in `total_failed`, leaves the queue file and joins the DLQ file."""
    waiting = context.inbox.add_fresh(item(id="x"), NOW, ask=False)
    for bury in (
        lambda: take_in_as_dead(context, item(), NOW, ask=False),
        lambda: move_fresh_to_dlq(context, waiting, NOW, "odd"),
    ):
        before = [context.ledger.outdated.times(file) for file in (QUEUE_FILE, DLQ_FILE)]
        bury()
        assert all(
            context.ledger.outdated.times(file) > times
            for file, times in zip((QUEUE_FILE, DLQ_FILE), before, strict=True)
        )
    assert context.counters.total(FAILED) == 2
