"""What stands in the queue file goes into the ledger: each memory once, nothing forgotten."""

import pytest
from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature, TornError
from mem0tray.files.lock import FileLock, is_locked
from mem0tray.ledger.foreign_claims import MINUTE
from mem0tray.ledger.names import QUEUE_FILE
from mem0tray.worker.queue.intake import QueueIntake, accept, fingerprint
from tests.worker.queue.scene import HERE, NOW, QueueScene, entry, fresh

A, B, C = fresh("a"), fresh("b"), fresh("c")
ELSEWHERE = "http://elsewhere.test"


# New entries ---------------------------------------------------------------------------------


def test_new_entries_are_taken_in_once(scene: QueueScene, intake: QueueIntake) -> None:
    scene.write(entry(A), entry(B))
    assert intake.run() == 2
    assert scene.told == [events.Accepted(2)]
    assert intake.run() == 0
    scene.write(entry(A), entry(B), entry(C))
    assert intake.run() == 1
    assert scene.told == [events.Accepted(2), events.Accepted(1)]
    assert scene.column("state", A) == "pending"
    assert scene.column("unknown", A) is None


def test_without_a_file_there_is_nothing(scene: QueueScene, intake: QueueIntake) -> None:
    assert intake.run() == 0
    scene.write(entry(A))
    intake.run()
    scene.context.paths.queue.unlink()
    assert intake.run() == 0
    assert intake.signature is None
    assert scene.column("state", A) == "pending"
    assert scene.column("vanished", A) == NOW


def test_a_reading_says_where_each_entry_stands(scene: QueueScene, intake: QueueIntake) -> None:
    odd = {"id": "x"}
    scene.write(entry(A), odd, last_100=[1], mine="kept")
    seen = intake.read()
    key = scene.known(A).key
    assert [found for _, found in seen.queue] == [key, -1]
    assert [bytes(raw) for raw, _ in seen.queue] == [A.raw, b'{"id": "x"}']
    assert seen.rest == {"last_100": b"[1]", "mine": b'"kept"'}
    assert (seen.failed, seen.held, seen.broken) == ([], [], False)
    assert seen.signature == atomic.signature(scene.context.paths.queue) == intake.signature


def test_what_may_have_been_sent_is_asked_about_once(scene: QueueScene) -> None:
    with scene.context.ledger.transaction():
        scene.context.ledger.set_meta(f"doubt of the {QUEUE_FILE}", 1)
    intake = QueueIntake(scene.context)
    scene.write(entry(A))
    intake.run()
    scene.write(entry(A), entry(B))
    intake.run()
    assert scene.column("unknown", A) == NOW
    assert scene.column("unknown", B) is None
    assert not scene.context.ledger.may_have_been_sent(QUEUE_FILE)


def test_an_entry_that_has_failed_often_enough_is_a_dead_letter(
    scene: QueueScene, intake: QueueIntake
) -> None:
    dead, waits = fresh("a", retries=5), fresh("b", retries=4)
    scene.write(entry(dead), entry(waits))
    assert intake.run() == 1
    assert scene.column("state", dead) == "dead"
    assert (scene.column("retry_count", dead), scene.column("last_attempt", dead)) == (0, NOW)
    assert scene.column("state", waits) == "pending"
    assert events.MovedToDlq("p", "a", 5) in scene.told
    assert scene.context.ledger.meta("total_failed") == 1
    (row,) = scene.context.generations.dead_rows()
    value = items.load_object(row.raw or b"")
    assert value is not None
    assert (value["moved_to_dlq_at"], "retries" in value) == (NOW, False)


# Entries that are known ----------------------------------------------------------------------


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


@pytest.mark.parametrize("here", [HERE, ""])
def test_a_discarded_entry_that_stands_there_again_was_restored(
    scene: QueueScene, here: str
) -> None:
    key, _ = accept(scene.context, A, ask=False)
    scene.context.outbox.record_delivery(key, HERE, NOW)
    scene.context.inbox.revive(scene.known(A), A, NOW, dead=False, gen=None)
    scene.context.inbox.discard([key], NOW, "user")
    scene.context.server = here
    assert accept(scene.context, A, ask=False) == (key, True)
    assert scene.column("state", A) == "pending"


