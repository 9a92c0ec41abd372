"""Waits that an edit of the DLQ file begins, and how they are told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.dlq.dead_letters import move_fresh_to_dlq, take_in_as_dead
from tests.ledger.samples import fresh, known, letter
from tests.ledger.samples import row as row_of
from tests.worker.dlq import generations
from tests.worker.dlq.generations import shown
from tests.worker.ground import grounded, told_on

NOW = 10_000.0
MANY = 15


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkerContext]:
    with grounded(tmp_path) as made:
        yield made


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
        generations.Seen(9),
    )
    assert dead_letters.begun(merge, NOW) == [
        ("alpha", "soon", 0.5), ("alpha", "new", 20.0), ("alpha", "later", 480.0),
    ]  # fmt: skip


def test_the_start_tells_of_all_waits_at_once(context: WorkerContext) -> None:
    told = told_on(context)
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


def check_dead(context: WorkerContext, item: Item, key: int) -> dict[str, Any]:
    """See that an entry is dead from now on, with no failure counted; what is shown of it."""
    row = known(context.inbox, item)
    assert (row.key, row.state, row.retry_count, row.last_attempt) == (key, items.DEAD, 0, MOVED_AT)
    shown: dict[str, Any] = json.loads(context.ledger.raw(key))
    assert "retries" not in shown
    times = (shown["retry_count"], shown["last_attempt"], shown["moved_to_dlq_at"])
    assert times == (0, MOVED_AT, MOVED_AT)
    return shown


def test_an_entry_that_waited(context: WorkerContext) -> None:
    """It is dead from now on, with its reason and without `retries`; the rest of it stays."""
    item = fresh("m", retries=4, colour="red")
    key = context.inbox.add_fresh(item, MOVED_AT - 100, ask=False)
    move_fresh_to_dlq(context, key, MOVED_AT, "500 odd")
    found = check_dead(context, item, key)
    assert found["colour"] == "red"
    assert found["last_error"] == row_of(context.ledger, key)["last_error"] == "500 odd"


@pytest.mark.parametrize("ask", [True, False])
def test_an_entry_that_never_waited(context: WorkerContext, *, ask: bool) -> None:
    """It comes as a dead letter with no failure of ours, and is asked about where that is due."""
    item = fresh("m", retries=4, retry_count=7, last_attempt=3)
    key = take_in_as_dead(context, item, MOVED_AT, ask=ask)
    assert "last_error" not in check_dead(context, item, key)
    assert ("unknown" in row_of(context.ledger, key)) == ask
