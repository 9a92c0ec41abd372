"""How the queue file's publisher goes about it: locks, tries, troubles, and its end."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final
from unittest import mock

import pytest

from mem0tray.core import events
from mem0tray.core.errors import LedgerError
from mem0tray.core.item import Item
from mem0tray.files import atomic
from mem0tray.files.document import local_iso
from mem0tray.files.lock import FileLock, is_locked
from mem0tray.ledger.names import QUEUED
from mem0tray.worker.faults import Faults
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher
from tests.ledger.samples import letter
from tests.support.processes import wait_until
from tests.worker.queue.scene import HERE, NOW, QueueScene, entry, fresh

MOMENT = 5_000.0


A, B, C = (fresh(name) for name in "abc")
PATIENCE: Final = 3.0  # seconds before what vanished is shown again


class Publishing:
    """A publisher without its thread, and the file that it writes."""

    def __init__(self, scene: QueueScene) -> None:
        self.scene = scene
        self.context = scene.context
        self.intake = QueueIntake(scene.context)
        self.publisher = QueuePublisher(scene.context, self.intake)

    def publish(self) -> dict[str, Any]:
        assert self.publisher._publish()
        return self.file()

    def file(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.context.paths.queue.read_bytes())
        return found

    def queue(self) -> list[str]:
        return [each["id"] for each in self.publish()["queue"]]

    def wait(self, *some: Item, shown: bool = False) -> list[int]:
        return [
            self.context.inbox.add_fresh(each, self.scene.now, ask=False, shown=shown)
            for each in some
        ]

    def take_in(self, *some: Item, **rest: Any) -> list[int]:
        self.scene.write(*map(entry, some), **rest)
        self.intake.run()
        return [self.scene.known(each).key for each in some]

    def needs(self) -> bool:
        return self.publisher.needed

    def is_written(self) -> bool:
        """Whether publishing writes the file, and does not leave it as it is."""
        before = atomic.signature(self.context.paths.queue)
        assert self.publisher._publish()
        return atomic.signature(self.context.paths.queue) != before


class Turns(Publishing):
    """Its turns; `waits` are the seconds that it would have waited."""

    def __init__(self, scene: QueueScene, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(scene)
        self.context.wake = threading.Event()
        self.context.faults = Faults(self.context.events, lambda *_: None)
        self.waits: list[float] = []
        self._patch = monkeypatch
        for event in (self.publisher._leaving, self.publisher._stopping):
            monkeypatch.setattr(event, "wait", self.waits.append)

    def take_turn(self, publish: Callable[[], bool] | None = None) -> None:
        self.waits.clear()
        self.context.wake = threading.Event()
        with self._patch.context() as patch:
            if publish is not None:
                patch.setattr(self.publisher, "_publish", publish)
            self.publisher._guarded()


@pytest.fixture
def turns(scene: QueueScene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    scene.context.inbox.add_fresh(fresh("a"), NOW, ask=False, shown=False)
    yield Turns(scene, monkeypatch)
    assert not is_locked(scene.context.paths.queue_lock)


def test_a_trouble_is_told_once_and_tried_again_later(turns: Turns) -> None:
    turns.take_turn(mock.Mock(side_effect=ValueError("odd")))
    assert turns.waits == [5.0]
    assert turns.publisher._signal.is_set()
    turns.take_turn(mock.Mock(side_effect=ValueError("odd")))
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
        assert turns.waits == [0.05]
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


@pytest.mark.parametrize(("saves", "tries"), [(1, 2), (9, 3)])
def test_the_lock_is_taken_for_the_write_alone_unless_producers_are_too_busy(
    turns: Turns, monkeypatch: pytest.MonkeyPatch, saves: int, tries: int
) -> None:
    names: list[str] = []
    locks: list[float] = []
    acquire = FileLock.acquire

    def after_a_save(lock: FileLock, timeout: float) -> None:
        if len(names) < saves:
            names.append(f"n{len(names)}")
            turns.scene.write(*(entry(fresh(each)) for each in names))
        locks.append(timeout)
        acquire(lock, timeout)

    monkeypatch.setattr(FileLock, "acquire", after_a_save)
    turns.take_turn()
    assert (len(locks), turns.waits) == (tries, [])
    found = json.loads(turns.context.paths.queue.read_bytes())["queue"]
    assert [each["id"] for each in found] == [*names, "a"]


def test_the_thread_publishes_what_is_needed_and_ends(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = turns.publisher
    monkeypatch.setattr(publisher._pace, "wait", lambda _: 1000.0)
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
    turns.take_turn(mock.Mock(side_effect=LedgerError("Cannot operate on a closed database.")))
    assert turns.scene.told == []


@pytest.fixture
def publishing(scene: QueueScene) -> Publishing:
    return Publishing(scene)


def test_the_time_of_the_last_delivery_is_shown(publishing: Publishing) -> None:
    publishing.take_in(A, stats={"last_sync": "yesterday"})
    assert publishing.publish()["stats"]["last_sync"] == "yesterday"
    key = publishing.scene.known(A).key
    publishing.context.outbox.claim(key, NOW)
    publishing.context.outbox.record_delivery(key, HERE, NOW + 5)
    found = publishing.publish()
    assert found["queue"] == []
    assert found["stats"]["last_sync"] == local_iso(NOW + 5)


def test_counts_that_are_right_are_left_alone(publishing: Publishing) -> None:
    publishing.take_in(A, last_100=[], stats={QUEUED: 1})
    assert publishing.is_written()
    assert not publishing.is_written()
    assert not publishing.needs()


def test_failures_that_are_no_memories_and_the_last_100_stay(publishing: Publishing) -> None:
    publishing.take_in(A, failed=[{"odd": 1}], last_100=[{"old": 2}])
    found = publishing.publish()
    assert (found["failed"], found["last_100"]) == ([{"odd": 1}], [{"old": 2}])


def test_stats_that_are_none_are_quarantined(publishing: Publishing) -> None:
    publishing.take_in(A, stats="odd")
    assert publishing.publish()["stats"][QUEUED] == 0
    assert publishing.scene.kept() == [b'"odd"']


def test_what_the_file_shows_is_on_the_disk_before(
    publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.take_in(A)
    durable: list[bool] = []
    transaction = publishing.context.ledger.transaction

    def noted(**named: bool) -> Any:
        durable.append(named.get("durable", False))
        return transaction(**named)

    monkeypatch.setattr(publishing.context.ledger, "transaction", noted)
    publishing.publisher._composed(publishing.intake.read())
    assert True in durable


def test_an_entry_is_shown_once(publishing: Publishing) -> None:
    publishing.scene.write(entry(A), 7, entry(A), {"odd": True}, entry(B))
    publishing.intake.run()
    assert publishing.publish()["queue"] == [entry(A), 7, {"odd": True}, entry(B)]


def test_an_entry_that_failed_shows_its_retries(publishing: Publishing) -> None:
    first, _ = publishing.take_in(A, B)
    publishing.context.outbox.claim(first, NOW)
    raw = publishing.context.ledger.raw(first)
    with publishing.context.ledger.transaction() as db:
        db.execute("UPDATE items SET retries = 3 WHERE key = ?", (first,))
        db.execute(
            "UPDATE texts SET raw = ? WHERE key = ?",
            (json.dumps(json.loads(raw) | {"retries": 3}).encode(), first),
        )
    assert [each.get("retries") for each in publishing.publish()["queue"]] == [3, None]
    assert not publishing.is_written()


def test_those_that_the_file_has_not_shown_come_last(publishing: Publishing) -> None:
    publishing.take_in(C)
    keys = publishing.wait(A, B)
    assert publishing.context.foreign_claims.unshown() == keys
    assert publishing.queue() == ["c", "a", "b"]
    assert publishing.context.foreign_claims.unshown() == []
    assert publishing.publisher.show_again_at == math.inf


def test_what_vanished_from_a_whole_file_is_shown_again_after_a_while(
    publishing: Publishing,
) -> None:
    publishing.take_in(A, B)
    publishing.publish()
    publishing.take_in(B)
    assert publishing.queue() == ["b"]
    assert publishing.publisher.show_again_at == NOW + PATIENCE
    assert not publishing.needs()
    publishing.scene.now = NOW + PATIENCE - 0.5
    assert publishing.queue() == ["b"]
    publishing.scene.now = NOW + PATIENCE
    assert publishing.needs()
    assert publishing.queue() == ["b", "a"]
    assert publishing.publisher.show_again_at == math.inf


def test_from_a_file_that_is_gone_or_broken_nothing_was_taken(publishing: Publishing) -> None:
    publishing.take_in(A)
    publishing.publish()
    publishing.context.paths.queue.unlink()
    assert publishing.queue() == ["a"]
    publishing.scene.put(publishing.context.paths.queue, b'{"queue": [')
    assert publishing.queue() == ["a"]
    (broken,) = [each for each in publishing.scene.told if isinstance(each, events.FileBroken)]
    assert broken.kept_as


def test_a_worker_that_leaves_does_not_wait(publishing: Publishing) -> None:
    publishing.take_in(A)
    publishing.publish()
    publishing.take_in()
    publishing.publisher._leaving.set()
    assert publishing.queue() == ["a"]


def test_while_another_worker_may_be_there_what_vanished_waits_for_it(
    publishing: Publishing,
) -> None:
    publishing.take_in(A)
    publishing.publish()
    publishing.context.other_may_write_until = NOW + 60.0
    publishing.take_in()
    assert publishing.scene.column("unknown", A) == NOW
    publishing.wait(B)
    assert publishing.queue() == ["b"]
    assert publishing.publisher.show_again_at == NOW + 60.0
    publishing.scene.now = NOW + 60.0
    assert publishing.queue() == ["b", "a"]


def test_the_file_before_is_kept_beside_it(publishing: Publishing) -> None:
    publishing.take_in(A)
    before = publishing.context.paths.queue.read_bytes()
    publishing.wait(B)
    publishing.publish()
    assert publishing.context.paths.queue_backup.read_bytes() == before


def test_what_was_deleted_and_queued_again_is_taken_in(publishing: Publishing) -> None:
    (key,) = publishing.take_in(A)
    publishing.context.inbox.discard([key], NOW, "deleted")
    publishing.take_in(A, B)
    assert publishing.scene.known(A).state == "discarded"
    assert publishing.queue() == ["b"]
    publishing.take_in(A)
    assert publishing.scene.known(A).state == "pending"


def test_a_deletion_that_the_file_shows_already_needs_no_writing(publishing: Publishing) -> None:
    (key, _) = publishing.take_in(A, B)
    publishing.publish()
    publishing.take_in(B, last_100=[], stats=publishing.file()["stats"])
    publishing.context.inbox.discard([key], NOW, "deleted")
    assert not publishing.is_written()
    assert not publishing.needs()
    assert publishing.context.inbox.tombstones() == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"queue": [json.loads(letter("dead").raw)]},
        {"failed": [json.loads(fresh("old").raw)]},
        {"stats": {QUEUED: 0}},
        {"queue": [json.loads(letter("dead").raw)], "last_100": 5},
    ],
    ids=["a dead letter", "an older worker's", "begun afresh", "a dead letter, and odd"],
)
def test_it_is_written_when_it_shows_what_the_ledger_would_not(
    publishing: Publishing, fields: dict[str, Any]
) -> None:
    context, dead = publishing.context, letter("dead")
    context.inbox.add_dead(dead, dead.raw, NOW, ask=False, gen=None)
    context.counters.add(QUEUED, 2)
    stats = publishing.publish()["stats"]
    assert not publishing.needs()
    found = {"queue": [], "last_100": [], "stats": stats} | fields
    publishing.scene.write(*found.pop("queue"), **found)
    publishing.intake.run()
    assert publishing.needs()
    publishing.publish()
    assert not publishing.needs()


def test_a_file_that_needs_no_writing_is_at_rest(
    publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[bool] = []
    publisher = publishing.publisher
    assert publisher._publish()
    monkeypatch.setattr(publisher, "_note_file", lambda *, unstable: noted.append(unstable))
    publisher.stop(0.0)
    publisher._stopping.clear()
    publisher._run()
    assert noted == [False]


def test_the_file_in_place_is_no_news_before_its_writer_has_noted_it(turns: Turns) -> None:
    intake, news = turns.intake, list[bool]()
    note = mock.Mock(side_effect=lambda *_: news.append(intake._has_changed()))
    with mock.patch.object(intake, "note_published", note):
        turns.take_turn()
    assert news == [False]
