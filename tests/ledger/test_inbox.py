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
from tests.ledger.samples import (
    ELSEWHERE,
    HERE,
    NOW,
    changes,
    fresh,
    known,
    letter,
    put,
    row,
    table,
)

# Taking in -----------------------------------------------------------------------------------


def test_a_fresh_entry_waits_at_once(ledger: Ledger, inbox: Inbox) -> None:
    entry = fresh("a", retries=3, timestamp=7)
    key = inbox.add_fresh(entry, NOW, ask=False)
    assert row(ledger, key) == {
        "key": key, "id": b"a", "digest": entry.digest, "project": b"p", "ts": 7.0,
        "state": "pending", "retries": 3, "retry_count": 0, "last_attempt": 0.0, "due": 0.0,
        "timeouts": 0, "accepted": NOW, "shown": 1, "raw": entry.raw,
    }  # fmt: skip


def test_a_dead_letter_waits_for_its_time(ledger: Ledger, inbox: Inbox) -> None:
    entries = [letter("a", retry_count=3), letter("b", last_attempt=0)]
    raw = b'{"moved_to_dlq_at": 5, "last_error": "500"}'
    first, second = (inbox.add_dead(each, raw, NOW, ask=False, gen=None) for each in entries)
    found = row(ledger, first)
    assert (found["state"], found["retry_count"], found["last_attempt"]) == ("dead", 3, NOW)
    assert (found["due"], found["moved"], found["accepted"]) == (NOW + 240, 5, NOW)
    assert (found["dead_seq"], found["retries"], "unknown" in found) == (1, 0, False)
    assert found["last_error"] == "500"
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
    shown = (key, 7, None, 2, NOW, items.body(item.raw), 0)
    assert table(ledger, "SELECT * FROM showings") == [shown]
    with ledger.transaction() as db:
        db.execute("DELETE FROM showings")
    inbox.revive(known(inbox, item), item, NOW, dead=True, gen=7)
    assert table(ledger, "SELECT * FROM showings") == [shown]


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
    added = [inbox.add_fresh(each, NOW, ask=False) for each in many]
    assert inbox.newest() == added[-1]
    found = inbox.by_ids([*(each.id for each in many), "a", "none"])
    assert [each.key for each in found["a"]] == keys
    assert len(found) == 1002
    assert known(inbox, first).key == keys[0]
    assert known(inbox, other).key == keys[1]
    assert [row.key for row in [inbox.known(first.name, edited=True)] if row] == keys[1:]
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
    assert known(inbox, item) == Row(
        key, "\ud800", item.digest, "dead", 4, NOW, NOW, frozenset({HERE, ELSEWHERE}), None
    )


def test_only_fresh_entries_are_found_by_their_bytes(inbox: Inbox) -> None:
    entry = fresh("a")
    key = inbox.add_fresh(entry, NOW, ask=False)
    gone = inbox.add_fresh(fresh("b"), NOW, ask=False)
    inbox.discard([gone], NOW, "user")
    inbox.add_dead(letter("c"), b"{}", NOW, ask=False, gen=None)
    assert inbox.fresh_by(bytes) == {entry.raw: key}


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


def test_an_edited_text_is_the_same_item(ledger: Ledger, inbox: Inbox) -> None:
    old = letter("a")
    key = inbox.add_dead(old, old.raw, NOW, ask=False, gen=None)
    with ledger.transaction() as db:
        db.execute("UPDATE items SET timeouts = 1")
    new = letter("a", content="new", project_id="q", timestamp=9)
    before = row(ledger, key)
    assert inbox.change_content(known(inbox, old), new, NOW) == key
    assert changes(before, row(ledger, key)) == {
        "digest": new.digest, "first_digest": old.digest, "project": b"q", "ts": 9.0,
        "timeouts": 0,
    }  # fmt: skip
    assert inbox.tombstones() == {old.name: key}
    newer = letter("a", content="newer")
    inbox.change_content(known(inbox, new), newer, NOW)
    assert row(ledger, key)["first_digest"] == old.digest


