"""Waits that an edit of the DLQ file begins, and how they are told."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.events import Events
from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.dlq.dead_letters import move_fresh_to_dlq, take_in_as_dead
from tests.ledger.samples import letter
from tests.ledger.samples import row as row_of
from tests.support.shapes import entry
from tests.worker.dlq import generations
from tests.worker.dlq.generations import known, shown

NOW = 10_000.0
MANY = 15


@pytest.fixture
def told() -> list[events.Event]:
    return []


@pytest.fixture
def context(tmp_path: Path, told: list[events.Event]) -> Iterator[WorkerContext]:
    bus = events.Events()
    bus.subscribe(told.append)
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        yield WorkerContext(Paths(tmp_path, tmp_path), Settings(), ledger, bus)


def test_what_an_edit_brings_or_moves_begins_to_wait() -> None:
    """New letters and changed times and counts begin a wait, the soonest first; the rest none."""
    ledger = generations.Ledger()
    for name in ("same", "later", "text", "wish", "gone"):
        ledger.add(name)
    merge = ledger.merge(
        [
            shown("same"),
            shown("later", last_attempt=NOW, retry_count=4),
            shown("text", content="another text"),
            shown("wish", last_attempt=0),
            shown("new", last_attempt=NOW - 10, retry_count=0),
            shown("soon", last_attempt=NOW - 29.5, retry_count=0),
            shown("due", last_attempt=1.0, retry_count=0),
        ],
        known(9),
    )
    assert dead_letters.begun(merge, NOW) == [
        ("alpha", "soon", 0.5), ("alpha", "new", 20.0), ("alpha", "later", 480.0),
    ]  # fmt: skip


def test_the_start_tells_of_all_waits_at_once(
    context: WorkerContext, told: list[events.Event]
) -> None:
    waits = [("p", f"letter {n}", 120.0) for n in range(MANY)]
    for _, name, _ in waits:
        item = letter(name, last_attempt=NOW)
        context.inbox.add_dead(item, item.raw, NOW, ask=False, gen=None)
    dead_letters.report(context, waits)
    assert told == []
    dead_letters.report_all(context, NOW)
    assert told == [events.InBackoff(*each) for each in waits]
    dead_letters.report(context, waits[:1])
    assert told[MANY:] == [events.InBackoff(*waits[0])]


MOVED_AT = 1_764_500_000.0


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[WorkerContext]:
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        yield WorkerContext(Paths(tmp_path, tmp_path), Settings(), ledger, Events())


def item(**fields: Any) -> Item:
    found = items.parse(
        json.dumps(entry(**{"content": "text", "retries": 4, "colour": "red"} | fields)).encode()
    )
    assert found is not None
    return found


def stands(empty: WorkerContext, key: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(empty.ledger.raw(key))
    return found


def test_an_entry_that_waited(empty: WorkerContext) -> None:
    """It is dead from now on, with its reason and without `retries`; the rest of it stays."""
    fresh = item()
    key = empty.inbox.add_fresh(fresh, MOVED_AT - 100, ask=False)
    move_fresh_to_dlq(empty, key, MOVED_AT, "500 odd")
    row = empty.inbox.known(fresh.name)
    assert row is not None
    assert (row.state, row.retry_count, row.last_attempt) == (items.DEAD, 0, MOVED_AT)
    found = stands(empty, key)
    assert "retries" not in found
    assert found["colour"] == "red"
    assert found["last_error"] == row_of(empty.ledger, key)["last_error"] == "500 odd"
    assert (found["retry_count"], found["last_attempt"], found["moved_to_dlq_at"]) == (
        0,
        MOVED_AT,
        MOVED_AT,
    )


@pytest.mark.parametrize("ask", [True, False])
def test_an_entry_that_never_waited(empty: WorkerContext, ask: bool) -> None:  # noqa: FBT001
    """It comes as a dead letter with no failure of ours, and is asked about where that is due."""
    fresh = item(retry_count=7, last_attempt=3)
    key = take_in_as_dead(empty, fresh, MOVED_AT, ask=ask)
    row = empty.inbox.known(fresh.name)
    assert row is not None
    assert (row.key, row.state, row.retry_count, row.last_attempt) == (key, items.DEAD, 0, MOVED_AT)
    found = stands(empty, key)
    assert "retries" not in found
    assert "last_error" not in found
    assert (found["retry_count"], found["last_attempt"], found["moved_to_dlq_at"]) == (
        0,
        MOVED_AT,
        MOVED_AT,
    )
    assert ("unknown" in row_of(empty.ledger, key)) == ask
