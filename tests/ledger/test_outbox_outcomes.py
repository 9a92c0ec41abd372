"""Claims, and what is remembered of each delivery."""

import uuid
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import DEAD, FRESH
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox, Ticket, make_claims_unknown, perhaps_since
from mem0tray.ledger.reader import Reader
from tests.ledger.samples import ELSEWHERE, HERE, NOW, changes, fresh, known, letter, put, row


def deliver_again(inbox: Inbox, outbox: Outbox, *deliveries: tuple[str, float]) -> int:
    """Have an entry `a` delivered, to a server at a time, and wait again after each; its key."""
    entry = fresh("a")
    (key,) = put(inbox, entry)
    for server, at in deliveries:
        outbox.record_delivery(key, server, at)
        inbox.revive(known(inbox, entry), entry, at, dead=False, gen=None)
    return key


def test_a_claim_says_what_is_sent(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    (key,) = put(inbox, letter("a", retry_count=3))
    before = row(ledger, key)
    job = outbox.claim(key, NOW + 5, HERE)
    assert (job.key, job.lane, job.item_id, job.project) == (key, DEAD, "a", "p")
    assert (job.text, job.idempotency_key) == ("text of a", "a")
    assert (job.retries, job.retry_count, job.last_attempt) == (0, 3, NOW)
    assert (job.unknown, job.timeouts, job.taken, job.delivered) == (None, 0, None, None)
    assert changes(before, row(ledger, key)) == {"claimed": NOW + 5, "claimed_for": 1}
    assert ledger.rows("SELECT * FROM servers") == [(1, HERE)]


def test_a_claim_knows_what_was_tried(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
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
    digest = items.digest("p", "text")
    (key,) = put(inbox, fresh(items.id_from(HERE, digest), content="text"))
    there = outbox.claim(key, NOW, HERE)
    assert (there.read_there, there.unknown, there.delivered) == (True, 0.0, 0.0)
    elsewhere = outbox.claim(key, NOW, ELSEWHERE)
    assert (elsewhere.read_there, elsewhere.unknown, elsewhere.delivered) == (False, None, None)
    outbox.mark_unknown(key, HERE, NOW + 1, timed_out=False)
    assert outbox.claim(key, NOW, HERE).unknown == NOW + 1


def test_an_item_without_its_bytes_cannot_be_sent(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    (key,) = put(inbox, fresh("a"))
    ledger.set_raw(key, b"5")
    with pytest.raises(LookupError):
        outbox.claim(key, NOW)
    ledger.write("DELETE FROM texts")
    for work in (ledger.raw, lambda key: outbox.claim(key, NOW)):
        with pytest.raises(LookupError):
            work(key)
    assert ledger.find_raw(key) is None


def test_a_delivery_is_remembered_for_good(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    entry = letter("a")
    (key,) = put(inbox, entry)
    outbox.mark_unknown(key, HERE, NOW, timed_out=True)
    assert ledger.raw(key) == entry.raw == ledger.find_raw(key)
    assert outbox.record_delivery(key, HERE, NOW + 5) is None
    assert ledger.rows(
        "SELECT item, name, at, has FROM outcomes JOIN servers ON servers.key = server"
    ) == [(key, HERE, NOW + 5, 1)]
    assert (ledger.meta("total_synced"), ledger.meta("last_delivery")) == (1, NOW + 5)


def test_a_delivery_to_each_server_is_remembered(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    key = deliver_again(inbox, outbox, (HERE, NOW), (ELSEWHERE, NOW + 1), (HERE, NOW + 2))
    assert known(inbox, fresh("a")).servers == {HERE, ELSEWHERE}
    job = outbox.claim(key, NOW + 3, HERE)
    assert (job.delivered, job.unknown) == (NOW + 2, NOW + 2)
    job = outbox.claim(key, NOW + 3, ELSEWHERE)
    assert (job.delivered, job.unknown) == (NOW + 1, NOW + 2)
    job = outbox.claim(key, NOW + 3, "http://third.test")  # that may be one of them
    assert (job.delivered, job.unknown) == (None, NOW + 2)
    outbox.mark_absent(job, "http://third.test")
    assert outbox.claim(key, NOW + 4, "http://third.test").unknown is None
    assert outbox.claim(key, NOW + 4, HERE).unknown == NOW + 2
    ledger.write("UPDATE items SET unknown = ?", NOW + 9)
    assert outbox.claim(key, NOW + 9, HERE).unknown == NOW + 9
    assert ledger.meta("total_synced") == 3
    assert ledger.rows("SELECT count(*) FROM servers") == [(3,)]


def test_a_server_has_what_it_took_whatever_it_says_later(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    key = deliver_again(inbox, outbox, (HERE, NOW))
    outbox.mark_unknown(key, HERE, NOW + 1, timed_out=False)
    job = outbox.claim(key, NOW + 2, HERE)
    assert (job.delivered, job.unknown) == (NOW, NOW)
    outbox.mark_absent(job, HERE)
    make_claims_unknown(ledger, NOW + 3, 30)  # as after a kill
    assert outbox.claim(key, NOW + 4, HERE).delivered == NOW
    assert known(inbox, fresh("a")).servers == {HERE}


@pytest.mark.parametrize(
    ("unknown", "past", "since"),
    [
        (None, [], None), (5.0, [], 5.0), (None, [(1, 5.0, None)], 5.0),
        (None, [(2, 5.0, None)], 5.0), (None, [(2, 5.0, 1)], 5.0), (None, [(1, 5.0, 0)], None),
        (None, [(2, 5.0, 0)], None), (5.0, [(1, 5.0, 0)], None), (5.0, [(2, 5.0, 0)], 5.0),
        (9.0, [(1, 5.0, 0)], 9.0), (3.0, [(1, 5.0, 0)], 3.0),
        (5.0, [(1, 9.0, 0), (2, 9.0, 1)], None), (5.0, [(1, 5.0, 0), (2, 9.0, None)], 9.0),
    ],
)  # fmt: skip
def test_a_server_is_asked_about_what_it_has_not_answered(
    unknown: float | None, past: list[tuple[int, float, int | None]], since: float | None
) -> None:
    assert perhaps_since(unknown, past, 1) == since


@pytest.mark.parametrize("why", ["user", None])
def test_a_delivery_beats_a_deletion(
    ledger: Ledger, inbox: Inbox, outbox: Outbox, why: str | None
) -> None:
    (key,) = put(inbox, fresh("a"))
    inbox.discard([key], NOW, "user")
    ledger.write("UPDATE items SET reason = ?", why)
    assert outbox.record_delivery(key, HERE, NOW) == (why or "")
    assert row(ledger, key)["state"] == "delivered"


def test_what_another_worker_took_is_asked_about_until_it_is_a_dead_letter(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    before, meanwhile = put(inbox, fresh("a"), fresh("b"))
    taken = ForeignClaims(ledger)
    taken.vanish([before], NOW, taken=True, wait_until=0)
    jobs = [outbox.claim(key, NOW + 1) for key in (before, meanwhile)]
    taken.vanish([meanwhile], NOW + 2, taken=True, wait_until=0)
    for job in jobs:
        outbox.count_fresh_failure(job, NOW + 30, "busy", fresh("a").raw)
    assert row(ledger, meanwhile)["unknown"] == NOW + 2
    assert row(ledger, meanwhile)["taken"] == NOW + 2
    assert "taken" not in row(ledger, before)
    assert outbox.claim(before, NOW + 31).taken == jobs[0].taken == NOW
    inbox.move_to_dlq(before, letter("a").raw, NOW + 32, NOW + 62)
    assert outbox.claim(before, NOW + 63).taken is None


def test_the_last_fifty_attempts_are_kept(ledger: Ledger, outbox: Outbox) -> None:
    for number in range(52):
        outbox.record_attempt(1, NOW + number, "outage", None, f"n {number}", 0.5)
    outbox.record_attempt(2, NOW, "item failure", 500, "broken", 1.5, "1a2b")
    kept = ledger.rows("SELECT at FROM attempts WHERE item = 1 ORDER BY at")
    assert [at for (at,) in kept] == [NOW + number for number in range(2, 52)]
    assert ledger.rows("SELECT * FROM attempts WHERE item = 2") == [
        (2, NOW, "item failure", 500, "broken", 1.5, "1a2b")
    ]


def test_a_delivery_costs_few_statements(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    first, second, _ = put(inbox, *map(fresh, "abc"))
    outbox.claim(first, NOW)
    outbox.record_delivery(first, HERE, NOW)  # the server is known from now on
    job = outbox.claim(second, NOW)
    statements: set[str] = set()  # each is told of again where a trigger ends
    with ledger.locked() as db:
        db.set_trace_callback(statements.add)
    with ledger.transaction():
        outbox.record_delivery(job.key, HERE, NOW)
        following = [outbox.head(lane, NOW) for lane in (FRESH, DEAD)]
        assert following[0] is not None
        outbox.claim(following[0], NOW)
    assert len({each for each in statements if not each.startswith("--")}) == 9


def test_the_text_of_a_delivered_memory_leaves_its_room_to_others(tmp_path: Path) -> None:
    path, memories = tmp_path / "ledger.sqlite3", 4_000
    with closing(Ledger(path)) as ledger:
        inbox, outbox = Inbox(ledger), Outbox(ledger)
        for begin in range(0, memories, 20):
            entries = [
                fresh(str(uuid.uuid5(uuid.NAMESPACE_DNS, str(n))), content=f"{n} " + 250 * "x")
                for n in range(begin, begin + 20)
            ]
            with ledger.transaction():
                keys = list(put(inbox, *entries))
            with ledger.transaction():
                for key in keys:
                    outbox.claim(key, NOW, HERE)
                    outbox.record_delivery(key, HERE, NOW)
    size = sum(file.stat().st_size for file in tmp_path.glob(f"{path.name}*"))
    assert size / memories <= 400  # bytes


def test_requests_under_way_at_a_kill_are_asked_about(
    ledger: Ledger, inbox: Inbox, outbox: Outbox
) -> None:
    early, late, due, idle = put(inbox, *map(fresh, "abcd"))
    outbox.claim(early, NOW - 5, HERE)
    outbox.claim(late, NOW + 1000, HERE)
    outbox.claim(due, NOW - 5, ELSEWHERE)
    outbox.defer(due, NOW + 500)
    untouched = row(ledger, idle)
    assert make_claims_unknown(ledger, NOW, 30) == 3
    for key, since, at in (
        (early, NOW - 5, NOW + 25), (late, NOW + 1000, NOW + 30), (due, NOW - 5, NOW + 500)
    ):  # fmt: skip
        assert outbox.claim(key, NOW, HERE).unknown == since
        outbox.release(key)
        assert outbox.due(key) == at
    assert row(ledger, idle) == untouched
    assert make_claims_unknown(ledger, NOW, 30) == 0
    assert ledger.rows(
        "SELECT item, name, at, has FROM outcomes JOIN servers ON servers.key = server"
    ) == [
        (early, HERE, NOW - 5, None), (late, HERE, NOW + 1000, None),
        (due, ELSEWHERE, NOW - 5, None),
    ]  # fmt: skip


def test_a_ticket_comes_with_each_claim_for_its_server_until_it_is_dropped_or_delivered(
    inbox: Inbox, outbox: Outbox, reader: Reader
) -> None:
    (key,) = put(inbox, fresh("m"))

    def give(name: str, at: float, server: str = HERE) -> None:
        outbox.mark_unknown(key, server, at, timed_out=False)
        outbox.note_ticket(key, server, name, at)

    def tickets() -> list[Ticket | None]:
        return [outbox.claim(key, NOW + 50, server).ticket for server in (HERE, ELSEWHERE)]

    assert (tickets(), outbox.newest_ticket()) == ([None, None], None)
    assert not reader.by_id("m")[0].at_work
    for at in (NOW, NOW + 5):  # the same one keeps its time
        give("event-1", at)
    assert (tickets(), outbox.newest_ticket()) == ([Ticket("event-1", NOW), None], NOW)
    assert reader.by_id("m")[0].at_work
    assert outbox.claim(key, NOW + 50, ELSEWHERE).unknown == NOW + 5
    give("event-2", NOW + 9)
    give("event-3", NOW + 1, ELSEWHERE)
    assert tickets() == [Ticket("event-2", NOW + 9), Ticket("event-3", NOW + 1)]
    assert outbox.newest_ticket() == NOW + 9
    outbox.drop_ticket(key, HERE)
    assert tickets() == [None, Ticket("event-3", NOW + 1)]
    outbox.record_delivery(key, HERE, NOW + 2)
    assert outbox.newest_ticket() is None


@pytest.mark.parametrize("state", ["not known", "waiting", "removed", "deleted"])
def test_what_was_sent_again_is_a_restoration_unless_the_former_may_be_there(
    inbox: Inbox, outbox: Outbox, state: str
) -> None:
    again = fresh("a-again-1", content="text of a")
    if state != "not known":
        (former,) = put(inbox, fresh("a"))
        reasons = {"removed": items.REMOVED, "deleted": items.DELETED}
        if state in reasons:
            inbox.discard([former], NOW, reasons[state])
    (key,) = put(inbox, again)
    outbox.mark_unknown(key, HERE, NOW, timed_out=False)
    assert outbox.claim(key, NOW, HERE).restored is (state in {"not known", "removed"})
