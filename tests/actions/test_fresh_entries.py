"""The fresh entries: the same answer, whoever counts or lists them."""

import time

import pytest

from mem0tray.actions import overview, snapshot_reader
from mem0tray.actions.delete import delete
from mem0tray.actions.fresh_entries import FreshEntries, look
from mem0tray.actions.snapshot import Part
from mem0tray.config.settings import Settings
from mem0tray.core.item import EARLIEST, waits_since
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from mem0tray.worker.queue.emergencies import EmergencyIntake
from tests.actions.scene import chosen, worker, write
from tests.support.shapes import Item, emergency_lines, entry, queue_document

SERVER = "https://server.test"


def _entries(*names: str) -> list[Item]:
    return [entry(name, id=f"{name}-1111") for name in names]


def _look(paths: Paths) -> FreshEntries:
    with Reader(paths.ledger) as reader:
        found = look(paths, reader, SERVER)
    made = overview.of(snapshot_reader.read(Settings(), time.time(), Part.COUNTS))
    assert (made.queue, made.held) == (found.count, found.held)
    assert made.oldest_waiting == _oldest(found)
    return found


def _oldest(found: FreshEntries) -> float | None:
    """Since when one of these waits, by what the ledger and the file say of each."""
    since = []
    for each in found.listing.found:
        made = each.item.timestamp if each.item is not None else 0.0
        row = found.known.get(each.identity)
        since.append(made if row is None else waits_since(row.accepted, made))
    return min((each for each in since if each >= EARLIEST), default=None)


def _texts(paths: Paths) -> set[str]:
    """The texts of what waits, as the overview counts it too."""
    return {each.item.content for each in _look(paths).listing.found if each.item is not None}


def test_what_was_delivered_does_not_wait_though_the_file_shows_it(paths: Paths) -> None:
    """As where the folder has become read-only: the ledger knows."""
    write(paths.queue, queue_document(_entries("sent", "left")))
    with worker(paths) as context:
        with Reader(paths.ledger) as reader:
            (row,) = reader.by_id("sent-1111")
        context.outbox.record_delivery(row.key, SERVER, time.time())
    assert _texts(paths) == {"left"}


def test_what_only_a_former_server_has_waits_again(paths: Paths) -> None:
    """The worker will take it in anew."""
    write(paths.queue, queue_document(_entries("moved")))
    with worker(paths) as context:
        (key,) = context.inbox.fresh_entries()
        context.outbox.record_delivery(key, "https://former.test", time.time())
    with Reader(paths.ledger) as reader:
        assert look(paths, reader, SERVER).count == 1
        assert look(paths, reader, "https://former.test").count == 0


def test_a_line_that_the_worker_has_read_does_not_wait_again(paths: Paths) -> None:
    """After a change of server only a line that the worker has not read is taken in."""
    paths.emergency.write_text(emergency_lines(_entries("moved")))
    with worker(paths) as context:
        EmergencyIntake(context).run()
        (key,) = context.inbox.fresh_entries()
        context.outbox.record_delivery(key, "https://former.test", time.time())
    with Reader(paths.ledger) as reader:
        assert look(paths, reader, SERVER).count == 0
        with paths.emergency.open("a") as file:
            file.write(emergency_lines(_entries("moved", "new")))
        assert look(paths, reader, SERVER).count == 2


def test_what_is_to_be_deleted_does_not_wait(paths: Paths) -> None:
    """The ledger hears of it at the next start only."""
    write(paths.queue, queue_document(_entries("gone", "left")))
    with worker(paths):
        pass
    delete(paths, Settings(), chosen(paths, "gone"))
    assert _texts(paths) == {"left"}


def test_what_was_put_back_waits(paths: Paths) -> None:
    """The ledger says that it was deleted until the worker sees it again."""
    document = queue_document(_entries("back"))
    write(paths.queue, document)
    with worker(paths) as context:
        (key,) = context.inbox.fresh_entries()
        context.inbox.discard([key], time.time(), "deleted")
        assert _texts(paths) == set()  # the file shows what is deleted
        context.inbox.clear_tombstones(context.inbox.tombstones())
    assert _texts(paths) == {"back"}


def test_what_vanished_from_the_file_and_emergency_lines_wait(paths: Paths) -> None:
    """Both are delivered; none counts twice."""
    write(paths.queue, queue_document(_entries("vanished", "both")))
    with worker(paths):
        pass
    write(paths.queue, queue_document([*_entries("new") * 2, {"id": "odd"}]))
    paths.emergency.write_text(emergency_lines(_entries("urgent", "both", "new")))
    assert _texts(paths) == {"new", "urgent", "both", "vanished"}
    seen = _look(paths)
    assert (seen.count, seen.listing.nonsense, len(seen.known)) == (4, 1, 2)


@pytest.mark.parametrize("ledger", [False, True])
def test_each_memory_waits_once(paths: Paths, *, ledger: bool) -> None:
    """One id with two texts is two, whatever their times; what makes no sense is none."""
    write(paths.queue, queue_document(_entries("a", "b")))
    if ledger:
        with worker(paths) as context:
            (first, _) = context.inbox.fresh_entries()
            context.taken_by_others.vanish([first], time.time(), taken=True, wait_until=0.0)
            context.taken_by_others.hold(first, time.time())
    other = entry("other", id="a-1111", timestamp=1_600_000_000)
    odd = [{"id": "odd"}, entry("c", id=None), entry("d", id="d", timestamp=5)]
    twice = [{**each, "timestamp": 1_500_000_000} for each in _entries("a", "b")]
    write(paths.queue, queue_document([*_entries("a", "b"), other, *odd, *twice]))
    found = _look(paths)
    assert (found.count, found.held) == (5, 1 if ledger else 0)
    write(paths.queue, queue_document([other, *_entries("b")]))
    assert _look(paths).count == (3 if ledger else 2)
