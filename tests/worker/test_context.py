"""What a start takes up: of what was under way, and after a power cut of all, nothing is known."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import events
from mem0tray.core.item import Item
from mem0tray.files import atomic
from mem0tray.ledger.outbox import Job
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.parts import recover
from tests.worker.queue.scene import HERE, NOW, QueueScene, fresh, opened

MOMENT = 5_000.0
A, B = fresh("a"), fresh("b")


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    """Have a ledger that was in use, on a machine that has not been started anew."""
    with opened(tmp_path, monkeypatch) as made:
        monkeypatch.setattr(time, "monotonic", lambda: MOMENT)
        monkeypatch.setattr("mem0tray.worker.parts.boot_id", lambda: "this start")
        made.context.ledger.rebuilt = ""
        recover(made.context)
        yield made


def next_worker(ground: QueueScene, *, retry_interval: float = 30.0) -> WorkerContext:
    before = ground.context
    settings = Settings(sync=SyncSettings(retry_interval=retry_interval))
    ground.context = WorkerContext(before.paths, settings, before.ledger, before.events, HERE)
    recover(ground.context)
    return ground.context


def waits(ground: QueueScene, item: Item) -> int:
    return ground.context.inbox.add_fresh(item, NOW, ask=False)


def claimed(ground: QueueScene, key: int) -> Job:
    return ground.context.outbox.claim(key, NOW, HERE)


@pytest.mark.parametrize(("interval", "wait"), [(30.0, 10.0), (4.0, 4.0)])
def test_what_was_under_way_is_asked_about_after_a_while(
    ground: QueueScene, interval: float, wait: float
) -> None:
    """The server may be at work on it still: ten seconds, or the interval where that is less."""
    first, second = waits(ground, A), waits(ground, B)
    claimed(ground, first)
    context = next_worker(ground, retry_interval=interval)
    assert context.unknown_until == MOMENT + wait
    assert context.outbox.due(first) == NOW + wait
    assert claimed(ground, first).unknown == NOW
    assert claimed(ground, second).unknown is None


def test_another_start_in_between_changes_nothing(ground: QueueScene) -> None:
    key = waits(ground, A)
    claimed(ground, key)
    next_worker(ground)
    ground.now = NOW + 3.0
    assert next_worker(ground).unknown_until == MOMENT + 7.0
    assert ground.told == [events.LeftInFlight(10.0), events.LeftInFlight(7.0)]
    ground.now = NOW - 1e6
    assert next_worker(ground).unknown_until == MOMENT + 10.0
    ground.now = NOW + 11.0
    assert next_worker(ground).unknown_until == 0.0


@pytest.mark.parametrize(
    ("boot", "asks"), [("another start", True), (None, False), ("this start", False)]
)
def test_after_another_start_of_the_machine_all_is_asked_about(
    ground: QueueScene, boot: str | None, *, asks: bool
) -> None:
    key = waits(ground, A)
    ground.context.ledger.set_meta("boot", boot)
    next_worker(ground)
    assert (claimed(ground, key).unknown == NOW) == asks
    assert ground.context.ledger.meta("boot") == "this start"


def test_a_clock_that_was_set_back_makes_nothing_wait(ground: QueueScene) -> None:
    key = waits(ground, A)
    ground.context.outbox.defer(key, NOW + 9e6)
    next_worker(ground)
    assert ground.context.outbox.due(key) == NOW + 30.0


def test_a_broken_file_is_kept_whole_and_told_once_a_save(ground: QueueScene) -> None:
    context, queue, dlq = ground.context, ground.context.paths.queue, ground.context.paths.dlq
    saves = ((queue, b"{odd"), (queue, b"{odder"), (dlq, b"{odder"))
    for path, data in saves:
        path.write_bytes(data)
        signature = atomic.signature(path)
        assert signature is not None
        for _ in range(2):
            context.quarantine_file(path, data, signature, "why")
    names = {path.read_bytes(): path.name for path in context.paths.quarantine.iterdir()}
    assert ground.told == [events.FileBroken(path.name, "why", names[data]) for path, data in saves]


def test_an_item_that_makes_no_sense_is_kept_and_told_once(ground: QueueScene) -> None:
    for _ in range(2):
        ground.context.quarantine_items(ground.context.paths.queue, [b"odd"], "why")
    assert ground.kept() == [b"odd"]
    (name,) = (path.name for path in ground.context.paths.quarantine.iterdir())
    assert ground.told == [events.Quarantined("mem0_queue.json", name, "why")]
