"""Taking items in, and moving them between the files."""

from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import FreshEntry, Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.rows import Row
from tests.ledger.samples import ELSEWHERE, HERE, NOW, changes, fresh, known, letter, row, table

# Taking in -----------------------------------------------------------------------------------


def test_a_fresh_entry_waits_at_once(ledger: Ledger, inbox: Inbox) -> None:
    entry = fresh("a", retries=3, timestamp=7)
    key = inbox.add_fresh(entry, NOW, ask=False)
    assert row(ledger, key) == {
        "key": key, "id": b"a", "digest": entry.digest, "project": b"p", "ts": 7.0,
        "state": "pending", "retries": 3, "retry_count": 0, "last_attempt": 0.0, "due": 0.0,
        "timeouts": 0, "accepted": NOW, "shown": 1,
    }  # fmt: skip
    assert table(ledger, "SELECT * FROM texts") == [(key, entry.raw)]


def test_a_dead_letter_waits_for_its_time(ledger: Ledger, inbox: Inbox) -> None:
    entries = [letter("a", retry_count=3), letter("b", last_attempt=0)]
    raw = b'{"moved_to_dlq_at": 5}'
    first, second = (inbox.add_dead(each, raw, NOW, ask=False, gen=None) for each in entries)
    found = row(ledger, first)
    assert (found["state"], found["retry_count"], found["last_attempt"]) == ("dead", 3, NOW)
    assert (found["due"], found["moved"], found["accepted"]) == (NOW + 240, 5, NOW)
    assert (found["dead_seq"], found["retries"], "unknown" in found) == (1, 0, False)
    assert (row(ledger, second)["due"], row(ledger, second)["dead_seq"]) == (0.0, 2)
    assert table(ledger, "SELECT raw FROM texts") == [(raw,), (raw,)]
    assert table(ledger, "SELECT * FROM showings") == []


@pytest.mark.parametrize("ask", [True, False])
def test_what_may_have_been_sent_is_asked_about(ledger: Ledger, inbox: Inbox, *, ask: bool) -> None:
    key = inbox.add_fresh(fresh("a"), NOW, ask=ask, shown=False)
    dead = inbox.add_dead(letter("b"), b"{}", NOW, ask=ask, gen=None)
    for each in (key, dead):
        assert row(ledger, each).get("unknown") == (NOW if ask else None)
    assert row(ledger, key)["shown"] == 0


def test_what_a_users_generation_shows_is_noted(ledger: Ledger, inbox: Inbox) -> None:
    item = letter("a")
    key = inbox.add_dead(item, item.raw, NOW, ask=False, gen=7)
    assert table(ledger, "SELECT * FROM showings") == [
        (key, 7, None, 2, NOW, items.body(item.raw), 0)
    ]


def test_a_further_content_remembers_the_first(ledger: Ledger, inbox: Inbox) -> None:
    first, other = fresh("a"), fresh("a", content="other")
    inbox.add_fresh(first, NOW, ask=False)
    key = inbox.add_fresh(other, NOW, ask=False)
    third = inbox.add_dead(fresh("a", content="third"), b"{}", NOW, ask=False, gen=None)
    for each in (key, third):
        assert row(ledger, each)["first_digest"] == first.digest
    assert "first_digest" not in row(ledger, inbox.add_fresh(fresh("b"), NOW, ask=False))


def test_items_are_found_by_id_and_by_content(inbox: Inbox) -> None:
    first, other = fresh("a"), fresh("a", content="other")
    keys = [inbox.add_fresh(each, NOW, ask=False) for each in (first, other)]
    many = [fresh(f"n{n}") for n in range(1001)]
    for each in many:
        inbox.add_fresh(each, NOW, ask=False)
    found = inbox.by_ids([*(each.id for each in many), "a", "none"])
    assert [each.key for each in found["a"]] == keys
    assert len(found) == 1002
    assert known(inbox, first).key == keys[0]
    assert known(inbox, other).key == keys[1]
    assert inbox.known(fresh("a", content="third").name) is None
    assert inbox.known(fresh("b", content="text of a").name) is None
    assert inbox.by_ids([]) == {}


