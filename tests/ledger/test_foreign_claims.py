"""What is remembered of another worker, and of the entries that it may have taken."""

from pathlib import Path

import pytest

import mem0tray
from mem0tray.core.state import PERHAPS, WorkerSeen
from mem0tray.ledger.counters import Counters
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from tests.ledger.samples import NOW, fresh, letter, put

SEEN = WorkerSeen(pid=7, host="there", first=NOW, last=NOW + 5)


@pytest.fixture
def taken(ledger: Ledger) -> ForeignClaims:
    return ForeignClaims(ledger)


@pytest.fixture
def keys(inbox: Inbox) -> list[int]:
    """Three waiting entries, `a`, `b` and `c`."""
    return put(inbox, *map(fresh, "abc"))


def test_what_is_held_is_shown_in_the_words_of_the_contract() -> None:
    contract = Path(mem0tray.__file__).with_name("docs") / "contract.md"
    assert f'*held*: counted, shown ("{PERHAPS}")' in contract.read_text(encoding="utf-8")


def test_another_worker_is_remembered_until_it_has_gone(
    ledger: Ledger, taken: ForeignClaims
) -> None:
    assert taken.worker() is None
    taken.note_worker(SEEN)
    assert ForeignClaims(ledger).worker() == SEEN
    assert ledger.rows("PRAGMA synchronous") == [(2,)]
    taken.forget_worker()
    assert taken.worker() is None


def test_a_start_learns_what_the_last_one_noted(taken: ForeignClaims, reader: Reader) -> None:
    assert reader.our_runs() == []
    assert taken.begin("a", [1, 2]) == ([], None)
    assert taken.begin("b", None) == (["a"], [1, 2])
    assert taken.begin("c", [3]) == (["b", "a"], None)
    for number in range(9):
        taken.begin(str(number), None)
    assert taken.last_start()[0] == list("87654321")
    assert reader.our_runs() == list("87654321")


def test_entries_that_the_file_does_not_show_any_more_are_missing(
    inbox: Inbox, taken: ForeignClaims, keys: list[int]
) -> None:
    a, b, c = keys
    unshown = inbox.add_fresh(fresh("d"), NOW, ask=False, shown=False)
    put(inbox, letter("e"))
    taken.vanish([b], NOW, taken=True, wait_until=0)
    assert taken.missing({a}) == [c]
    assert taken.missing(set()) == [a, c]
    other = inbox.add_fresh(fresh("f"), NOW, ask=False, shown=False)
    assert taken.unshown() == [unshown, other]
    taken.show([unshown, a])
    assert taken.unshown() == [other]
    assert taken.missing({a, c}) == [unshown]


@pytest.mark.parametrize("held", [False, True])
def test_what_comes_back_was_not_sent_by_another_worker_unless_it_is_held(
    ledger: Ledger, taken: ForeignClaims, keys: list[int], *, held: bool
) -> None:
    outbox = Outbox(ledger)
    taken.vanish(keys[:1], NOW, taken=True, wait_until=0)
    outbox.count_fresh_failure(outbox.claim(keys[0], NOW), NOW, "500", b"{}")
    if held:
        taken.hold(keys[0], NOW)
    taken.come_back(keys)
    assert bool(ledger.rows("SELECT * FROM outcomes WHERE server = 0")) is held


def test_what_another_worker_may_have_taken_is_noted_for_good_and_counted_once(
    ledger: Ledger, taken: ForeignClaims, keys: list[int]
) -> None:
    def vanish() -> int:
        return taken.vanish(keys[:2], NOW, taken=True, wait_until=0)

    waiting = Counters(ledger).waiting
    for change, number, held in ((vanish, 2, 2), (vanish, 0, 2), (lambda: taken.send(keys), 2, 0)):
        assert change() == number
        assert ledger.rows("PRAGMA synchronous") == [(2,)]
        assert waiting().held == held
        assert taken.vanished() == {(name, fresh(name).digest) for name in "ab"[:held]}
    vanish_alone = taken.vanish(keys[:1], NOW, taken=False, wait_until=0)
    assert (vanish_alone, waiting().held) == (1, 0)
    assert Outbox(ledger).head("pending", NOW) == keys[0]
    taken.forget_worker()
    assert taken.note_worker(SEEN) == 1
