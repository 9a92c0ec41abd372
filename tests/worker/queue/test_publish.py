"""How the queue file's publisher goes about it: locks, tries, troubles, and its end."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core.errors import LedgerError
from mem0tray.core.events import Events
from mem0tray.files.lock import FileLock, is_locked
from mem0tray.files.publish_rate import PublishRate
from mem0tray.ledger.database import Ledger
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.faults import Faults
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher
from tests.ledger.samples import HERE, letter
from tests.support.processes import wait_until
from tests.worker.queue.scene import NOW, QueueScene, entry, fresh

MOMENT = 5_000.0


class Turns:
    """A publisher without its thread; `waits` are the seconds that it would have waited."""

    def __init__(self, scene: QueueScene, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scene = scene
        self.context = scene.context
        self.context.wake = threading.Event()
        self.context.faults = Faults(self.context.events, lambda *_: None)
        self.publisher = QueuePublisher(scene.context, QueueIntake(scene.context))
        self.waits: list[float] = []
        self.left = False
        self._patch = monkeypatch
        monkeypatch.setattr(self.publisher._leaving, "wait", self._wait)
        monkeypatch.setattr(self.publisher._stopping, "wait", self.waits.append)

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.left

    def take_turn(self, publish: Callable[[], bool] | None = None) -> None:
        self.waits.clear()
        self.context.wake = threading.Event()
        with self._patch.context() as patch:
            if publish is not None:
                patch.setattr(self.publisher, "_publish", publish)
            self.publisher._guarded()

    def will_try_again(self) -> bool:
        told = self.publisher._signal.is_set()
        self.publisher._signal.clear()
        return told


@pytest.fixture
def turns(scene: QueueScene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    scene.context.inbox.add_fresh(fresh("a"), NOW, ask=False, shown=False)
    yield Turns(scene, monkeypatch)
    assert not is_locked(scene.context.paths.queue_lock)


def raising(error: Exception) -> Callable[[], bool]:
    def fail(*_: Any, **__: Any) -> bool:
        raise error

    return fail


def before_the_lock(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> list[str]:
    """Let others do something each time before the lock is taken; what was done, in order."""
    done: list[str] = []
    acquire = FileLock.acquire

    def acquired(lock: FileLock, timeout: float) -> None:
        do()
        done.append("lock")
        acquire(lock, timeout)

    monkeypatch.setattr(FileLock, "acquire", acquired)
    return done


def test_a_trouble_is_told_once_and_tried_again_later(turns: Turns) -> None:
    turns.take_turn(raising(ValueError("odd")))
    assert turns.waits == [5.0]
    assert turns.will_try_again()
    turns.take_turn(raising(ValueError("odd")))
    hindered = [turns.publisher.hindered]
    turns.take_turn()
    assert [*hindered, turns.publisher.hindered] == [True, False]
    assert turns.scene.told == [
        events.PartFailed("queue file", "ValueError('odd')", 5.0),
        events.PartRecovered("queue file"),
    ]


def test_one_that_changes_without_end_is_told_after_ten_seconds(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [MOMENT]
    monkeypatch.setattr(turns.context.faults, "_clock", lambda: now[0])
    for _ in range(3):
        turns.take_turn(lambda: False)
        now[0] += 5.5
    (event,) = turns.scene.told
    assert isinstance(event, events.PartFailed)
    assert event.part == "replacing the queue file while others write it"
    assert str(turns.context.paths.queue) in event.error
    assert event.delay == 0.05
    turns.take_turn()
    assert turns.scene.told[1:] == [
        events.PartRecovered("replacing the queue file while others write it")
    ]


def test_the_lock_is_taken_for_the_write_alone(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    added: list[str] = []

    def append() -> None:
        if not added:
            added.append("b")
            turns.scene.write(entry(fresh("b")))

    locks = before_the_lock(monkeypatch, append)
    turns.take_turn()
    assert locks == ["lock"] * 2
    text = turns.context.paths.queue.read_text()
    assert text.index('"id": "b"') < text.index('"id": "a"')


def test_where_producers_are_too_busy_all_of_it_is_done_under_the_lock(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def append() -> None:
        names.append(f"n{len(names)}")
        turns.scene.write(*(entry(fresh(each)) for each in names))

    locks = before_the_lock(monkeypatch, append)
    turns.take_turn()
    assert locks == ["lock"] * 3
    assert turns.waits == []
    text = turns.context.paths.queue.read_text()
    assert [text.count(f'"id": "{each}"') for each in (*names, "a")] == [1] * 4


class Slow(PublishRate):
    """A pace at which nothing would be published again in this test."""

    def wait(self, now: float) -> float:
        del now
        return 1000.0


def test_the_thread_publishes_what_is_needed_and_ends(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = turns.publisher
    publisher._pace = Slow()
    looked = threading.Event()
    publisher.start()
    assert publisher._thread.name == "mem0tray-queue"
    assert publisher._thread.daemon
    publisher.kick(now=True)
    wait_until(lambda: not publisher.pending, what="published")
    wanted = publisher._wanted

    def look() -> tuple[int, int]:
        looked.set()
        return wanted()

    monkeypatch.setattr(publisher, "_wanted", look)
    publisher.kick()  # for nothing, and it goes on
    assert looked.wait(20.0)
    turns.context.inbox.add_fresh(fresh("b"), NOW, ask=False, shown=False)
    publisher.stop(20.0)
    assert not publisher._thread.is_alive()
    assert '"id": "b"' in turns.context.paths.queue.read_text()


def test_who_was_told_to_leave_tells_of_no_closed_ledger(turns: Turns) -> None:
    turns.publisher._stopping.set()
    turns.take_turn(raising(LedgerError("Cannot operate on a closed database.")))
    assert turns.scene.told == []


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