def test_an_edit_during_a_request_is_an_item_of_its_own(ledger: Ledger, inbox: Inbox) -> None:
    inbox.add_dead(letter("x"), b"{}", NOW, ask=False, gen=None)
    old = letter("a")
    key = inbox.add_dead(old, old.raw, NOW, ask=False, gen=4)
    inbox.add_dead(letter("y"), b"{}", NOW, ask=False, gen=None)
    Outbox(ledger).claim(key, NOW)
    new = letter("a", content="new")
    edit = inbox.change_content(known(inbox, old), new, NOW + 5)
    assert edit != key
    assert (row(ledger, key)["state"], row(ledger, key)["reason"]) == ("discarded", "edited")
    assert row(ledger, key)["closed"] == NOW + 5
    found = row(ledger, edit)
    assert (found["state"], found["dead_seq"], found["digest"]) == ("dead", 2, new.digest)
    assert "unknown" not in found
    assert table(ledger, "SELECT raw FROM texts ORDER BY key DESC LIMIT 1") == [(new.raw,)]
    shown = table(ledger, "SELECT first_gen, last_gen, retry_count, last_attempt, body, saved"
                  f" FROM showings WHERE item = {edit}")  # fmt: skip
    assert shown == [(4, None, 2, NOW, items.body(old.raw), 0)]


@pytest.mark.parametrize("lost", [False, True])
def test_an_edit_of_what_may_have_arrived_is_an_item_of_its_own(
    ledger: Ledger, inbox: Inbox, *, lost: bool
) -> None:
    outbox, old, new = Outbox(ledger), letter("a"), letter("a", content="new")
    key = inbox.add_dead(old, old.raw, NOW, ask=lost, gen=None)
    if not lost:
        outbox.mark_unknown(key, HERE, NOW + 1, timed_out=True)
    outbox.record_attempt(key, NOW + 1, "unknown", None, "cut", 0.5)
    edit = inbox.change_content(known(inbox, old), new, NOW + 5)
    assert edit != key
    assert (row(ledger, key)["reason"], row(ledger, edit)["accepted"]) == ("edited", NOW)
    assert table(ledger, f"SELECT at, message FROM attempts WHERE item = {edit}") == [
        (NOW + 1, "cut")
    ]
    job = outbox.claim(edit, NOW + 6, HERE)
    assert (job.unknown, job.timeouts) == (None, 0)
    assert outbox.claim(key, NOW + 6, HERE).unknown is not None


def test_no_server_has_taken_what_was_edited_since(ledger: Ledger, inbox: Inbox) -> None:
    outbox, here, elsewhere = Outbox(ledger), "http://here.test", "http://elsewhere.test"
    old, new = letter("a"), letter("a", content="new")
    key = inbox.add_dead(old, old.raw, NOW, ask=False, gen=None)
    outbox.record_delivery(key, here, NOW)
    inbox.revive(known(inbox, old), old, NOW + 1, dead=True, gen=None)
    outbox.claim(key, NOW + 2, elsewhere)
    outbox.release(key)
    edit = inbox.change_content(known(inbox, old), new, NOW + 3)
    assert outbox.claim(edit, NOW + 4, here).delivered is None
    assert known(inbox, old).servers == {here}


def test_an_edit_into_a_text_that_is_known_is_that_one(ledger: Ledger, inbox: Inbox) -> None:
    old, other = letter("a"), letter("a", content="other")
    key, there = put(inbox, old, other)
    assert inbox.change_content(known(inbox, old), other, NOW) == there
    assert row(ledger, key)["state"] == "discarded"
    assert table(ledger, "SELECT count(*) FROM items") == [(2,)]


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize(("set_aside", "left"), [(False, NOW + 600), (True, NOW + 120)])
def test_an_edit_leaves_a_wait_that_it_does_not_name_and_that_the_server_wants(
    ledger: Ledger, inbox: Inbox, *, sent: bool, set_aside: bool, left: float
) -> None:
    old, new, outbox = letter("a"), letter("a", content="new"), Outbox(ledger)
    key = inbox.add_dead(old, old.raw, NOW, ask=sent, gen=None)
    if set_aside:
        outbox.record_attempt(key, NOW + 200, "slow down", 429, "Too Many Requests", 0.1)
    outbox.defer(key, NOW + 600)
    edit = inbox.change_content(known(inbox, old), new, NOW + 5)
    assert (edit == key) != sent
    inbox.change_values(edit, new, NOW + 5)
    assert row(ledger, edit)["due"] == left
    for _ in range(2):
        outbox.defer(edit, NOW + 600)
        inbox.change_values(edit, letter("a", content="new", last_attempt=0), NOW + 6)
        assert row(ledger, edit)["due"] == 0


