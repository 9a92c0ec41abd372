"""What is due, and in which order."""

from collections.abc import Callable

import pytest

from mem0tray.core.due import BACKOFF_MAX, LONGEST_ASKED, backoff
from mem0tray.core.item import DEAD, FRESH, Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from tests.ledger.samples import HERE, NOW, fresh, letter, put


def test_the_oldest_entry_is_first(inbox: Inbox, outbox: Outbox) -> None:
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
    first, second = letter("a", last_attempt=NOW - 10), letter("b", last_attempt=NOW - 20)
    same = letter("c", last_attempt=NOW - 20, timestamp=0)
    a, b, c = put(inbox, first, second, same)
    for key in (c, b, a):
        assert outbox.head(DEAD, NOW + 4000) == key
        outbox.claim(key, NOW)


@pytest.mark.parametrize(("lane", "make"), [(FRESH, fresh), (DEAD, letter)])
def test_the_head_is_due_and_may_be_of_another_project_or_one_that_never_timed_out(
    inbox: Inbox, outbox: Outbox, lane: str, make: Callable[..., Item]
) -> None:
    slow, other = put(inbox, make("a"), make("b", project_id="q"))
    late = NOW + 4000
    outbox.mark_unknown(slow, HERE, NOW, timed_out=True)
    assert outbox.head(lane, late) == outbox.head(lane, late, avoid="q") == slow
    assert outbox.head(lane, late, prompt=True) == outbox.head(lane, late, avoid="p") == other
    assert outbox.other_project_waits("p", late)
    outbox.claim(other, NOW)
    assert outbox.head(lane, late, avoid="p") is None
    assert not outbox.other_project_waits("p", late)
    outbox.defer(slow, NOW + 5)
    assert outbox.due(slow) == NOW + 5
    assert outbox.head(lane, NOW + 4.9) is None
    assert outbox.head(lane, NOW + 5) == slow


def test_what_is_held_or_claimed_is_not_next(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    held, claimed = put(inbox, fresh("a"), fresh("b"))
    ForeignClaims(ledger).hold(held, NOW)
    outbox.claim(claimed, NOW)
    assert outbox.head(FRESH, NOW) is None
    assert outbox.in_turn(NOW) is None
    assert outbox.next_due() is None
    outbox.release(claimed)
    assert outbox.head(FRESH, NOW) == claimed
    assert outbox.next_due() == 0.0


def test_canaries_come_in_turn(inbox: Inbox, outbox: Outbox) -> None:
    a, b, c, later = put(inbox, fresh("a"), letter("b"), fresh("c"), fresh("d"))
    outbox.defer(later, NOW + 9999)
    assert [outbox.in_turn(NOW + 4000) for _ in range(5)] == [a, b, c, a, b]
    outbox.claim(c, NOW)
    assert outbox.in_turn(NOW + 4000) == a


def test_the_next_time_is_the_earliest_of_both_lanes(inbox: Inbox, outbox: Outbox) -> None:
    a, b, c, gone = put(inbox, fresh("a"), letter("b"), fresh("c"), fresh("d"))
    outbox.record_delivery(gone, "http://here.test", NOW)
    for key, due in ((a, 5.0), (b, 7.0), (c, 9.0), (gone, 1.0)):
        outbox.defer(key, NOW + due)
    assert outbox.next_due() == NOW + 5
    assert outbox.next_due({a}) == NOW + 7
    assert outbox.next_due({a, b}) == NOW + 9
    assert outbox.next_due({b, c}) == NOW + 5
    assert outbox.next_due([a, b, c]) is None


def test_dead_letters_that_wait_are_counted_and_the_next_named(
    inbox: Inbox, outbox: Outbox
) -> None:
    a, b, c, due, claimed = put(inbox, *(letter(name) for name in "abcde"))
    for key, seconds in ((a, 30), (b, 10), (c, 20), (due, 0), (claimed, 5)):
        outbox.defer(key, NOW + seconds)
    outbox.claim(claimed, NOW)
    assert outbox.in_backoff(NOW)[:2] == [("p", "b", 10.0), ("p", "c", 20.0)]
    assert outbox.in_backoff(NOW + 30) == []


def test_fresh_entries_keep_their_wait_when_the_clock_is_set_back(
    inbox: Inbox, outbox: Outbox
) -> None:
    keys = waits, due, dead = list(put(inbox, fresh("a"), fresh("b"), letter("c")))
    outbox.defer(waits, NOW + 30)
    outbox.defer(due, NOW)
    before = outbox.due(dead)
    outbox.bring_waits_forward(NOW, 1000)
    assert list(map(outbox.due, keys)) == [NOW - 970, NOW, before]


@pytest.mark.parametrize(
    ("item", "waits", "interval", "left"),
    [
        (fresh("a"), BACKOFF_MAX, 30, BACKOFF_MAX), (fresh("a"), BACKOFF_MAX + 1, 30, 30),
        # The user's own interval is longer than an hour.
        (fresh("a"), 8000, 8000, 8000), (fresh("a"), 8000, 7000, 7000),
        (letter("a"), 120, 30, 120), (letter("a"), LONGEST_ASKED + 1, 30, 120),
        *((letter("a", retry_count=n), 10**6, 30, backoff(n)) for n in range(9)),
    ],
)  # fmt: skip
def test_nothing_waits_longer_than_one_delay(
    inbox: Inbox, outbox: Outbox, item: Item, waits: float, interval: float, left: float
) -> None:
    (key,) = put(inbox, item)
    outbox.defer(key, NOW + waits)
    outbox.limit_waits(NOW, interval)
    assert outbox.due(key) == NOW + left


@pytest.mark.parametrize(
    ("failed", "left"), [(0, LONGEST_ASKED), (100, 120)], ids=["asked for", "set aside since"]
)
@pytest.mark.parametrize("back", [0.0, 100.0])
def test_a_dead_letter_waits_as_long_as_the_server_asked_for(
    inbox: Inbox, outbox: Outbox, back: float, failed: float, left: float
) -> None:
    (key,) = put(inbox, letter("a"))
    outbox.record_attempt(key, NOW + failed, "item failure", 503, "busy", 0.1)
    outbox.defer(key, NOW + LONGEST_ASKED)
    outbox.limit_waits(NOW - back, 30)
    assert outbox.due(key) == NOW - back + left
