"""What is due, in which order, and what is remembered of each delivery."""

import hashlib
from collections.abc import Iterator

import pytest

from mem0tray.core.due import BACKOFF_MAX, backoff
from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import DEAD, FRESH, Outbox, perhaps_since
from mem0tray.ledger.taken_by_others import TakenByOthers
from tests.ledger.looking import changes, row, table
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, letter


@pytest.fixture
def outbox(ledger: Ledger) -> Outbox:
    """The way out."""
    return Outbox(ledger)


@pytest.fixture
def inbox(ledger: Ledger) -> Inbox:
    """The way in."""
    return Inbox(ledger)


def put(inbox: Inbox, *entries: Item, now: float = NOW) -> Iterator[int]:
    """Take entries in; dead letters are those with a last attempt."""
    for entry in entries:
        if entry.last_attempt:
            yield inbox.add_dead(entry, entry.raw, now, ask=False, gen=None)
        else:
            yield inbox.add_fresh(entry, now, ask=False)


# Which one is next ---------------------------------------------------------------------------


def test_the_oldest_entry_is_first(inbox: Inbox, outbox: Outbox) -> None:
    """By the producer's timestamp; of the same one, in the order of intake."""
    entries = fresh("a", timestamp=3), fresh("b", timestamp=1), fresh("c", timestamp=1)
    a, b, c = put(inbox, *entries)
    order = []
    for _ in entries:
        key = outbox.head(FRESH, NOW)
        assert key is not None
        outbox.claim(key, NOW)
        order.append(key)
    assert order == [b, c, a]
    assert outbox.head(FRESH, NOW) is None
    assert outbox.head(DEAD, NOW) is None


def test_the_dead_letter_that_has_been_due_longest_is_first(inbox: Inbox, outbox: Outbox) -> None:
    """So that none starves behind others; then by age, then by intake."""
    first, second = letter("a", last_attempt=NOW - 10), letter("b", last_attempt=NOW - 20)
    same = letter("c", last_attempt=NOW - 20, timestamp=0)
    a, b, c = put(inbox, first, second, same)
    for key in (c, b, a):
        assert outbox.head(DEAD, NOW + 4000) == key
        outbox.claim(key, NOW)


@pytest.mark.parametrize("lane", [FRESH, DEAD])
def test_nothing_is_sent_before_its_time(inbox: Inbox, outbox: Outbox, lane: str) -> None:
    """At that very moment it is due."""
    (key,) = put(inbox, fresh("a") if lane == FRESH else letter("a"))
    outbox.defer(key, NOW + 5)
    assert outbox.due(key) == NOW + 5
    assert outbox.head(lane, NOW + 4.9) is None
    assert outbox.head(lane, NOW + 5) == key


@pytest.mark.parametrize("lane", [FRESH, DEAD])
def test_the_head_may_be_of_another_project(inbox: Inbox, outbox: Outbox, lane: str) -> None:
    """To tell a project that is refused from a server that refuses all."""
    make = fresh if lane == FRESH else letter
    _, other = put(inbox, make("a"), make("b", project_id="q"))
    late = NOW + 4000
    assert outbox.head(lane, late, avoid="p") == other
    assert outbox.head(lane, late, avoid="q") == other - 1
    assert outbox.other_project_waits("p", late)
    outbox.claim(other, NOW)
    assert outbox.head(lane, late, avoid="p") is None
    assert not outbox.other_project_waits("p", late)


@pytest.mark.parametrize("lane", [FRESH, DEAD])
def test_the_head_may_be_one_that_never_timed_out(inbox: Inbox, outbox: Outbox, lane: str) -> None:
    """One that did has taken minutes of everybody's time."""
    make = fresh if lane == FRESH else letter
    slow, prompt = put(inbox, make("a"), make("b"))
    late = NOW + 4000
    outbox.mark_unknown(slow, HERE, NOW, timed_out=True)
    assert outbox.has_timed_out(slow)
    assert not outbox.has_timed_out(prompt)
    assert outbox.head(lane, late) == slow
    assert outbox.head(lane, late, prompt=True) == prompt


