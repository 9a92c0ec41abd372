"""A queue file that is broken, odd, unreadable or being written: nothing in it is lost."""

import pytest

from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files.atomic import TornError
from mem0tray.files.lock import FileLock, is_locked
from mem0tray.worker.queue.intake import QueueIntake, fingerprint
from tests.worker.queue.scene import QueueScene, entry, fresh

A, B, C = fresh("a"), fresh("b"), fresh("c")
ELSEWHERE = "http://elsewhere.test"


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
