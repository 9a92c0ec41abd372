"""Taking items in, and moving them between the files."""

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import FreshEntry, Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.rows import Row
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, known, letter, put, row


@pytest.mark.parametrize("ask", [True, False])
def test_a_fresh_entry_waits_at_once(ledger: Ledger, inbox: Inbox, *, ask: bool) -> None:
    entry = fresh("a", retries=3, timestamp=7)
    (key,) = put(inbox, entry, ask=ask)
    assert row(ledger, key) == {
        "key": key, "id": b"a", "digest": entry.digest, "project": b"p", "ts": 7.0,
        "state": "pending", "retries": 3, "retry_count": 0, "last_attempt": 0.0, "due": 0.0,
        "timeouts": 0, "accepted": NOW, "shown": 1, "raw": entry.raw,
        **({"unknown": NOW} if ask else {}),  # it may have been sent
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
    assert ledger.rows("SELECT raw FROM texts") == [(raw,), (raw,)]
    assert ledger.rows("SELECT * FROM showings") == []


def test_it_is_noted_that_one_is_not_shown_yet(ledger: Ledger, inbox: Inbox) -> None:
    keys = put(inbox, fresh("a"), fresh("b"))
    inbox.note_not_shown(keys[0])
    assert [row(ledger, key)["shown"] for key in keys] == [0, 1]


def test_what_a_users_generation_shows_is_noted(ledger: Ledger, inbox: Inbox) -> None:
    item = letter("a")
    key = inbox.add_dead(item, item.raw, NOW, ask=False, gen=7)
    shown = (key, 7, None, 2, NOW, items.body(item.raw), 0)
    assert ledger.rows("SELECT * FROM showings") == [shown]
    ledger.write("DELETE FROM showings")
    inbox.revive(known(inbox, item), item, NOW, dead=True, gen=7)
    assert ledger.rows("SELECT * FROM showings") == [shown]


def test_a_further_content_remembers_the_first_and_is_none_that_came_since(
    ledger: Ledger, inbox: Inbox
) -> None:
    first, further = fresh("a"), [fresh("a", content="other"), letter("a", content="third")]
    old, *others, new = put(inbox, first, *further, fresh("b"))
    assert [row(ledger, key)["first_digest"] for key in others] == [first.digest] * 2
    assert "first_digest" not in row(ledger, new)
    assert (inbox.came_since(0), inbox.came_since(old)) == ({old, *others, new}, {new})


def test_items_are_found_by_id_and_by_content(inbox: Inbox) -> None:
    first, other = fresh("a"), fresh("a", content="other")
    keys = put(inbox, first, other)
    many = [fresh(f"n{n}") for n in range(1001)]
    assert put(inbox, *many)[-1] == inbox.newest()
    found = inbox.by_ids([*(each.id for each in many), "a", "none"])
    assert [each.key for each in found["a"]] == keys
    assert len(found) == 1002
    assert known(inbox, first).key == keys[0]
    assert known(inbox, other).key == keys[1]
    assert [row.key for row in [inbox.known(first.name, edited=True)] if row] == keys[1:]
    assert inbox.known(fresh("a", content="third").name) is None
    assert inbox.known(fresh("b", content="text of a").name) is None
    assert inbox.by_ids([]) == {}


def test_a_row_says_what_the_ledger_knows(inbox: Inbox, outbox: Outbox) -> None:
    item = letter("\ud800", retry_count=4)
    (key,) = put(inbox, item)
    outbox.record_delivery(key, HERE, NOW)
    outbox.record_delivery(key, ELSEWHERE, NOW)
    inbox.revive(known(inbox, item), item, NOW, dead=True, gen=None)
    assert known(inbox, item) == Row(
        key, "\ud800", item.digest, "dead", 4, NOW, NOW, frozenset({HERE, ELSEWHERE}), None
    )


def test_what_the_queue_file_may_still_show_is_remembered(inbox: Inbox) -> None:
    entry, other = fresh("a"), fresh("b")
    key, _ = put(inbox, entry, other)
    assert inbox.tombstones() == {}
    inbox.discard([key], NOW, "user")
    assert inbox.tombstones() == {("a", entry.digest): key}
    inbox.clear_tombstones([("a", other.digest), ("b", entry.digest)])
    assert inbox.tombstones() == {("a", entry.digest): key}
    inbox.clear_tombstones([("a", entry.digest)])
    assert inbox.tombstones() == {}


def test_waiting_entries_are_those_of_the_queue_file(ledger: Ledger, inbox: Inbox) -> None:
    entries = (fresh("a", retries=2), fresh("b"))
    first, second, gone, _ = put(inbox, *entries, fresh("c"), letter("d"))
    inbox.discard([gone], NOW, "user")
    ForeignClaims(ledger).vanish([second], NOW + 1, taken=True, wait_until=0)
    assert inbox.fresh_entries() == {
        first: FreshEntry(2, None, None),
        second: FreshEntry(0, NOW + 1, NOW + 1),
    }
    assert inbox.fresh_by(bytes) == {entries[0].raw: first, entries[1].raw: second}


def test_the_last_mark_of_each_note_is_kept(inbox: Inbox) -> None:
    for mark in ("1 2 3", "4 5 6"):
        inbox.mark_note("projects/a/memory/\udcff'.md", mark)
    assert inbox.note_marks() == {"projects/a/memory/\udcff'.md": "4 5 6"}


def test_a_text_is_new_unless_its_id_or_its_digest_is_known(inbox: Inbox) -> None:
    put(inbox, fresh("a"))
    texts = [("1", b"a"), ("2", b"b"), ("3", b"a"), ("4", b"b"), ("a", b"another project's")]
    assert [inbox.add_note_text(name) for name in texts] == [True, True, False, False, False]


def test_an_edited_text_is_the_same_item_unless_it_is_known_as_another(
    ledger: Ledger, inbox: Inbox
) -> None:
    old = letter("a")
    (key,) = put(inbox, old)
    new = letter("a", content="new")
    assert inbox.change_content(known(inbox, old), new, NOW) == key
    assert inbox.tombstones() == {old.name: key}
    newer = letter("a", content="newer")
    inbox.change_content(known(inbox, new), newer, NOW)
    assert row(ledger, key)["first_digest"] == old.digest
    known_text = letter("a", content="other")
    (there,) = put(inbox, known_text)
    assert inbox.change_content(known(inbox, newer), known_text, NOW) == there
    assert row(ledger, key)["state"] == "discarded"
    assert ledger.rows("SELECT count(*) FROM items") == [(2,)]


@pytest.mark.parametrize("how", ["under way", "cut off", "lost", "delivered"])
def test_an_edit_of_what_a_server_may_have_is_an_item_of_its_own(
    ledger: Ledger, inbox: Inbox, outbox: Outbox, how: str
) -> None:
    old, new = letter("a"), letter("a", content="new")
    put(inbox, letter("x"))
    key = inbox.add_dead(old, old.raw, NOW, ask=how == "lost", gen=4)
    put(inbox, letter("y"))
    outbox.record_attempt(key, NOW + 1, "unknown", None, "cut", 0.5)
    if how == "under way":
        outbox.claim(key, NOW)
    elif how == "cut off":
        outbox.mark_unknown(key, HERE, NOW + 1, timed_out=True)
    elif how == "delivered":
        outbox.record_delivery(key, HERE, NOW)
        inbox.revive(known(inbox, old), old, NOW + 1, dead=True, gen=None)
    place = row(ledger, key)["dead_seq"]
    edit = inbox.change_content(known(inbox, old), new, NOW + 5)
    assert edit != key
    former, found = row(ledger, key), row(ledger, edit)
    assert (former["state"], former["reason"], former["closed"]) == ("discarded", "edited", NOW + 5)
    assert (found["state"], found["digest"], found["raw"]) == ("dead", new.digest, new.raw)
    assert (found["dead_seq"], found["accepted"], "unknown" in found) == (place, NOW, False)
    shown = ledger.rows("SELECT first_gen, last_gen, retry_count, last_attempt, body, saved"
                        f" FROM showings WHERE item = {edit}")  # fmt: skip
    assert shown == [(4, None, 2, NOW, items.body(old.raw), 0)]
    attempts = ledger.rows(f"SELECT at, message FROM attempts WHERE item = {edit}")
    assert attempts == [(NOW + 1, "cut")]
    job = outbox.claim(edit, NOW + 6, HERE)
    assert (job.unknown, job.timeouts, job.delivered) == (None, 0, None)
    assert (outbox.claim(key, NOW + 6, HERE).unknown is None) == (how == "under way")
    assert known(inbox, old).servers == ({HERE} if how == "delivered" else set())


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize(("set_aside", "left"), [(False, NOW + 600), (True, NOW + 120)])
def test_an_edit_leaves_a_wait_that_it_does_not_name_and_that_the_server_wants(
    inbox: Inbox, outbox: Outbox, *, sent: bool, set_aside: bool, left: float
) -> None:
    old, new = letter("a"), letter("a", content="new")
    (key,) = put(inbox, old, ask=sent)
    if set_aside:
        outbox.record_attempt(key, NOW + 200, "slow down", 429, "Too Many Requests", 0.1)
    outbox.defer(key, NOW + 600)
    edit = inbox.change_content(known(inbox, old), new, NOW + 5)
    assert (edit == key) != sent
    inbox.change_values(edit, new, NOW + 5)
    assert outbox.due(edit) == left
    for _ in range(2):
        outbox.defer(edit, NOW + 600)
        inbox.change_values(edit, letter("a", content="new", last_attempt=0), NOW + 6)
        assert outbox.due(edit) == 0


def test_a_text_that_is_to_be_forgotten_is_gone(ledger: Ledger, inbox: Inbox) -> None:
    outbox = Outbox(ledger)
    key, other, delivered = put(inbox, *map(fresh, "abc"))
    outbox.record_delivery(delivered, HERE, NOW)
    for each in (key, other, delivered):
        outbox.record_attempt(each, NOW, "outage", None, "m", 0.5)
    ledger.write("UPDATE items SET last_error = 'e'")
    others = row(ledger, other)
    inbox.erase([key, delivered])
    found = row(ledger, key)
    assert (found["state"], found["reason"]) == ("discarded", "forgotten")
    assert "last_error" not in found
    assert row(ledger, delivered)["state"] == "delivered"
    assert row(ledger, other) == others
    assert ledger.rows("SELECT key FROM texts") == [(other,)]
    assert ledger.rows("SELECT item, message FROM attempts ORDER BY item") == [
        (key, ""), (other, "m"), (delivered, ""),
    ]  # fmt: skip
    assert ledger.rows("PRAGMA secure_delete") == [(1,)]


def test_what_was_discarded_long_ago_expires(ledger: Ledger, inbox: Inbox) -> None:
    old, young, waits = put(inbox, *map(fresh, "abc"))
    inbox.discard([old], NOW - 10, "user")
    inbox.discard([young], NOW, "user")
    ledger.write("UPDATE items SET last_error = 'e'")
    ledger.write("UPDATE items SET closed = ? WHERE key = ?", NOW - 20, waits)
    assert inbox.expire(NOW) == 1
    assert ledger.rows("SELECT key FROM texts") == [(young,), (waits,)]
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
    put(inbox, waits)
    inbox.keep(known(inbox, entry), HERE)
    assert (known(inbox, entry).state, known(inbox, other).state) == ("delivered", "discarded")
    inbox.keep(known(inbox, other), "another")  # which had never been delivered there
    assert (known(inbox, other).reason, known(inbox, waits).reason) == (items.DELETED, None)
    trusted = "SELECT items.id, name FROM outcomes JOIN items ON items.key = item"
    trusted += " JOIN servers ON servers.key = server WHERE has = 1"
    assert set(ledger.rows(trusted)) == {(b"a", HERE), (b"d", HERE), (b"d", ELSEWHERE)}


def test_a_text_may_be_back_where_a_server_was_to_delete_that_very_text(inbox: Inbox) -> None:
    entry, other = fresh("a"), fresh("b")
    put(inbox, entry, other)
    again, of_other = (items.id_again("a"), entry.digest), (items.id_again("b"), other.digest)
    assert not inbox.may_be_back(again)
    inbox.remove(entry.name, HERE, NOW)
    assert (inbox.may_be_back(again), inbox.may_be_back(of_other)) == (True, False)
    assert not inbox.may_be_back(entry.name)
