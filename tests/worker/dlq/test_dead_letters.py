"""Waits that an edit of the DLQ file begins, and how they are told."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.ledger import database
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq import dead_letters
from mem0tray.worker.reporting.log import BACKOFFS_PER_MINUTE
from tests.ledger.samples import fresh, letter
from tests.worker.dlq.generations import Ledger, known, shown

NOW = 10_000.0
MANY = BACKOFFS_PER_MINUTE + 5


@pytest.fixture
def told() -> list[events.Event]:
    return []


@pytest.fixture
def context(tmp_path: Path, told: list[events.Event]) -> Iterator[WorkerContext]:
    bus = events.Events()
    bus.subscribe(told.append)
    with closing(database.Ledger(tmp_path / "ledger")) as ledger:
        yield WorkerContext(Paths(tmp_path, tmp_path), Settings(), ledger, bus)


def test_what_an_edit_brings_or_moves_begins_to_wait() -> None:
    """New letters and changed times and counts begin a wait, the soonest first; the rest none."""
    ledger = Ledger()
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


def test_what_becomes_a_dead_letter_waits_half_a_minute() -> None:
    assert dead_letters.of_move(fresh("a", retry_count=7)) == ("p", "a", 30.0)


def test_many_waits_are_told_by_their_number(
    context: WorkerContext, told: list[events.Event]
) -> None:
    """The soonest are told by name, as many as the log takes in a minute, and the rest as a sum."""
    context.reports_backoffs = True
    many = [("alpha", f"letter {n}", float(n + 1)) for n in range(MANY)]
    dead_letters.report(context, many)
    assert told[-1] == events.MoreInBackoff(5)
    assert told[:-1] == [events.InBackoff(*wait) for wait in many[:BACKOFFS_PER_MINUTE]]


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
    assert told[-1] == events.MoreInBackoff(5)
    assert len(told) == BACKOFFS_PER_MINUTE + 1
    told.clear()
    dead_letters.report(context, waits[:1])
    assert told == [events.InBackoff(*waits[0])]
