"""Counting what waits, and the totals."""

import pytest

from mem0tray.ledger.counters import Counters, Counts
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.names import FAILED, LAST_SYNC, QUEUED, SYNCED
from mem0tray.ledger.outbox import Outbox
from tests.ledger.samples import HERE, NOW, fresh, letter, put


@pytest.fixture
def counters(ledger: Ledger) -> Counters:
    return Counters(ledger)


def test_what_waits_is_counted_by_where_it_waits(
    ledger: Ledger, inbox: Inbox, counters: Counters
) -> None:
    held = inbox.add_fresh(fresh("held"), NOW + 2, ask=False)
    inbox.add_fresh(fresh("waits"), NOW + 1, ask=False)
    put(inbox, letter("dead"))
    Generations(ledger).set_strays([b'"odd"', b"7"], {"note": b'"kept"'})
    ForeignClaims(ledger).hold(held, NOW + 3)
    assert counters.waiting() == Counts(2, 3, NOW, 1)


def test_what_is_delivered_or_deleted_does_not_wait(
    ledger: Ledger, inbox: Inbox, outbox: Outbox, counters: Counters
) -> None:
    assert (counters.waiting(), counters.last_delivery()) == (Counts(0, 0, None, 0), None)
    first, second = put(inbox, fresh("a"), fresh("b"))
    assert counters.waiting().queue == 2
    with ledger.transaction():
        outbox.record_delivery(first, HERE, NOW + 5)
        assert counters.waiting().queue == 1
        inbox.discard([second], NOW, "deleted")
        assert counters.waiting().queue == 0
    assert counters.waiting() == Counts(0, 0, None, 0)
    assert counters.total(SYNCED) == 1
    assert counters.last_delivery() == NOW + 5


def test_what_waits_is_counted_again_only_after_a_change(
    ledger: Ledger, counters: Counters
) -> None:
    assert counters.waiting().queue == 0
    asked: list[str] = []
    with ledger.locked() as db:
        db.set_trace_callback(asked.append)
    assert counters.waiting().queue == 0
    assert asked == []
    Inbox(ledger).add_fresh(fresh("a"), NOW, ask=False)
    assert counters.waiting().queue == 1


def test_what_others_count_in_the_file_is_added_once_and_their_last_delivery_is_a_text(
    ledger: Ledger, counters: Counters
) -> None:
    assert counters.show() == {QUEUED: 0, SYNCED: 0, FAILED: 0}
    counters.add(QUEUED, 5)
    assert counters.show()[QUEUED] == 5
    for _ in range(2):
        assert not counters.absorb({QUEUED: 7, SYNCED: 0})
        assert counters.total(QUEUED) == 7
    counters.add(QUEUED)
    assert not counters.absorb({QUEUED: 7})
    assert counters.show() == {QUEUED: 8, SYNCED: 0, FAILED: 0}
    assert not counters.absorb({QUEUED: 8, FAILED: 1})
    assert counters.total(FAILED) == 1
    for found, kept in (("today", "today"), (5, None), (None, None)):
        counters.absorb({"last_sync": found})
        assert ledger.meta(LAST_SYNC) == kept


@pytest.mark.parametrize("found", [{}, {QUEUED: 2}, {QUEUED: "many"}, {QUEUED: None}])
def test_a_file_that_shows_less_takes_nothing_away(
    counters: Counters, found: dict[str, object]
) -> None:
    counters.add(QUEUED, 3)
    counters.show()
    assert counters.absorb(found)
    assert counters.total(QUEUED) == 3