@pytest.mark.parametrize("dead", [True, False])
def test_what_waits_is_not_taken_in_again(scene: QueueScene, *, dead: bool) -> None:
    key, _ = accept(scene.context, A, ask=False)
    if dead:
        scene.context.inbox.move_to_dlq(key, A.raw, NOW, NOW + 30)
    assert accept(scene.context, A, ask=False) == (key, False)
    assert scene.column("state", A) == ("dead" if dead else "pending")


def test_what_was_deleted_may_still_stand_there(scene: QueueScene, intake: QueueIntake) -> None:
    """Until the file is published without it, it means nothing; after that it was put back."""
    scene.write(entry(A), entry(B))
    intake.run()
    scene.context.inbox.discard([scene.known(A).key], NOW, "user")
    scene.write(entry(A), entry(B), entry(C))
    assert intake.run() == 1
    assert scene.column("state", A) == "discarded"
    scene.context.inbox.clear_tombstones([("a", A.digest)])
    scene.write(entry(B), entry(C))
    intake.run()
    scene.write(entry(A), entry(B), entry(C))
    assert intake.run() == 1
    assert scene.column("state", A) == "pending"


def test_a_deleted_text_that_waits_by_now_is_that_one(scene: QueueScene) -> None:
    key, _ = accept(scene.context, A, ask=False)
    assert accept(scene.context, A, ask=False, tombstone=99) == (key, False)
    assert accept(scene.context, B, ask=False, tombstone=99) == (99, False)
    assert scene.context.inbox.known(B.name) is None


# Entries that leave --------------------------------------------------------------------------


def test_an_entry_that_vanishes_is_still_delivered(scene: QueueScene, intake: QueueIntake) -> None:
    """It is noted when, and that something was lost; where it comes back that is forgotten."""
    scene.write(entry(A), entry(B))
    intake.run()
    before = intake.lost
    scene.write(entry(B))
    intake.run()
    assert (before, intake.lost) == (False, True)
    assert (scene.column("vanished", A), scene.column("vanished", B)) == (NOW, None)
    assert scene.column("taken", A) is None
    scene.write(entry(A), entry(B))
    assert intake.run() == 0
    assert scene.column("vanished", A) is None


def test_an_entry_that_vanishes_beside_another_worker_has_an_unknown_outcome(
    scene: QueueScene, intake: QueueIntake
) -> None:
    scene.write(entry(A))
    intake.run()
    scene.context.beside.at_work = True
    scene.write()
    intake.run()
    assert scene.column("taken", A) == NOW
    scene.write(entry(B))
    intake.run()
    assert scene.told.count(events.PerhapsTaken(1)) == 1


@pytest.mark.parametrize(("until", "due"), [(NOW + MINUTE, NOW + MINUTE), (NOW, 0.0)])
def test_an_entry_waits_while_another_worker_is_suspected(
    scene: QueueScene, intake: QueueIntake, until: float, due: float
) -> None:
    scene.write(entry(A))
    intake.run()
    scene.context.beside.may_write_until = until
    scene.write()
    intake.run()
    assert scene.column("due", A) == due
    assert scene.column("taken", A) is None


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


# Older and other workers' lists --------------------------------------------------------------


def test_entries_of_an_older_workers_failed_list_become_dead_letters(
    scene: QueueScene, intake: QueueIntake
) -> None:
    accept(scene.context, B, ask=False)
    scene.write(failed=[entry(A), entry(B), {"odd": 1}])
    seen = intake.read()
    assert [key for _, key in seen.failed] == [1, 0, -1]
    assert scene.column("state", A) == "dead"
    assert scene.column("state", B) == "pending"
    assert events.AdoptedToDlq(1, "failed") in scene.told
    scene.told.clear()
    intake.read()
    assert scene.told == []


