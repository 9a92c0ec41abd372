"""What the ledger keeps of another worker, and of what that may have taken."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.actions import verbs
from mem0tray.config.settings import PathSettings, Settings
from mem0tray.core.events import Events
from mem0tray.core.item import Item, parse
from mem0tray.core.state import WorkerSeen
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext

NOW = 1_800_000_000.0


def entry(number: int) -> Item:
    item = parse(
        b'{"id": "m%d", "project_id": "p", "content": "text %d", "timestamp": 1}' % (number, number)
    )
    assert item is not None
    return item


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkerContext]:
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        context = WorkerContext(
            Paths(tmp_path, tmp_path), Settings(), ledger, Events(), "http://here"
        )
        for number in (1, 2, 3):
            context.inbox.add_fresh(entry(number), NOW - 1000, ask=False)
        yield context


def due(context: WorkerContext) -> list[int]:
    found: list[int] = []
    while (key := context.outbox.head("pending", NOW + 1000)) is not None:
        context.outbox.claim(key, NOW)
        found.append(key)
    return found


@pytest.mark.row(45)
def test_only_what_vanished_in_the_last_minute_is_taken(context: WorkerContext) -> None:
    """Another worker is seen: what left the file in the minute before is an unknown outcome."""
    context.foreign_claims.vanish([1], NOW - 61, taken=False, wait_until=0.0)
    context.foreign_claims.vanish([2], NOW - 59, taken=False, wait_until=0.0)
    context.foreign_claims.note_worker(WorkerSeen(7, None, NOW, NOW))
    context.foreign_claims.vanish([3], NOW + 30, taken=False, wait_until=0.0)
    context.foreign_claims.note_worker(WorkerSeen(7, None, NOW, NOW + 30))
    assert context.foreign_claims.count() == 1
    assert context.outbox.claim(2, NOW).unknown == NOW
    assert context.outbox.claim(1, NOW).unknown is None
    assert context.foreign_claims.worker() == WorkerSeen(7, None, NOW, NOW + 30)


@pytest.mark.row(45)
def test_what_is_held_is_due_only_when_the_user_sends_it(context: WorkerContext) -> None:
    for key in (1, 2, 3):
        context.foreign_claims.vanish([key], NOW, taken=True, wait_until=0.0)
        context.foreign_claims.hold(key, NOW)
    assert context.outbox.next_due() is None
    assert context.outbox.in_turn(NOW) is None
    assert due(context) == []
    assert context.foreign_claims.send([2]) == 1
    assert context.foreign_claims.send([2]) == 0
    assert context.outbox.next_due() == 0
    assert due(context) == [2]
    assert context.outbox.claim(2, NOW).unknown == NOW  # asked first, where it can be
    assert context.foreign_claims.count() == 2


@pytest.mark.row(45)
def test_what_another_hand_puts_back_was_not_delivered(context: WorkerContext) -> None:
    context.foreign_claims.vanish([1, 2], NOW, taken=True, wait_until=0.0)
    context.foreign_claims.hold(2, NOW)
    context.foreign_claims.come_back([1, 2])
    assert context.foreign_claims.count() == 1
    assert context.outbox.claim(1, NOW).unknown == NOW


@pytest.mark.row(45)
def test_a_failure_of_what_was_sent_before_it_was_taken_leaves_the_question(
    context: WorkerContext,
) -> None:
    before = context.outbox.claim(1, NOW)
    context.foreign_claims.vanish([1], NOW, taken=True, wait_until=0.0)
    context.outbox.count_fresh_failure(before, NOW, "500", context.outbox.raw(1))
    job = context.outbox.claim(1, NOW)
    assert (job.taken, job.unknown) == (NOW, NOW)
    context.outbox.mark_absent(job, "")
    context.outbox.count_fresh_failure(job, NOW, "500", context.outbox.raw(1))
    job = context.outbox.claim(1, NOW)
    assert job.unknown is None
    assert context.foreign_claims.count() == 0


@pytest.mark.row(45)
def test_what_vanishes_beside_fresh_metrics_waits_for_their_writer(context: WorkerContext) -> None:
    context.foreign_claims.vanish([1], NOW, taken=False, wait_until=NOW + 40)
    assert context.outbox.head("pending", NOW + 39) == 2
    context.outbox.claim(2, NOW)
    context.outbox.claim(3, NOW)
    assert context.outbox.next_due() == NOW + 40
    assert context.outbox.claim(1, NOW + 40).unknown == NOW


@pytest.mark.row(45)
def test_the_menu_retries_dead_letters_only(tmp_path: Path) -> None:
    """Its "Try all again now" shows nothing of what is held; the command names it, and sends it."""
    settings = Settings(paths=PathSettings(claude_dir=str(tmp_path)))
    paths = settings.locations()
    with closing(Ledger(paths.ledger)) as ledger:
        context = WorkerContext(paths, settings, ledger, Events(), "http://here")
        context.foreign_claims.hold(context.inbox.add_fresh(entry(1), NOW, ask=True), NOW)
        paths.queue.write_bytes(b'{"queue": [], "held": [' + entry(1).raw + b"]}")
    assert verbs.retry_all(settings, held=False).items == ()
    assert [item.id for item in verbs.retry_all(settings).items] == ["m1"]
    with closing(Ledger(paths.ledger)) as ledger:
        assert ForeignClaims(ledger).count() == 0
