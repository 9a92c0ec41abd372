"""What users change, and what is forgotten."""

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from tests.ledger.samples import HERE, NOW, changes, fresh, known, letter, row, table

# What users change ---------------------------------------------------------------------------


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


def test_an_edit_of_what_may_have_arrived_is_an_item_of_its_own(
    ledger: Ledger, inbox: Inbox
) -> None:
    outbox = Outbox(ledger)
    sent, lost = letter("a"), letter("b")
    keys = [
        inbox.add_dead(sent, sent.raw, NOW, ask=False, gen=None),
        inbox.add_dead(lost, lost.raw, NOW, ask=True, gen=None),
    ]
    outbox.claim(keys[0], NOW, HERE)
    outbox.release(keys[0])
    outbox.mark_unknown(keys[0], HERE, NOW + 1, timed_out=True)
    for key, old in zip(keys, (sent, lost), strict=True):
        outbox.record_attempt(key, NOW + 1, "unknown", None, "cut", 0.5)
        new = letter(old.id, content="new")
        edit = inbox.change_content(known(inbox, old), new, NOW + 5)
        assert edit not in keys
        assert row(ledger, key)["reason"] == "edited"
        assert row(ledger, edit)["accepted"] == NOW
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
    key = inbox.add_dead(old, old.raw, NOW, ask=False, gen=None)
    there = inbox.add_dead(other, other.raw, NOW, ask=False, gen=None)
    assert inbox.change_content(known(inbox, old), other, NOW) == there
    assert row(ledger, key)["state"] == "discarded"
    assert table(ledger, "SELECT count(*) FROM items") == [(2,)]


def test_the_users_values_win(ledger: Ledger, inbox: Inbox) -> None:
    old = letter("a")
    key = inbox.add_dead(old, old.raw, NOW, ask=False, gen=None)
    other = inbox.add_dead(letter("b"), b"{}", NOW, ask=False, gen=None)
    with ledger.transaction() as db:
        db.execute("UPDATE items SET body = x'00'")
    before, others = row(ledger, key), row(ledger, other)
    new = letter("a", retry_count=5, last_attempt=NOW - 5)
    inbox.change_values(key, new, NOW)
    assert changes(before, row(ledger, key)) == {
        "retry_count": 5, "last_attempt": NOW - 5, "due": NOW + 955, "body": None,
    }  # fmt: skip
    assert table(ledger, f"SELECT raw FROM texts WHERE key = {key}") == [(new.raw,)]
    assert row(ledger, other) == others
    inbox.discard([key], NOW, "user")
    gone = row(ledger, key)
    inbox.change_values(key, old, NOW)
    assert row(ledger, key) == gone
    assert table(ledger, f"SELECT raw FROM texts WHERE key = {key}") == [(new.raw,)]


@pytest.mark.parametrize("sent", [False, True])
def test_an_edit_leaves_a_wait_that_it_does_not_name(
    ledger: Ledger, inbox: Inbox, *, sent: bool
) -> None:
    old, new = letter("a"), letter("a", content="new")
    key = inbox.add_dead(old, old.raw, NOW, ask=sent, gen=None)
    Outbox(ledger).defer(key, NOW + 600)
    edit = inbox.change_content(known(inbox, old), new, NOW + 5)
    assert (edit == key) != sent
    inbox.change_values(edit, new, NOW + 5)
    assert row(ledger, edit)["due"] == NOW + 600
    for _ in range(2):
        Outbox(ledger).defer(edit, NOW + 600)
        inbox.change_values(edit, letter("a", content="new", last_attempt=0), NOW + 6)
        assert row(ledger, edit)["due"] == 0


@pytest.mark.parametrize("sent", [False, True])
def test_an_edit_ends_the_wait_of_a_letter_that_was_set_aside(
    ledger: Ledger, inbox: Inbox, *, sent: bool
) -> None:
    old, new = letter("a"), letter("a", content="new")
    key = inbox.add_dead(old, old.raw, NOW, ask=sent, gen=None)
    Outbox(ledger).record_attempt(key, NOW + 200, "slow down", 429, "Too Many Requests", 0.1)
    Outbox(ledger).defer(key, NOW + 2000)
    edit = inbox.change_content(known(inbox, old), new, NOW + 300)
    inbox.change_values(edit, new, NOW + 300)
    assert row(ledger, edit)["due"] == NOW + 120


# Forgetting ----------------------------------------------------------------------------------


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
