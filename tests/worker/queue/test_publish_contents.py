"""What stands in the queue file after it was published, and what does not."""

import json
import math
from typing import Any, Final

import pytest

from mem0tray.core import events
from mem0tray.core.item import Item
from mem0tray.files import atomic
from mem0tray.files.document import local_iso
from mem0tray.ledger.names import QUEUED
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.publish import QueuePublisher
from tests.worker.queue.scene import HERE, NOW, QueueScene, entry, fresh

A, B, C, D = (fresh(name) for name in "abcd")
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


@pytest.fixture
def publishing(scene: QueueScene) -> Publishing:
    return Publishing(scene)


def test_the_time_of_the_last_delivery_is_shown(publishing: Publishing) -> None:
    publishing.take_in(A, stats={"last_sync": "yesterday"})
    assert publishing.publish()["stats"]["last_sync"] == "yesterday"
    (key,) = (publishing.scene.known(A).key,)
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
    """Where the file shows another count its entry is written anew, and else stays to the byte."""
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