def test_a_row_says_what_the_ledger_knows(ledger: Ledger, inbox: Inbox) -> None:
    item = letter("\ud800", retry_count=4)
    key = inbox.add_dead(item, item.raw, NOW, ask=False, gen=None)
    outbox = Outbox(ledger)
    outbox.record_delivery(key, HERE, NOW)
    outbox.record_delivery(key, ELSEWHERE, NOW)
    inbox.revive(known(inbox, item), item, NOW, dead=True, gen=None)
    outbox.claim(key, NOW + 1)
    assert known(inbox, item) == Row(
        key, "\ud800", item.digest, "dead", 4, NOW, NOW + 1, since=NOW,
        servers=frozenset({HERE, ELSEWHERE}),
    )  # fmt: skip


# Moves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["busy", None])
def test_a_fresh_entry_becomes_a_dead_letter(
    ledger: Ledger, inbox: Inbox, error: str | None
) -> None:
    inbox.add_dead(letter("x"), b"{}", NOW, ask=False, gen=None)
    key = inbox.add_fresh(fresh("a", retries=4), NOW, ask=True)
    other = inbox.add_fresh(fresh("b"), NOW, ask=False)
    with ledger.transaction() as db:
        db.execute("UPDATE items SET last_error = 'old', held = 1, claimed = 1, body = x'00'")
    before, others = row(ledger, key), row(ledger, other)
    inbox.move_to_dlq(key, b"{}", NOW + 5, NOW + 35, error)
    assert changes(before, row(ledger, key)) == {
        "state": "dead", "last_attempt": NOW + 5, "moved": NOW + 5, "due": NOW + 35, "dead_seq": 2,
        "claimed": None, "held": None, "body": None,
    } | ({"last_error": "busy"} if error else {})  # fmt: skip
    assert row(ledger, other) == others
    assert table(ledger, f"SELECT raw FROM texts WHERE key = {key}") == [(b"{}",)]


def test_what_another_worker_may_have_is_asked_about_as_a_dead_letter_too(
    ledger: Ledger, inbox: Inbox
) -> None:
    key = inbox.add_fresh(fresh("a"), NOW, ask=False)
    ForeignClaims(ledger).vanish([key], NOW + 1, taken=True, wait_until=0)
    inbox.move_to_dlq(key, b"{}", NOW + 5, NOW + 35)
    assert row(ledger, key)["unknown"] == NOW + 1
    assert "taken" not in row(ledger, key)


def test_what_was_discarded_waits_again_as_a_dead_letter(ledger: Ledger, inbox: Inbox) -> None:
    inbox.add_dead(letter("x"), b"{}", NOW, ask=False, gen=None)
    key = inbox.add_fresh(fresh("a"), NOW, ask=False)
    ForeignClaims(ledger).vanish([key], NOW, taken=True, wait_until=0)
    ForeignClaims(ledger).hold(key, NOW)
    inbox.discard([key], NOW, "user")
    item = letter("a", retry_count=3, last_attempt=NOW + 8, retries=1)
    before = row(ledger, key)
    inbox.revive(known(inbox, item), item, NOW + 9, dead=True, gen=5)
    assert changes(before, row(ledger, key)) == {
        "state": "dead", "retries": 1, "retry_count": 3, "last_attempt": NOW + 8,
        "due": NOW + 248, "closed": None, "reason": None, "revived": NOW + 9, "moved": NOW - 100,
        "dead_seq": 2, "vanished": None, "taken": None, "held": None,
    }  # fmt: skip
    assert table(ledger, f"SELECT raw FROM texts WHERE key = {key}") == [(item.raw,)]
    assert table(ledger, "SELECT * FROM showings") == [
        (key, 5, None, 3, NOW + 8, items.body(item.raw), 0)
    ]