def test_a_text_that_is_to_be_forgotten_is_gone(ledger: Ledger, inbox: Inbox) -> None:
    key, other = (inbox.add_fresh(fresh(name), NOW, ask=False) for name in "ab")
    delivered = inbox.add_fresh(fresh("c"), NOW, ask=False)
    outbox = Outbox(ledger)
    outbox.record_delivery(delivered, HERE, NOW)
    for each in (key, other, delivered):
        outbox.record_attempt(each, NOW, "outage", None, "m", 0.5)
    with ledger.transaction() as db:
        db.execute("UPDATE items SET last_error = 'e'")
    others = row(ledger, other)
    inbox.erase([key, delivered])
    found = row(ledger, key)
    assert (found["state"], found["reason"], "last_error" in found) == (
        "discarded", "forgotten", False,
    )  # fmt: skip
    assert row(ledger, delivered)["state"] == "delivered"
    assert row(ledger, other) == others
    assert table(ledger, "SELECT key FROM texts") == [(other,)]
    assert table(ledger, "SELECT item, message FROM attempts ORDER BY item") == [
        (key, ""), (other, "m"), (delivered, ""),
    ]  # fmt: skip
    assert table(ledger, "PRAGMA secure_delete") == [(1,)]


def test_what_was_discarded_long_ago_expires(ledger: Ledger, inbox: Inbox) -> None:
    old, young, waits = (inbox.add_fresh(fresh(name), NOW, ask=False) for name in "abc")
    inbox.discard([old], NOW - 10, "user")
    inbox.discard([young], NOW, "user")
    with ledger.transaction() as db:
        db.execute("UPDATE items SET last_error = 'e'")
        db.execute("UPDATE items SET closed = ? WHERE key = ?", (NOW - 20, waits))
    assert inbox.expire(NOW) == 1
    assert table(ledger, "SELECT key FROM texts") == [(young,), (waits,)]
    assert "last_error" not in row(ledger, old)
    assert row(ledger, young)["last_error"] == row(ledger, waits)["last_error"] == "e"
    assert inbox.expire(NOW) == 0


def test_what_a_server_did_not_delete_is_delivered_there_again_and_nothing_else(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    entry, other, waits = fresh("a"), fresh("b"), fresh("c")
    for key in put(inbox, entry, other, fresh("d")):
        for server in (HERE, ELSEWHERE):
            outbox.record_delivery(key, server, NOW)
    for each in (entry, other):
        for server in (HERE, ELSEWHERE):
            inbox.remove(each.name, server, NOW + 5)
    inbox.add_fresh(waits, NOW, ask=False)
    inbox.keep(known(inbox, entry), HERE)
    assert (known(inbox, entry).state, known(inbox, other).state) == ("delivered", "discarded")
    inbox.keep(known(inbox, other), "another")  # which had never been delivered there
    assert (known(inbox, other).reason, known(inbox, waits).reason) == (items.DELETED, None)
    trusted = "SELECT items.id, name FROM outcomes JOIN items ON items.key = item"
    trusted += " JOIN servers ON servers.key = server WHERE has = 1"
    assert set(table(ledger, trusted)) == {(b"a", HERE), (b"d", HERE), (b"d", ELSEWHERE)}


def test_a_text_may_be_back_where_a_server_was_to_delete_that_very_text(inbox: Inbox) -> None:
    entry, other = fresh("a"), fresh("b")
    list(put(inbox, entry, other))
    again, of_other = (items.id_again("a"), entry.digest), (items.id_again("b"), other.digest)
    assert not inbox.may_be_back(again)
    inbox.remove(entry.name, HERE, NOW)
    assert (inbox.may_be_back(again), inbox.may_be_back(of_other)) == (True, False)
    assert not inbox.may_be_back(entry.name)


def test_a_new_text_for_an_old_id_has_not_come_since(inbox: Inbox) -> None:
    (old,) = put(inbox, fresh("a"))
    new, _ = put(inbox, fresh("b"), fresh("a", content="another"))
    assert (inbox.came_since(0), inbox.came_since(old)) == ({old, new, new + 1}, {new})