def test_what_is_held_or_claimed_is_not_next(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """Nor does it fall due."""
    held, claimed = put(inbox, fresh("a"), fresh("b"))
    TakenByOthers(ledger).hold(held, NOW)
    outbox.claim(claimed, NOW)
    assert outbox.head(FRESH, NOW) is None
    assert outbox.in_turn(NOW) is None
    assert outbox.next_due() is None
    outbox.release(claimed)
    assert outbox.head(FRESH, NOW) == claimed
    assert outbox.next_due() == 0.0


def test_canaries_come_in_turn(inbox: Inbox, outbox: Outbox) -> None:
    """Dead letters and fresh entries in the order of intake, over and over; what is not due not."""
    a, b, c, later = put(inbox, fresh("a"), letter("b"), fresh("c"), fresh("d"))
    outbox.defer(later, NOW + 9999)
    assert [outbox.in_turn(NOW + 4000) for _ in range(5)] == [a, b, c, a, b]
    outbox.claim(c, NOW)
    assert outbox.in_turn(NOW + 4000) == a


def test_the_next_time_is_the_earliest_of_both_lanes(inbox: Inbox, outbox: Outbox) -> None:
    """But for what is to be skipped."""
    a, b, c = put(inbox, fresh("a"), letter("b"), fresh("c"))
    for key, due in ((a, 5.0), (b, 7.0), (c, 9.0)):
        outbox.defer(key, NOW + due)
    assert outbox.next_due() == NOW + 5
    assert outbox.next_due({a}) == NOW + 7
    assert outbox.next_due({a, b}) == NOW + 9
    assert outbox.next_due({b, c}) == NOW + 5
    assert outbox.next_due([a, b, c]) is None


def test_dead_letters_that_wait_are_counted_and_the_next_named(
    inbox: Inbox, outbox: Outbox
) -> None:
    """The soonest first; one that is due, or under way, does not wait."""
    a, b, c, due, claimed = put(inbox, *(letter(name) for name in "abcde"))
    for key, seconds in ((a, 30), (b, 10), (c, 20), (due, 0), (claimed, 5)):
        outbox.defer(key, NOW + seconds)
    outbox.claim(claimed, NOW)
    assert outbox.in_backoff(NOW, 2) == ([("p", "b", 10.0), ("p", "c", 20.0)], 3)
    assert outbox.in_backoff(NOW + 30, 2) == ([], 0)


# Claim and outcome ---------------------------------------------------------------------------


def test_a_claim_says_what_is_sent(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """The item as it is now; that it is under way is written down."""
    (key,) = put(inbox, letter("a", retry_count=3))
    before = row(ledger, key)
    job = outbox.claim(key, NOW + 5, HERE)
    assert (job.key, job.lane, job.item_id, job.project) == (key, DEAD, "a", "p")
    assert (job.content, job.idempotency_key) == ("text of a", "a")
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
    TakenByOthers(ledger).vanish([other], NOW + 4, taken=True, wait_until=0)
    assert outbox.claim(other, NOW + 5).taken == NOW + 4


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
        known = inbox.known(entry)
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
    known = inbox.known(entry)
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
    known = inbox.known(entry)
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
    outbox.count_fresh_failure(job, NOW + 30, "busy", [b'{"id":', b'"a"}'])
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
    taken = TakenByOthers(ledger)
    taken.vanish([before], NOW, taken=True, wait_until=0)
    jobs = [outbox.claim(key, NOW + 1) for key in (before, meanwhile)]
    taken.vanish([meanwhile], NOW + 2, taken=True, wait_until=0)
    for job in jobs:
        outbox.count_fresh_failure(job, NOW + 30, "busy", [b"{}"])
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
    outbox.count_dead_failure(job, 7, NOW + 3600, "busy", [b"{}"], NOW + 1)
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
    outbox.record_attempt(2, NOW, "item failure", 500, "broken", 1.5)
    kept = table(ledger, "SELECT at FROM attempts WHERE item = 1 ORDER BY at")
    assert [at for (at,) in kept] == [NOW + number for number in range(2, 52)]
    assert table(ledger, "SELECT * FROM attempts WHERE item = 2") == [
        (2, NOW, "item failure", 500, "broken", 1.5)
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


# A clock that was set back -------------------------------------------------------------------


def test_fresh_entries_keep_their_wait_when_the_clock_is_set_back(
    inbox: Inbox, outbox: Outbox
) -> None:
    """Those that wait; what was due stays due, and dead letters have their own rule."""
    waits, due, dead = put(inbox, fresh("a"), fresh("b"), letter("c"))
    outbox.defer(waits, NOW + 30)
    outbox.defer(due, NOW)
    before = outbox.due(dead)
    outbox.bring_waits_forward(NOW, 1000)
    assert outbox.due(waits) == NOW - 970
    assert outbox.due(due) == NOW
    assert outbox.due(dead) == before


def test_nothing_waits_longer_than_one_delay(inbox: Inbox, outbox: Outbox) -> None:
    """A dead letter its backoff; a fresh entry its interval, from more than an hour on."""
    far, near, longer, within = put(inbox, fresh("a"), fresh("b"), letter("c"), letter("d"))
    outbox.defer(far, NOW + BACKOFF_MAX + 1)
    outbox.defer(near, NOW + BACKOFF_MAX)
    outbox.defer(longer, NOW + 121)
    outbox.defer(within, NOW + 120)
    outbox.limit_waits(NOW, 30)
    assert outbox.due(far) == NOW + 30
    assert outbox.due(near) == NOW + BACKOFF_MAX
    assert outbox.due(longer) == outbox.due(within) == NOW + 120
    outbox.defer(near, NOW + 8000)
    outbox.limit_waits(NOW, 8000)  # the user's own interval is longer than an hour
    assert outbox.due(near) == NOW + 8000
    outbox.limit_waits(NOW, 7000)
    assert outbox.due(near) == NOW + 7000


@pytest.mark.parametrize("count", range(9))
def test_each_dead_letter_has_its_own_longest_wait(
    inbox: Inbox, outbox: Outbox, count: int
) -> None:
    """The same as its backoff, whatever the count."""
    (key,) = put(inbox, letter("a", retry_count=count))
    outbox.defer(key, NOW + 10**6)
    outbox.limit_waits(NOW, 30)
    assert outbox.due(key) == NOW + backoff(count)


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
