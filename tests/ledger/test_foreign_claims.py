"""What is remembered of another worker, and of the entries that it may have taken."""

from pathlib import Path

import pytest

import mem0tray
from mem0tray.core.state import PERHAPS, WorkerSeen
from mem0tray.ledger.counters import Counters
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import MINUTE, ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from tests.ledger.samples import NOW, changes, fresh, letter, row, table

SEEN = WorkerSeen(pid=7, host="there", first=NOW, last=NOW + 5)


@pytest.fixture
def taken(ledger: Ledger) -> ForeignClaims:
    return ForeignClaims(ledger)


@pytest.fixture
def keys(ledger: Ledger) -> list[int]:
    """Three waiting entries, `a`, `b` and `c`."""
    inbox = Inbox(ledger)
    return [inbox.add_fresh(fresh(name), NOW, ask=False) for name in "abc"]


def vanish(taken: ForeignClaims, *keys: int, at: float = NOW, by_another: bool = False) -> None:
    """Let entries leave the queue file by another hand."""
    taken.vanish(keys, at, taken=by_another, wait_until=0)


def test_what_is_held_is_shown_in_the_words_of_the_contract() -> None:
    contract = Path(mem0tray.__file__).with_name("docs") / "contract.md"
    assert f'*held*: counted, shown ("{PERHAPS}")' in contract.read_text(encoding="utf-8")


# The other worker ----------------------------------------------------------------------------


def test_another_worker_is_remembered_until_it_has_gone(
    ledger: Ledger, taken: ForeignClaims
) -> None:
    assert taken.worker() is None
    taken.note_worker(SEEN)
    assert ForeignClaims(ledger).worker() == SEEN
    assert table(ledger, "PRAGMA synchronous") == [(2,)]
    taken.forget_worker()
    assert taken.worker() is None