def test_what_was_discarded_waits_again_as_a_fresh_entry(ledger: Ledger, inbox: Inbox) -> None:
    item = letter("a")
    key = inbox.add_dead(item, item.raw, NOW, ask=False, gen=None)
    inbox.discard([key], NOW, "user")
    before = row(ledger, key)
    inbox.revive(known(inbox, item), item, NOW + 9, dead=False, gen=None)
    assert changes(before, row(ledger, key)) == {
        "state": "pending", "due": 0.0, "closed": None, "reason": None, "revived": NOW + 9,
        "dead_seq": None,
    }  # fmt: skip
    assert table(ledger, "SELECT * FROM showings") == []


def test_a_deletion_is_one_of_waiting_things(ledger: Ledger, inbox: Inbox) -> None:
    pending = inbox.add_fresh(fresh("a"), NOW, ask=False)
    dead = inbox.add_dead(letter("b"), b"{}", NOW, ask=False, gen=None)
    gone = inbox.add_fresh(fresh("c"), NOW, ask=False)
    Outbox(ledger).record_delivery(gone, HERE, NOW)
    before = {key: row(ledger, key) for key in (pending, dead, gone)}
    inbox.discard([pending, dead, gone], NOW + 5, "user")
    for key in (pending, dead):
        assert changes(before[key], row(ledger, key)) == {
            "state": "discarded", "closed": NOW + 5, "reason": "user",
        }  # fmt: skip
    assert row(ledger, gone) == before[gone]


def test_what_the_queue_file_may_still_show_is_remembered(inbox: Inbox) -> None:
    entry, other = fresh("a"), fresh("b")
    key = inbox.add_fresh(entry, NOW, ask=False)
    inbox.add_fresh(other, NOW, ask=False)
    assert inbox.tombstones() == {}
    inbox.discard([key], NOW, "user")
    assert inbox.tombstones() == {("a", entry.digest): key}
    inbox.clear_tombstones([("a", other.digest), ("b", entry.digest)])
    assert inbox.tombstones() == {("a", entry.digest): key}
    inbox.clear_tombstones([("a", entry.digest)])
    assert inbox.tombstones() == {}


# The queue file ------------------------------------------------------------------------------


def test_waiting_entries_are_those_of_the_queue_file(ledger: Ledger, inbox: Inbox) -> None:
    entries = (fresh("a", retries=2), fresh("b"))
    first, second = (inbox.add_fresh(each, NOW, ask=False) for each in entries)
    inbox.add_dead(letter("c"), b"{}", NOW, ask=False, gen=None)
    ForeignClaims(ledger).vanish([second], NOW + 1, taken=True, wait_until=0)
    assert inbox.fresh_entries() == {
        first: FreshEntry(2, None, None),
        second: FreshEntry(0, NOW + 1, NOW + 1),
    }
    assert list(inbox.fresh_entries()) == [first, second]


def test_the_last_mark_of_each_note_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        records = Inbox(ledger)
        for mark in ("1 2 3", "4 5 6"):
            records.mark_note("projects/a/memory/\udcff'.md", mark)
        texts = [("1", b"a"), ("2", b"b"), ("3", b"a")]
        assert [records.add_note_text(name) for name in texts] == [True, True, False]
    with closing(Ledger(path)) as ledger:
        records = Inbox(ledger)
        assert records.note_marks() == {"projects/a/memory/\udcff'.md": "4 5 6"}
        assert not records.add_note_text(("4", b"b"))


def test_a_text_whose_id_is_known_is_not_new(tmp_path: Path) -> None:
    item = fresh("a")
    with closing(Ledger(tmp_path / "ledger.sqlite3")) as ledger:
        Inbox(ledger).add_fresh(item, NOW, ask=False)
        assert not Inbox(ledger).add_note_text((item.id, b"another project's"))
