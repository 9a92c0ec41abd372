"""What commands ask of the ledger, without being in the worker's way."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths
from tests.actions.scene import read, worker, write, write_dlq
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, letter
from tests.support.delivered import deliver
from tests.support.shapes import dead, entry, queue_document

A, B, C = letter("a"), letter("b"), letter("c")
THIRD = "http://third.test"


def name(item: Item) -> tuple[str, bytes]:
    """How commands name a memory."""
    return item.id, item.digest


def put_dead(inbox: Inbox, *letters: Item) -> list[int]:
    """Take in dead letters."""
    return [inbox.add_dead(each, each.raw, NOW, ask=False, gen=None) for each in letters]


def test_deliveries_are_counted_by_their_time(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    for at in (NOW - 0.5, NOW, NOW + 59, NOW + 60):
        key = inbox.add_fresh(fresh(f"at {at}"), at, ask=False)
        outbox.record_delivery(key, HERE, at)
    with Reader(ledger.path) as reader:
        assert reader.deliveries(NOW, 60.0) == {NOW: 2, NOW + 60: 1}


def test_a_ledger_that_is_closed_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        put_dead(Inbox(ledger), C)
        Outbox(ledger).record_delivery(
            Inbox(ledger).add_fresh(fresh("d"), NOW, ask=False), ELSEWHERE, NOW
        )
        ForeignClaims(ledger).hold(Inbox(ledger).add_fresh(fresh("e"), NOW, ask=False), NOW)
    with Reader(path) as reader:
        assert name(C) in reader.waiting_names()


def test_an_outcome_is_unknown_since_it_last_became_so(ledger: Ledger, inbox: Inbox) -> None:
    (key,) = put_dead(inbox, A)
    outbox = Outbox(ledger)
    outbox.mark_unknown(key, HERE, NOW + 1, timed_out=False)
    outbox.mark_unknown(key, ELSEWHERE, NOW + 2, timed_out=False)
    outbox.mark_absent(outbox.claim(key, NOW + 3, THIRD), THIRD)
    with Reader(ledger.path) as reader:
        (found,) = reader.by_id("a")
        assert found.unknown == NOW + 2


def test_what_one_item_is_denied_says_nothing_of_another(ledger: Ledger, inbox: Inbox) -> None:
    outbox, keys = Outbox(ledger), put_dead(inbox, A, B)
    for key in keys:
        ForeignClaims(ledger).ask(key, NOW)
        job = outbox.claim(key, NOW, HERE)
    outbox.mark_absent(job, HERE)
    with Reader(ledger.path) as reader:
        assert [reader.by_id(name)[0].unknown for name in "ab"] == [NOW, None]


def test_stays_are_of_dead_letters_that_went_since_then(ledger: Ledger, inbox: Inbox) -> None:
    before, since, _ = put_dead(inbox, A, B, C)
    outbox = Outbox(ledger)
    outbox.record_delivery(before, HERE, NOW + 1)
    inbox.discard([since], NOW + 3, "user")
    outbox.record_delivery(inbox.add_fresh(fresh("d"), NOW, ask=False), HERE, NOW + 4)
    with Reader(ledger.path) as reader:
        assert reader.stays(NOW + 2) == [(NOW - 100, NOW + 3)]


def test_what_the_ledger_knows(paths: Paths) -> None:
    write(paths.queue, queue_document([entry("q", id="qq-1")]))
    write_dlq(paths, [dead(x, id=f"{x * 2}-1", timestamp=time.time()) for x in "ab"])
    with worker(paths) as context:
        keys = {row.item_id: row.key for row in context.generations.dead_rows()}
        context.outbox.record_delivery(keys["aa-1"], "s", 5.0)
        context.outbox.record_attempt(keys["bb-1"], 7.0, "item failure", 500, "500: odd", 0.25)
        context.outbox.record_attempt(keys["bb-1"], 8.0, "unknown", None, "no answer", 60.0)
    with Reader(paths.ledger) as reader:
        assert reader.usable
        assert reader.only_elsewhere("t") == {"s": 1}
        assert reader.only_elsewhere("s") == {}
        assert reader.last_delivery() == 5.0
        (known,) = reader.by_prefix("bb")
        assert (known.id, known.state) == ("bb-1", "dead")
        assert [known] == reader.by_id("bb-1")
        assert reader.known(known.id, known.digest) == known
        history = reader.attempts(known.key)
        assert [attempt.kind for attempt in history] == ["item failure", "unknown"]
        assert reader.last_attempts() == {("bb-1", known.digest): history[-1]}
        assert [row.id for row, _ in reader.listed("pending")] == ["qq-1"]
        assert len(reader.listed("dead")) == 1
        assert reader.discarded() == []


def test_deletions_are_batches(paths: Paths) -> None:
    write_dlq(paths, [dead(name, id=name) for name in "abcd"])
    with worker(paths) as context:
        keys = [row.key for row in context.generations.dead_rows()]
        context.inbox.discard(keys[2:3], 20.0, "edited")
        with Reader(paths.ledger) as reader:
            assert not reader.has_discarded()
        context.inbox.discard(keys[:2], 10.0, "hand edit")
        context.inbox.discard(keys[3:], 30.0, "deleted")
        with Reader(paths.ledger) as reader:
            assert [(b.closed, b.reason, len(b.raws)) for b in reader.discarded()] == [
                (30.0, "deleted", 1),
                (10.0, "hand edit", 2),
            ]
        context.inbox.erase(keys[3:])
        with Reader(paths.ledger) as reader:
            assert [batch.closed for batch in reader.discarded()] == [10.0]
            assert reader.has_discarded()


@pytest.mark.parametrize("state", ["missing", "corrupt", "empty", "folder"])
def test_a_ledger_that_cannot_be_read_knows_nothing(paths: Paths, state: str) -> None:
    if state != "missing":
        paths.ledger.parent.mkdir(parents=True)
        paths.ledger.write_bytes(b"" if state == "empty" else b"no database" * 1000)
    if state == "folder":
        paths.ledger.unlink()
        paths.ledger.mkdir()
    with Reader(paths.ledger) as reader:
        assert not reader.usable
        assert reader.only_elsewhere("s") == {}
        assert reader.counts() is None
        assert reader.listed("pending") == []
        assert reader.last_delivery() is None
        assert reader.by_prefix("a") == []
        assert reader.by_id("a") == []
        assert reader.known("a", b"") is None
        assert reader.attempts(1) == []
        assert reader.discarded() == []
        assert not reader.has_discarded()
        assert reader.waiting_names() == set()
    assert not paths.dlq.exists() or read(paths.dlq)


def test_a_memory_waits_since_it_was_made(paths: Paths) -> None:
    made = float(int(time.time()) - 7200)
    write(paths.queue, queue_document([entry("q", timestamp=made)]))
    write_dlq(paths, [dead("d", timestamp=made - 60)])
    with worker(paths) as context:
        assert context.counters.waiting().oldest == made - 60
    with Reader(paths.ledger) as reader:
        counts = reader.counts()
        assert counts is not None
        assert counts.oldest == made - 60


def taken(path: Path) -> list[str]:
    """The ids of what that server has taken."""
    with Reader(path, needed=True) as reader:
        return [
            each.id for keys in reader.taken(HERE).values() for each in reader.memories(keys, HERE)
        ]


def parsed(content: str, name: str, project: str = "p") -> Item:
    """An item."""
    made = items.parse(items.with_fields(b"{}", entry(content, project, id=name)))
    assert made is not None
    return made


def test_memories_come_by_project(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    names = ["a\n", "\ud83d", "*"]
    deliver(path, HERE, [entry(f"text {n}", n, id=n) for n in names], at=5.0)
    with Reader(path) as reader:
        found = reader.taken(HERE)
        assert list(found) == names
        (one,) = reader.memories(found["\ud83d"], HERE)
    assert one == ("\ud83d", "\ud83d", items.digest("\ud83d", "text \ud83d"), "\ud83d", 5.0)


def test_only_what_that_server_took_is_among_them(
    tmp_path: Path, inbox: Inbox, outbox: Outbox
) -> None:
    keys = [inbox.add_fresh(parsed(name, name), 1.0, ask=False) for name in "abcde"]
    outbox.record_delivery(keys[0], HERE, 2.0)
    outbox.record_delivery(keys[1], "http://there", 2.0)
    inbox.discard(keys[2:4], 2.0, "deleted")
    outbox.record_delivery(keys[3], HERE, 3.0)
    assert taken(tmp_path / "ledger.sqlite3") == ["a"]
    with Reader(tmp_path / "ledger.sqlite3") as reader:
        assert reader.discarded_digests() == {items.digest("p", "c")}


@pytest.mark.parametrize("edited", [False, True])
def test_what_was_queued_again_stands_for_the_former(
    tmp_path: Path, inbox: Inbox, outbox: Outbox, *, edited: bool
) -> None:
    for name in "ab":
        outbox.record_delivery(inbox.add_fresh(parsed(name, name), 1.0, ask=False), HERE, 2.0)
    again = parsed("a", "a-again-1")
    inbox.add_dead(again, again.raw, 3.0, ask=False, gen=None)
    row = inbox.known(again.name)
    assert row is not None
    if edited:
        inbox.change_content(row, parsed("better", "a-again-1"), 4.0)
    inbox.add_fresh(parsed("else", "b-again-1"), 3.0, ask=False)
    assert taken(tmp_path / "ledger.sqlite3") == ["b"]


def test_what_was_queued_again_for_another_server_stands_for_none(
    tmp_path: Path, inbox: Inbox, outbox: Outbox
) -> None:
    for name, server in (("a", HERE), ("a-again-1", "http://there")):
        outbox.record_delivery(inbox.add_fresh(parsed("a", name), 1.0, ask=False), server, 2.0)
    assert taken(tmp_path / "ledger.sqlite3") == ["a"]


def test_a_further_text_under_an_id_has_its_own_key(
    tmp_path: Path, inbox: Inbox, outbox: Outbox
) -> None:
    for text in ("first", "second"):
        outbox.record_delivery(inbox.add_fresh(parsed(text, "x"), 1.0, ask=False), HERE, 2.0)
    with Reader(tmp_path / "ledger.sqlite3") as reader:
        found = [each.key for each in reader.memories(reader.taken(HERE)["p"], HERE)]
    assert found == ["x", f"x-{items.digest('p', 'second').hex()[:8]}"]
