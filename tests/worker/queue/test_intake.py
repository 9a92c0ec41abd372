"""What stands in the queue file goes into the ledger: each memory once, nothing forgotten."""

import json
from unittest.mock import Mock

import pytest
from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.lock import FileLock, is_locked
from mem0tray.ledger.names import QUEUE_FILE, QUEUE_READ
from mem0tray.worker.queue.intake import QueueIntake, accept
from tests.worker.queue.scene import HERE, NOW, QueueScene, entry, fresh

A, B, C = fresh("a"), fresh("b"), fresh("c")
ELSEWHERE = "http://elsewhere.test"


def test_new_entries_are_taken_in_once(scene: QueueScene, intake: QueueIntake) -> None:
    scene.write(entry(A), entry(B))
    assert intake.run() == 2
    assert scene.told == [events.Accepted(2)]
    assert intake.run() == 0
    scene.write(entry(A), entry(B), {"content": 5}, entry(C))  # one is no memory
    assert intake.run() == 1
    assert scene.told == [events.Accepted(2), events.Accepted(1)]
    assert intake.signature is not None
    assert scene.context.ledger.meta(QUEUE_READ) == json.dumps(intake.signature.lasting)
    assert scene.column("state", A) == "pending"
    assert scene.column("unknown", A) is None


def test_what_may_have_been_sent_is_asked_about_once(scene: QueueScene) -> None:
    with scene.context.ledger.transaction():
        scene.context.ledger.set_meta(f"doubt of the {QUEUE_FILE}", 1)
    intake = QueueIntake(scene.context)
    scene.write(entry(A), failed=[entry(C)])
    intake.run()
    scene.write(entry(A), entry(B))
    intake.run()
    assert [scene.column("unknown", each) for each in (A, C)] == [NOW, NOW]
    assert scene.column("unknown", B) is None
    assert not scene.context.ledger.may_have_been_sent(QUEUE_FILE)


def test_what_another_worker_holds_is_held_and_asked_about(
    scene: QueueScene, intake: QueueIntake
) -> None:
    scene.write(held=[entry(A)])
    intake.run()
    assert (scene.column("held", A), scene.column("unknown", A)) == (NOW, NOW)


