"""Claims, and what is remembered of each delivery."""

import hashlib

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import DEAD, FRESH, Outbox, perhaps_since
from tests.ledger.looking import changes, row, table
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, letter, put

# Claim and outcome ---------------------------------------------------------------------------


def test_a_claim_says_what_is_sent(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """The item as it is now; that it is under way is written down."""
    (key,) = put(inbox, letter("a", retry_count=3))
    before = row(ledger, key)
    job = outbox.claim(key, NOW + 5, HERE)
    assert (job.key, job.lane, job.item_id, job.project) == (key, DEAD, "a", "p")
    assert (job.text, job.idempotency_key) == ("text of a", "a")
    assert (job.retries, job.retry_count, job.last_attempt) == (0, 3, NOW)
    assert (job.unknown, job.timeouts, job.taken, job.delivered) == (None, 0, None, None)
    assert changes(before, row(ledger, key)) == {"claimed": NOW + 5, "claimed_for": 1}
    assert table(ledger, "SELECT * FROM servers") == [(1, HERE)]


def test_a_claim_knows_what_was_tried(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """Since when the outcome is unknown, how often it timed out, who else may have it."""
    (key,) = put(inbox, fresh("a", retries=2))
    outbox.mark_unknown(key, HERE, NOW + 1, timed_out=True)
    outbox.mark_unknown(key, HERE, NOW + 2, timed_out=False)
    job = outbox.claim(key, NOW + 3, HERE)
    assert (job.lane, job.retries, job.unknown, job.timeouts) == (FRESH, 2, NOW + 2, 1)
    outbox.release(key)
    (other,) = put(inbox, fresh("b"))
    ForeignClaims(ledger).vanish([other], NOW + 4, taken=True, wait_until=0)
    assert outbox.claim(other, NOW + 5).taken == NOW + 4


def test_what_was_read_from_a_server_counts_as_delivered_there(
    inbox: Inbox, outbox: Outbox
) -> None:
    """Others had saved it there: that server is asked first, and so is no other."""
    digest = items.digest("p", "text")
    (key,) = put(inbox, fresh(items.id_from(HERE, digest), content="text"))
    there = outbox.claim(key, NOW, HERE)
    assert (there.read_there, there.unknown, there.delivered) == (True, 0.0, 0.0)
    elsewhere = outbox.claim(key, NOW, ELSEWHERE)
    assert (elsewhere.read_there, elsewhere.unknown, elsewhere.delivered) == (False, None, None)
    outbox.mark_unknown(key, HERE, NOW + 1, timed_out=False)
    assert outbox.claim(key, NOW, HERE).unknown == NOW + 1


def test_a_further_text_under_an_id_has_a_key_of_its_own(inbox: Inbox, outbox: Outbox) -> None:
    """The id, and eight digits of the hash of project and text."""
    _, key = put(inbox, fresh("a"), fresh("a", content="other"))
    digest = hashlib.sha256(b"p\0other").hexdigest()[:8]
    assert outbox.claim(key, NOW).idempotency_key == f"a-{digest}"


def test_an_item_without_its_bytes_cannot_be_sent(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    """They were erased, or are no item."""
    (key,) = put(inbox, fresh("a"))
    with ledger.transaction() as db:
        db.execute("UPDATE texts SET raw = ?", (b"5",))
    with pytest.raises(LookupError):
        outbox.claim(key, NOW)
    with ledger.transaction() as db:
        db.execute("DELETE FROM texts")
    for work in (outbox.raw, lambda key: outbox.claim(key, NOW)):
        with pytest.raises(LookupError):
            work(key)
    assert outbox.find_raw(key) is None


def test_a_delivery_is_remembered_for_good(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """With its server and its time; the text is not kept, and nothing of the attempts counts."""
    entry = letter("a")
    (key,) = put(inbox, entry)
    with ledger.transaction() as db:
        db.execute("UPDATE items SET unknown = 1")
    outbox.claim(key, NOW, HERE)
    outbox.mark_unknown(key, HERE, NOW, timed_out=True)
    assert outbox.raw(key) == entry.raw == outbox.find_raw(key)
    before = row(ledger, key)
    assert outbox.record_delivery(key, HERE, NOW + 5) is None
    assert changes(before, row(ledger, key)) == {
        "state": "delivered", "claimed": None, "unknown": None, "closed": NOW + 5,
    }  # fmt: skip
    assert table(ledger, "SELECT * FROM texts") == []
    assert table(
        ledger, "SELECT item, name, at, has FROM outcomes JOIN servers ON servers.key = server"
    ) == [(key, HERE, NOW + 5, 1)]
    assert (ledger.meta("total_synced"), ledger.meta("last_delivery")) == (1, NOW + 5)


def test_what_is_not_needed_after_a_delivery_goes(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    """Error, hold, and what the user's part of the dead letter was."""
    (key,) = put(inbox, fresh("a"))
    with ledger.transaction() as db:
        db.execute("UPDATE items SET body = x'00', last_error = 'e', taken = 1, held = 1")
    before = row(ledger, key)
    outbox.record_delivery(key, HERE, NOW)
    gone = {name for name, value in changes(before, row(ledger, key)).items() if value is None}
    assert gone == {"body", "last_error", "taken", "held"}


def test_a_delivery_to_each_server_is_remembered(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    """The last time counts; the next claim for that server knows of it."""
    entry = fresh("a")
    (key,) = put(inbox, entry)
    known = None
    for server, at in ((HERE, NOW), (ELSEWHERE, NOW + 1), (HERE, NOW + 2)):
        outbox.record_delivery(key, server, at)
        known = inbox.known(entry.name)
        assert known is not None
        inbox.revive(known, entry, at, dead=False, gen=None)
    assert known is not None
    assert known.servers == {HERE, ELSEWHERE}
    job = outbox.claim(key, NOW + 3, HERE)
    assert (job.delivered, job.unknown) == (NOW + 2, NOW + 2)
    job = outbox.claim(key, NOW + 3, ELSEWHERE)
    assert (job.delivered, job.unknown) == (NOW + 1, NOW + 2)
    with ledger.transaction() as db:
        db.execute("UPDATE items SET unknown = ?", (NOW + 9,))
    assert outbox.claim(key, NOW + 9, HERE).unknown == NOW + 9
    assert ledger.meta("total_synced") == 3
    assert table(ledger, "SELECT count(*) FROM servers") == [(2,)]


def test_what_another_address_has_is_asked_about_here(inbox: Inbox, outbox: Outbox) -> None:
    """Two addresses may be one server: since the last delivery this one may have it too."""
    entry = fresh("a")
    (key,) = put(inbox, entry)
    assert outbox.claim(key, NOW, HERE).unknown is None
    outbox.record_delivery(key, HERE, NOW + 1)
    known = inbox.known(entry.name)
    assert known is not None
    inbox.revive(known, entry, NOW + 2, dead=False, gen=None)
    job = outbox.claim(key, NOW + 3, ELSEWHERE)
    assert (job.delivered, job.unknown) == (None, NOW + 1)
    outbox.mark_absent(job, ELSEWHERE)
    outbox.release(key)
    assert outbox.claim(key, NOW + 4, ELSEWHERE).unknown is None
    assert outbox.claim(key, NOW + 4, HERE).unknown == NOW + 1


def test_a_server_has_what_it_took_whatever_it_says_later(inbox: Inbox, outbox: Outbox) -> None:
    """Neither an outcome that is unknown nor a refusal takes a delivery back."""
    entry = fresh("a")
    (key,) = put(inbox, entry)
    outbox.record_delivery(key, HERE, NOW)
    known = inbox.known(entry.name)
    assert known is not None
    inbox.revive(known, entry, NOW, dead=False, gen=None)
    outbox.mark_unknown(key, HERE, NOW + 1, timed_out=False)
    job = outbox.claim(key, NOW + 2, HERE)
    assert (job.delivered, job.unknown) == (NOW, NOW)
    outbox.mark_absent(job, HERE)
    assert outbox.claim(key, NOW + 3, HERE).delivered == NOW


@pytest.mark.parametrize(
    ("unknown", "past", "since"),
    [
        (None, [], None),
        (5.0, [], 5.0),
        (None, [(1, 5.0, None)], 5.0),
        (None, [(2, 5.0, None)], 5.0),
        (None, [(2, 5.0, 1)], 5.0),
        (None, [(1, 5.0, 0)], None),
        (None, [(2, 5.0, 0)], None),
        (5.0, [(1, 5.0, 0)], None),
        (5.0, [(2, 5.0, 0)], 5.0),
        (9.0, [(1, 5.0, 0)], 9.0),
        (3.0, [(1, 5.0, 0)], 3.0),
        (5.0, [(1, 9.0, 0), (2, 9.0, 1)], None),
        (5.0, [(1, 5.0, 0), (2, 9.0, None)], 9.0),
    ],
)
def test_a_server_is_asked_about_what_it_has_not_answered(
    unknown: float | None, past: list[tuple[int, float, int | None]], since: float | None
) -> None:
    """What happened there, elsewhere, or nobody knows where: as long as it is news to server 1."""
    assert perhaps_since(unknown, past, 1) == since


@pytest.mark.parametrize("why", ["user", None])
def test_a_delivery_beats_a_deletion(
    ledger: Ledger, inbox: Inbox, outbox: Outbox, why: str | None
) -> None:
    """And says why it had been discarded while the request was under way."""
    (key,) = put(inbox, fresh("a"))
    inbox.discard([key], NOW, "user")
    with ledger.transaction() as db:
        db.execute("UPDATE items SET reason = ?", (why,))
    assert outbox.record_delivery(key, HERE, NOW) == (why or "")
    assert row(ledger, key)["state"] == "delivered"


def test_a_failure_of_a_fresh_entry_is_one_more(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    """Its bytes are those of the file from now on; others are left alone."""
    key, other = put(inbox, fresh("a", retries=2), fresh("b"))
    job = outbox.claim(key, NOW)
    before, others = row(ledger, key), row(ledger, other)
    outbox.count_fresh_failure(job, NOW + 30, "busy", b'{"id":"a"}')
    assert changes(before, row(ledger, key)) == {
        "claimed": None, "retries": 3, "due": NOW + 30, "last_error": "busy",
    }  # fmt: skip
    assert outbox.raw(key) == b'{"id":"a"}'
    assert row(ledger, other) == others


def test_what_another_worker_took_meanwhile_is_still_asked_about(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    """It may deliver the entry after our failure; what it took before is known by now."""
    before, meanwhile = put(inbox, fresh("a"), fresh("b"))
    taken = ForeignClaims(ledger)
    taken.vanish([before], NOW, taken=True, wait_until=0)
    jobs = [outbox.claim(key, NOW + 1) for key in (before, meanwhile)]
    taken.vanish([meanwhile], NOW + 2, taken=True, wait_until=0)
    for job in jobs:
        outbox.count_fresh_failure(job, NOW + 30, "busy", b"{}")
    assert "taken" not in row(ledger, before)
    assert row(ledger, meanwhile)["unknown"] == NOW + 2
    assert row(ledger, meanwhile)["taken"] == NOW + 2


def test_a_failed_retry_is_counted_as_the_file_will_say(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    """Count, time and due time are given."""
    key, other = put(inbox, letter("a"), letter("b"))
    job = outbox.claim(key, NOW)
    before, others = row(ledger, key), row(ledger, other)
    outbox.count_dead_failure(job, 7, NOW + 3600, "busy", b"{}", NOW + 1)
    assert changes(before, row(ledger, key)) == {
        "claimed": None, "retry_count": 7, "last_attempt": NOW + 1,
        "due": NOW + 3600, "last_error": "busy",
    }  # fmt: skip
    assert outbox.raw(key) == b"{}"
    assert row(ledger, other) == others


def test_the_last_fifty_attempts_are_kept(ledger: Ledger, outbox: Outbox) -> None:
    """Those of each item."""
    for number in range(52):
        outbox.record_attempt(1, NOW + number, "outage", None, f"n {number}", 0.5)
    outbox.record_attempt(2, NOW, "item failure", 500, "broken", 1.5, "1a2b")
    kept = table(ledger, "SELECT at FROM attempts WHERE item = 1 ORDER BY at")
    assert [at for (at,) in kept] == [NOW + number for number in range(2, 52)]
    assert table(ledger, "SELECT * FROM attempts WHERE item = 2") == [
        (2, NOW, "item failure", 500, "broken", 1.5, "1a2b")
    ]


def test_a_turn_is_all_or_nothing(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """The outcome of the last delivery and the next claim stand together, or neither does."""
    one, two = put(inbox, fresh("a"), fresh("b"))
    outbox.claim(one, NOW)

    def killed() -> None:
        with outbox.turn():
            outbox.record_delivery(one, HERE, NOW)
            outbox.claim(two, NOW)
            raise ValueError("killed")

    with pytest.raises(ValueError, match="killed"):
        killed()
    assert row(ledger, one)["state"] == "pending"
    assert "claimed" not in row(ledger, two)
    with outbox.turn():
        outbox.record_delivery(one, HERE, NOW)
        outbox.claim(two, NOW)
    assert row(ledger, one)["state"] == "delivered"
    assert row(ledger, two)["claimed"] == NOW


# What a delivery costs -------------------------------------------------------------------------


def test_a_delivery_costs_few_statements(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """The outcome of one memory and the claim of the next are nine, begin and commit included."""
    first, second, _ = put(inbox, *map(fresh, "abc"))
    outbox.claim(first, NOW)
    outbox.record_delivery(first, HERE, NOW)  # the server is known from now on
    job = outbox.claim(second, NOW)
    statements: set[str] = set()  # each is told of again where a trigger ends
    with ledger.locked() as db:
        db.set_trace_callback(statements.add)
    with outbox.turn():
        outbox.record_delivery(job.key, HERE, NOW)
        following = [outbox.head(lane, NOW) for lane in (FRESH, DEAD)]
        assert following[0] is not None
        outbox.claim(following[0], NOW)
    assert len({each for each in statements if not each.startswith("--")}) == 9
