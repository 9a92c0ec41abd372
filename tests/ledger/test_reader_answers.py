"""The answers of the ledger to commands, from what a worker took in from the files."""

import time

import pytest

from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from tests.actions.scene import read, worker, write, write_dlq
from tests.support.shapes import dead, entry, queue_document


def test_what_the_ledger_knows(paths: Paths) -> None:
    """Counts, times, history and look-up."""
    write(paths.queue, queue_document([entry("q", id="qq-1")]))
    write_dlq(paths, [dead(x, id=f"{x * 2}-1", timestamp=time.time()) for x in "ab"])
    with worker(paths) as context:
        keys = {row.item_id: row.key for row in context.generations.dead_rows()}
        context.outbox.record_delivery(keys["aa-1"], "s", 5.0)
        context.outbox.record_attempt(keys["bb-1"], 7.0, "item failure", 500, "500: odd", 0.25)
        context.outbox.record_attempt(keys["bb-1"], 8.0, "unknown", None, "no answer", 60.0)
    with Reader(paths.ledger) as reader:
        assert reader.usable
        assert reader.former.only_elsewhere("t") == {"s": 1}
        assert reader.former.only_elsewhere("s") == {}
        assert reader.last_delivery() == 5.0
        (known,) = reader.by_prefix("bb")
        assert (known.id, known.state) == ("bb-1", "dead")
        assert [known] == reader.by_id("bb-1")
        assert reader.known(known.id, known.digest) == known
        history = reader.attempts(known.key)
        assert [attempt.kind for attempt in history] == ["item failure", "unknown"]
        assert reader.last_attempts() == {("bb-1", known.digest): history[-1]}
        assert [row.id for row, _ in reader.waiting.listed("pending")] == ["qq-1"]
        assert len(reader.waiting.listed("dead")) == 1
        assert reader.discarded() == []


def test_deletions_are_batches(paths: Paths) -> None:
    """What went in one deletion is one batch, the newest first; what was erased is in none."""
    write_dlq(paths, [dead(name, id=name) for name in "abcd"])
    with worker(paths) as context:
        keys = [row.key for row in context.generations.dead_rows()]
        context.inbox.discard(keys[:2], 10.0, "hand edit")
        context.inbox.discard(keys[2:3], 20.0, "edited")
        context.inbox.discard(keys[3:], 30.0, "deleted")
        with Reader(paths.ledger) as reader:
            assert [(b.closed, b.reason, len(b.raws)) for b in reader.discarded()] == [
                (30.0, "deleted", 1),
                (10.0, "hand edit", 2),
            ]
        context.inbox.erase(keys[3:])
        with Reader(paths.ledger) as reader:
            assert [batch.closed for batch in reader.discarded()] == [10.0]


def test_whether_there_is_a_deletion_is_known_without_reading_them(paths: Paths) -> None:
    """A text that another took the place of, and one that was erased, are none."""
    write_dlq(paths, [dead(name, id=name) for name in "ab"])
    with worker(paths) as context, Reader(paths.ledger) as reader:
        keys = [row.key for row in context.generations.dead_rows()]
        context.inbox.discard(keys[:1], 10.0, "edited")
        assert not reader.has_discarded()
        context.inbox.discard(keys[1:], 20.0, "deleted")
        assert reader.has_discarded()
        context.inbox.erase(keys[1:])
        assert not reader.has_discarded()


def test_the_reader_writes_nothing(paths: Paths) -> None:
    """Its connection cannot change the ledger, whatever it is asked."""
    with worker(paths):
        pass
    before = paths.ledger.read_bytes()
    with Reader(paths.ledger) as reader:
        assert reader._rows("DELETE FROM meta RETURNING name") == []
        assert reader.usable
    assert paths.ledger.read_bytes() == before


@pytest.mark.parametrize("state", ["missing", "corrupt", "empty", "folder"])
def test_a_ledger_that_cannot_be_read_knows_nothing(paths: Paths, state: str) -> None:
    """Missing, corrupt, empty or unreadable: every answer is empty, none is an error."""
    if state != "missing":
        paths.ledger.parent.mkdir(parents=True)
        paths.ledger.write_bytes(b"" if state == "empty" else b"no database" * 1000)
    if state == "folder":
        paths.ledger.unlink()
        paths.ledger.mkdir()
    with Reader(paths.ledger) as reader:
        assert not reader.usable
        assert reader.former.only_elsewhere("s") == {}
        assert reader.waiting.counts() is None
        assert reader.waiting.listed("pending") == []
        assert reader.last_delivery() is None
        assert reader.by_prefix("a") == []
        assert reader.by_id("a") == []
        assert reader.known("a", b"") is None
        assert reader.attempts(1) == []
        assert reader.discarded() == []
        assert not reader.has_discarded()
        assert reader.waiting.names() == set()
    assert not paths.dlq.exists() or read(paths.dlq)


def test_a_memory_waits_since_it_was_made(paths: Paths) -> None:
    """One that comes back with a restored file has waited before; an absurd time says nothing."""
    made = float(int(time.time()) - 7200)
    write(paths.queue, queue_document([entry("q", timestamp=made)]))
    write_dlq(paths, [dead("d", timestamp=made - 60)])
    with worker(paths) as context:
        assert context.counters.waiting().oldest == made - 60
    with Reader(paths.ledger) as reader:
        counts = reader.waiting.counts()
        assert counts is not None
        assert counts.oldest == made - 60