def test_what_vanished_in_the_minute_before_was_perhaps_taken(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    assert MINUTE == 60.0
    early, late, there = keys
    vanish(taken, early, at=NOW - 60.1)
    vanish(taken, late, at=NOW - 60)
    before = [row(ledger, key) for key in keys]
    taken.note_worker(SEEN)
    assert row(ledger, early) == before[0]
    assert changes(before[1], row(ledger, late)) == {"taken": NOW - 60, "unknown": NOW}
    assert row(ledger, there) == before[2]


def test_a_start_learns_what_the_last_one_noted(taken: ForeignClaims) -> None:
    assert taken.begin("a", [1, 2]) == ("", None)
    assert taken.begin("b", None) == ("a", [1, 2])
    assert taken.begin("c", [3]) == ("b", None)


# Its traces in the queue file ----------------------------------------------------------------


def test_entries_that_the_file_does_not_show_any_more_are_missing(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    a, b, c = keys
    inbox = Inbox(ledger)
    unshown = inbox.add_fresh(fresh("d"), NOW, ask=False, shown=False)
    inbox.add_dead(letter("e"), b"{}", NOW, ask=False, gen=None)
    vanish(taken, b, by_another=True)
    assert taken.missing({a}) == [c]
    assert taken.missing(set()) == [a, c]
    other = inbox.add_fresh(fresh("f"), NOW, ask=False, shown=False)
    assert taken.unshown() == [unshown, other]
    taken.show([unshown, a])
    assert taken.unshown() == [other]
    assert taken.missing({a, c}) == [unshown]


def test_an_entry_that_vanishes_alone_is_still_delivered(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    before = row(ledger, keys[0])
    vanish(taken, keys[0], at=NOW + 5)
    assert changes(before, row(ledger, keys[0])) == {"vanished": NOW + 5}
    assert taken.vanished() == {("a", fresh("a").digest)}
    assert Outbox(ledger).head("pending", NOW) == keys[0]
    assert Counters(ledger).waiting().held == 0


def test_an_entry_that_vanishes_beside_another_worker_is_asked_about(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    before = row(ledger, keys[0])
    vanish(taken, keys[0], at=NOW + 5, by_another=True)
    assert changes(before, row(ledger, keys[0])) == dict.fromkeys(
        ("vanished", "taken", "unknown"), NOW + 5
    )
    assert table(ledger, "PRAGMA synchronous") == [(2,)]
    assert Counters(ledger).waiting().held == 1
    known = row(ledger, keys[0])
    for by_another in (True, False):  # it was taken already
        vanish(taken, keys[0], at=NOW + 9, by_another=by_another)
        taken.vanish(keys[:1], NOW + 9, taken=False, wait_until=NOW + 20)
        assert row(ledger, keys[0]) == known


def test_an_entry_waits_until_it_is_seen_whether_another_is_at_work(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    first, second, third = keys
    Outbox(ledger).defer(second, NOW + 100)
    before = [row(ledger, key) for key in keys]
    taken.vanish([first, second], NOW, taken=False, wait_until=NOW + 60)
    taken.vanish([third], NOW, taken=False, wait_until=NOW)
    asked = {"vanished": NOW, "unknown": NOW}
    assert changes(before[0], row(ledger, first)) == asked | {"due": NOW + 60}
    assert changes(before[1], row(ledger, second)) == asked
    assert changes(before[2], row(ledger, third)) == {"vanished": NOW}


def test_only_what_waits_can_vanish(ledger: Ledger, taken: ForeignClaims) -> None:
    key = Inbox(ledger).add_dead(letter("a"), b"{}", NOW, ask=False, gen=None)
    before = row(ledger, key)
    vanish(taken, key)
    vanish(taken, key, by_another=True)
    taken.vanish([key], NOW, taken=False, wait_until=NOW + 60)
    taken.come_back([key])
    taken.hold(key, NOW)
    assert taken.send([key]) == 0
    assert row(ledger, key) == before
    assert taken.vanished() == set()


def test_an_entry_that_comes_back_was_not_delivered(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    back, held, shown = keys
    unshown = Inbox(ledger).add_fresh(fresh("d"), NOW, ask=False, shown=False)
    vanish(taken, back, held, by_another=True)
    taken.hold(held, NOW + 1)
    before = {key: row(ledger, key) for key in (back, held, shown, unshown)}
    taken.come_back([back, held, shown, unshown])
    assert changes(before[back], row(ledger, back)) == {"vanished": None, "taken": None}
    assert row(ledger, held) == before[held]
    assert row(ledger, shown) == before[shown]
    assert changes(before[unshown], row(ledger, unshown)) == {"shown": 1}


def test_what_the_server_cannot_tell_is_held(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    known, new, other = keys
    vanish(taken, known, at=NOW - 5, by_another=True)
    Outbox(ledger).claim(known, NOW)
    before = [row(ledger, key) for key in keys]
    taken.hold(known, NOW)
    taken.hold(new, NOW)
    assert changes(before[0], row(ledger, known)) == {"held": NOW, "claimed": None}
    assert changes(before[1], row(ledger, new)) == {"held": NOW, "vanished": NOW, "taken": NOW}
    assert row(ledger, other) == before[2]
    assert Counters(ledger).waiting().held == 2


def test_what_is_held_is_sent_when_the_user_says_so(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    held, asked, other = keys
    taken.hold(held, NOW)
    vanish(taken, asked, by_another=True)
    for key in keys:
        Outbox(ledger).defer(key, NOW + 100)
    before = [row(ledger, key) for key in keys]
    assert taken.send(keys) == 2
    gone = {"taken": None, "vanished": None, "due": 0.0}
    assert changes(before[0], row(ledger, held)) == gone | {"held": None}
    assert changes(before[1], row(ledger, asked)) == gone
    assert row(ledger, other) == before[2]
    assert Counters(ledger).waiting().held == 0
    assert table(ledger, "PRAGMA synchronous") == [(2,)]
