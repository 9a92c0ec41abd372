"""When the queue file is to be written."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.events import Events
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher
from tests.ledger.samples import HERE, NOW, fresh, letter


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkerContext]:
    paths = Paths(tmp_path, tmp_path / "data")
    with closing(Ledger(paths.ledger)) as ledger:
        yield WorkerContext(paths, Settings(), ledger, Events(), HERE)


@pytest.fixture
def publisher(context: WorkerContext) -> QueuePublisher:
    made = QueuePublisher(context, QueueIntake(context))
    assert needs(made)
    assert made._publish()
    assert not needs(made)
    return made


def needs(publisher: QueuePublisher) -> bool:
    return publisher.needed


def save(context: WorkerContext, **fields: object) -> None:
    context.paths.queue.write_text(json.dumps({"queue": [], "last_100": [], "stats": {}} | fields))


def test_it_is_written_when_the_ledger_has_outdated_it(
    context: WorkerContext, publisher: QueuePublisher
) -> None:
    key = context.inbox.add_fresh(fresh("a"), NOW, ask=False, shown=False)
    assert needs(publisher)
    assert publisher._publish()
    assert not needs(publisher)
    context.outbox.claim(key, NOW)
    assert not needs(publisher)
    context.outbox.record_delivery(key, HERE, NOW)
    assert needs(publisher)
    assert publisher._publish()
    assert json.loads(context.paths.queue.read_bytes())["queue"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"queue": [json.loads(letter("dead").raw)]},
        {"failed": [json.loads(fresh("old").raw)]},
        {"stats": {"total_queued": 0}},
    ],
    ids=["a dead letter", "an older worker's", "begun afresh"],
)
def test_it_is_written_when_it_shows_what_the_ledger_would_not(
    context: WorkerContext, publisher: QueuePublisher, fields: dict[str, object]
) -> None:
    context.inbox.add_dead(letter("dead"), letter("dead").raw, NOW, ask=False, gen=None)
    context.counters.add("total_queued", 2)
    assert publisher._publish()
    stats = json.loads(context.paths.queue.read_bytes())["stats"]
    assert not needs(publisher)
    save(context, **({"stats": stats} | fields))
    publisher._intake.run()
    assert needs(publisher)
    assert publisher._publish()
    assert not needs(publisher)


def test_it_is_left_alone_when_a_producer_appends(
    context: WorkerContext, publisher: QueuePublisher
) -> None:
    save(context, queue=[json.loads(fresh("a").raw)], stats={"total_queued": 1})
    assert publisher._intake.run() == 1
    assert not needs(publisher)


@pytest.mark.parametrize(("ahead", "needed"), [(-1, True), (60, False)])
def test_what_vanished_is_shown_again_in_time(
    context: WorkerContext, publisher: QueuePublisher, ahead: float, *, needed: bool
) -> None:
    publisher.show_again_at = context.now() + ahead
    assert publisher.needed == needed