def test_a_new_process_parses_only_what_the_ledger_does_not_have(
    scene: QueueScene, intake: QueueIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.write(entry(A), entry(B))
    intake.run()
    parse = Mock(wraps=items.parse)
    monkeypatch.setattr(items, "parse", parse)
    scene.write(entry(A), entry(B), entry(C))
    second = QueueIntake(scene.context)
    assert second.run() == 1
    parse.assert_called_once()
    assert C.id.encode() in parse.call_args.args[0]
    assert second.oddities == 2, "an entry may be held, or dead, and must not stand there"


@pytest.mark.parametrize(
    ("here", "servers", "waits"),
    [
        (HERE, [HERE], False), (HERE, [ELSEWHERE], True), (HERE, [HERE, ELSEWHERE], False),
        ("", [ELSEWHERE], False),
    ],
)  # fmt: skip
def test_a_delivered_entry_waits_again_only_for_another_server(
    scene: QueueScene, here: str, servers: list[str], *, waits: bool
) -> None:
    """What this server has is not sent again; with no server, none is the one that lacks it."""
    key, _ = accept(scene.context, A, ask=False)
    for server in servers:
        scene.context.outbox.record_delivery(key, server, NOW)
    scene.context.server = here
    assert accept(scene.context, A, ask=False) == (key, waits)
    assert scene.column("state", A) == ("pending" if waits else "delivered")


def test_only_what_begins_to_wait_in_the_queue_is_new(scene: QueueScene) -> None:
    for item, new in ((A, True), (A, False), (fresh("d", retries=5), False)):
        assert accept(scene.context, item, ask=False)[1] is new


def test_the_first_reading_finds_what_vanished_while_nobody_looked(scene: QueueScene) -> None:
    first = QueueIntake(scene.context)
    scene.write(entry(A), entry(B))
    first.run()
    accept(scene.context, C, ask=False, shown=False)
    scene.write(entry(B))
    second = QueueIntake(scene.context)
    second.run()
    assert second.lost
    assert [scene.column("vanished", each) for each in (A, B, C)] == [NOW, None, None]


def test_what_we_write_is_no_news(scene: QueueScene, intake: QueueIntake) -> None:
    scene.write(entry(A))
    intake.run()
    scene.write()
    intake.run()
    key = scene.known(A).key
    intake.expect([key])
    scene.write(entry(A))
    intake.run()
    assert scene.column("vanished", A) == NOW
    intake.note_published(atomic.signature(scene.context.paths.queue), [(A.raw, key)])
    scene.context.paths.queue.touch()
    assert intake.run() == 0
    assert intake.read().queue[0][1] == key


def test_the_file_that_is_announced_is_ours(scene: QueueScene, intake: QueueIntake) -> None:
    """Before we hear that it is in place; a further link to the old one is no change either."""
    scene.write(entry(A))
    intake.run()
    path = scene.context.paths.queue
    scene.context.paths.queue_backup.hardlink_to(path)
    intake.announce(Signature(1, 2, 3, 4))
    assert not intake._has_changed()
    scene.write(entry(A), entry(B))
    assert intake._has_changed()
    found = atomic.signature(path)
    assert found is not None
    intake.announce(replace(found, ctime=0))
    assert not intake._has_changed()
    intake.expect([])
    assert intake._has_changed()
    path.unlink()
    assert intake._has_changed()


@pytest.mark.parametrize("tells", [True, False])
def test_the_waits_of_what_comes_in_dead_are_told(
    scene: QueueScene, intake: QueueIntake, *, tells: bool
) -> None:
    scene.context.reports_backoffs = tells
    for more in ([], [entry(C)]):
        scene.write(entry(fresh("a", retries=5)), *more, failed=[entry(B)])
        intake.run()
    told = [each for each in scene.told if not isinstance(each, events.Accepted)]
    first, second = (events.InBackoff("p", name, 30.0) for name in "ab")
    moved, adopted = events.MovedToDlq("p", "a", 5), events.AdoptedToDlq(1, "failed")
    assert told == ([moved, first, adopted, second] if tells else [moved, adopted])


def test_a_file_that_is_being_written_is_looked_at_again(
    scene: QueueScene, intake: QueueIntake
) -> None:
    data = b'{"queue": [' + A.raw + b", "
    scene.put(scene.context.paths.queue, data, age=0)
    assert intake.run() == 0
    assert (intake.torn, intake.awaited) == (True, True)
    with pytest.raises(TornError):
        intake.read()
    scene.put(scene.context.paths.queue, data + B.raw + b"]}", age=0)
    awaited: list[bool] = []
    scene.context.events.subscribe(lambda _: awaited.append(intake.awaited))
    assert intake.run() == 2
    assert awaited == [True]  # until all is in the ledger, for whoever asks meanwhile
    assert (intake.torn, intake.awaited) == (False, False)


@pytest.mark.parametrize("data", [b"", b'{"queue": ['])
def test_a_file_is_not_broken_while_a_producer_holds_the_lock(
    scene: QueueScene, intake: QueueIntake, data: bytes
) -> None:
    scene.put(scene.context.paths.queue, data)
    with FileLock(scene.context.paths.queue_lock).held(1.0):
        assert intake.run() == 0
        assert (intake.torn, intake.awaited, scene.told) == (True, True, [])
        assert intake.read(locked=True).broken
    assert intake.read().broken
    assert not is_locked(scene.context.paths.queue_lock)


def test_a_file_that_was_written_on_since_it_was_read_is_not_broken(
    scene: QueueScene, intake: QueueIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.put(scene.context.paths.queue, b"")
    acquire = FileLock.try_acquire

    def after_the_writer(lock: FileLock) -> bool:
        scene.write(entry(A))
        return acquire(lock)

    monkeypatch.setattr(FileLock, "try_acquire", after_the_writer)
    with pytest.raises(TornError):
        intake.read()
    assert [len(intake.read().queue), scene.kept()] == [1, []]


GONE = ("", None)  # the file, for a moment
COUNTED: dict[str, tuple[list[tuple[str, int | None]], int]] = {
    "begun afresh": ([("a", 10), ("b", 1)], 11),
    "an old copy and one more": ([("a", 10), ("ab", 2)], 11),
    "an old copy": ([("a", 10), ("a", 9)], 10),
    "one that nobody counted": ([("a", 10), ("b", 0)], 10),
    "edited": ([("a", 9), ("A", 9)], 9),
    "edited while a producer adds one": ([("a", 9), ("Ab", 10)], 10),
    "put back": ([("ab", 2), GONE, ("ab", 2)], 2),
    "past the old count": ([("abcdef", 6), ("pqrs", 4), ("pqrstuvw", 8)], 14),
    "one and two": ([("a", 1), ("pq", 2)], 3),
    "two that are begun afresh, the second with more": ([("abc", 3), ("pqrst", 5)], 8),
    "with as many": ([("abc", 3), ("pqr", 3)], 6),
    "with as many, after a moment": ([("abc", 3), GONE, ("pqr", 3)], 6),
    "with fewer": ([("abc", 3), ("pq", 2)], 5),
    "with fewer, after a moment": ([("abc", 3), GONE, ("pq", 2)], 5),
}


@pytest.mark.parametrize(("files", "total"), COUNTED.values(), ids=list(COUNTED))
def test_what_stands_there_is_counted_once(
    scene: QueueScene, intake: QueueIntake, files: list[tuple[str, int | None]], total: int
) -> None:
    """Each file has its entries, one a letter, and a count; `A` is another text of `a`."""
    for names, counted in files:
        if counted is None:
            scene.context.paths.queue.unlink()
        else:
            found = [entry(fresh(each.lower(), content=f"text {each}")) for each in names]
            scene.write(*found, stats={"total_queued": counted})
        for _ in range(2):
            intake.read()
    assert scene.context.counters.total("total_queued") == total