@pytest.mark.parametrize("tells", [True, False])
def test_the_waits_of_what_comes_in_dead_are_told(
    scene: QueueScene, intake: QueueIntake, *, tells: bool
) -> None:
    """Behind the line of the move, once; but at the start all that wait are told of together."""
    scene.context.reports_backoffs = tells
    for more in ([], [entry(C)]):
        scene.write(entry(fresh("a", retries=5)), *more, failed=[entry(B)])
        intake.run()
    told = [each for each in scene.told if not isinstance(each, events.Accepted)]
    first, second = (events.InBackoff("p", name, 30.0) for name in "ab")
    moved, adopted = events.MovedToDlq("p", "a", 5), events.AdoptedToDlq(1, "failed")
    assert told == ([moved, first, adopted, second] if tells else [moved, adopted])


def test_held_entries_of_a_lost_ledger_are_held_again(
    scene: QueueScene, intake: QueueIntake
) -> None:
    """Another worker has perhaps delivered them; a copy in the queue says nothing about that."""
    known, _ = accept(scene.context, B, ask=False)
    scene.write(entry(A), held=[entry(A), entry(B), {"odd": 1}])
    seen = intake.read()
    assert [key for _, key in seen.held] == [scene.known(A).key, known, -1]
    assert scene.column("held", A) == NOW
    assert scene.column("unknown", A) == NOW
    assert scene.column("held", B) is None


def test_a_changed_text_is_another_memory(scene: QueueScene, intake: QueueIntake) -> None:
    changed = fresh("a", content="other")
    scene.write(entry(A), entry(changed))
    assert intake.run() == 2
    assert scene.known(changed).key != scene.known(A).key


A, B, C = fresh("a"), fresh("b"), fresh("c")


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
    assert intake.run() == 2
    assert (intake.torn, intake.awaited) == (False, False)


def test_a_broken_file_that_holds_still_is_kept_and_what_is_whole_taken(
    scene: QueueScene, intake: QueueIntake
) -> None:
    data = b'{"queue": [' + A.raw + b', {"id": "torn'
    scene.put(scene.context.paths.queue, data)
    seen = intake.read()
    assert seen.broken
    assert scene.column("state", A) == "pending"
    assert scene.kept() == [data]
    assert [type(each) for each in scene.told] == [events.Accepted, events.FileBroken]


@pytest.mark.parametrize("data", [b"", b'{"queue": ['])
def test_a_file_is_not_broken_while_a_producer_holds_the_lock(
    scene: QueueScene, intake: QueueIntake, data: bytes
) -> None:
    """However long it takes over writing in place; who asks with the lock held is no producer."""
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


@pytest.mark.parametrize("name", ["last_100", "stats"])
def test_what_producers_would_trip_over_is_quarantined(
    scene: QueueScene, intake: QueueIntake, name: str
) -> None:
    scene.write(entry(A), **{name: "odd"})
    seen = intake.read()
    assert seen.broken
    assert name not in seen.rest
    assert scene.kept() == [b'"odd"']
    scene.write(entry(A), last_100=[], stats={})
    assert not intake.read().broken


def test_what_no_program_can_load_is_quarantined(scene: QueueScene, intake: QueueIntake) -> None:
    deep = b'{"id": "d", "content": "d", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    scene.put(scene.context.paths.queue, b'{"queue": [' + deep + b", " + A.raw + b"]}")
    assert intake.read().broken
    assert scene.kept() == [deep]
    assert scene.column("state", A) == "pending"
    assert [type(each) for each in scene.told] == [events.Accepted, events.Quarantined]


def test_an_entry_is_known_by_its_bytes() -> None:
    assert fingerprint(b"abc") != fingerprint(b"abd")
    assert len(fingerprint(b"")) == 16


def test_an_unreadable_file_is_a_visible_trouble(scene: QueueScene, intake: QueueIntake) -> None:
    scene.context.paths.queue.mkdir()
    with pytest.raises(FileUnavailableError, match="is a folder"):
        intake.run()
