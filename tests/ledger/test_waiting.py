"""What waits, and the totals."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.counters import Counters, Counts
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.names import FAILED, QUEUED, SYNCED
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import ProjectCounts, Reader
from tests.ledger.samples import HERE, NOW, fresh, known, letter, put

WAITS = (
    letter("d2", project_id="p", retry_count=2, last_attempt=5),
    letter("d1", project_id="q", retry_count=9, last_attempt=5),
    fresh("f1", project_id="p"),
    fresh("f2", project_id="r"),
)


@pytest.fixture
def waiting(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> Iterator[Reader]:
    """Two dead letters, two entries, one of them held; and one delivered, one deleted."""
    list(put(inbox, *WAITS, fresh("sent"), fresh("gone")))
    outbox.record_delivery(known(inbox, fresh("sent")).key, HERE, NOW)
    inbox.discard([known(inbox, fresh("gone")).key], NOW, items.DELETED)
    ForeignClaims(ledger).hold(known(inbox, WAITS[3]).key, NOW)
    with Reader(ledger.path) as reader:
        yield reader


def ids(listed: list[tuple[object, bytes]]) -> list[str]:
    """The ids of these items."""
    found = [items.parse(raw) for _, raw in listed]
    return [each.id for each in found if each is not None]


@pytest.mark.parametrize(
    ("state", "project", "limit", "listed"),
    [
        (items.DEAD, None, None, ["d2", "d1"]), (items.DEAD, None, 1, ["d2"]),
        (items.DEAD, "q", None, ["d1"]), (items.FRESH, None, None, ["f1", "f2"]),
        (items.FRESH, "p", 5, ["f1"]), (items.FRESH, "none", None, []),
    ],
)  # fmt: skip
def test_items_are_listed_in_their_file_s_order(
    waiting: Reader, state: str, project: str | None, limit: int | None, listed: list[str]
) -> None:
    found = waiting.listed(state, project, limit)
    assert ids([*found]) == listed
    if project is not None:
        assert waiting.count(state, project) == len(listed)


def test_what_waits_is_counted(waiting: Reader) -> None:
    counts = waiting.counts()
    assert counts is not None
    assert (counts.queue, counts.dlq, counts.held) == (2, 2, 1)
    assert waiting.waiting_names() == {each.name for each in WAITS}
    assert waiting.by_retries() == {2: 1, 7: 1}
    assert waiting.by_project() == [
        ProjectCounts("p", 1, 1), ProjectCounts("q", 1, 0), ProjectCounts("r", 0, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found"),
    [("d", ["d2", "d1"]), ("d1", ["d1"]), ("f", ["f1", "f2"]), ("sent", []), ("gone", []), ("", [
        "d2", "d1", "f1", "f2"])],
)  # fmt: skip
def test_what_waits_is_found_by_the_beginning_of_its_id(
    waiting: Reader, name: str, found: list[str]
) -> None:
    assert ids([*waiting.beginning(name)]) == found


def test_the_neighbours_of_an_id_are_of_all_ever_taken_in(waiting: Reader) -> None:
    assert waiting.beside("f2") == ["f1", "gone"]
    assert waiting.beside("d1") == ["d2"]
    assert waiting.beside("zz") == ["sent"]


def test_strays_are_those_of_the_dlq_file(waiting: Reader, ledger: Ledger) -> None:
    Generations(ledger).set_strays([b"7"], {"key": b"1"})
    assert waiting.strays() == [b"7"]
    counts = waiting.counts()
    assert counts is not None
    assert counts.dlq == 3


QUESTIONS: Final[tuple[Callable[[Reader], object], ...]] = (
    lambda waiting: waiting.counts(),
    lambda waiting: waiting.listed(items.DEAD, limit=20),
    lambda waiting: waiting.listed(items.FRESH, limit=20),
    lambda waiting: waiting.with_id("d1"),
    lambda waiting: waiting.beginning("d"),
    lambda waiting: waiting.beside("d1"),
    lambda waiting: waiting.by_project(),
    lambda waiting: waiting.by_retries(),
    lambda waiting: waiting.only_elsewhere(HERE),
)


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_no_question_looks_at_all_items_ever_taken_in(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    plans: list[str] = []
    asked = Reader._rows

    def explained(reader: Reader, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        plans.extend(row[3] for row in asked(reader, f"EXPLAIN QUERY PLAN {sql}", *values))
        return asked(reader, sql, *values)

    monkeypatch.setattr(Reader, "_rows", explained)
    with Reader(ledger.path) as reader:
        QUESTIONS[number](reader)
    assert plans
    assert not [each for each in plans if each.startswith("SCAN items") and "INDEX" not in each]


@pytest.fixture
def counters(ledger: Ledger) -> Counters:
    return Counters(ledger)


def test_an_empty_ledger_has_nothing_that_waits(counters: Counters) -> None:
    assert counters.waiting() == Counts(0, 0, None, 0)
    assert counters.last_delivery() is None
    assert counters.show() == {QUEUED: 0, SYNCED: 0, FAILED: 0}


def test_what_waits_is_counted_by_where_it_waits(ledger: Ledger, counters: Counters) -> None:
    inbox, taken = Inbox(ledger), ForeignClaims(ledger)
    held = inbox.add_fresh(fresh("held"), NOW + 2, ask=False)
    inbox.add_fresh(fresh("waits"), NOW + 1, ask=False)
    inbox.add_dead(letter("dead"), letter("dead").raw, NOW, ask=False, gen=None)
    Generations(ledger).set_strays([b'"odd"', b"7"], {"note": b'"kept"'})
    taken.hold(held, NOW + 3)
    assert counters.waiting() == Counts(2, 3, NOW, 1)


def test_what_is_delivered_or_deleted_does_not_wait(ledger: Ledger, counters: Counters) -> None:
    inbox, outbox = Inbox(ledger), Outbox(ledger)
    first, second = (inbox.add_fresh(fresh(name), NOW, ask=False) for name in ("a", "b"))
    assert counters.waiting().queue == 2
    with ledger.transaction():
        outbox.record_delivery(first, HERE, NOW + 5)
        assert counters.waiting().queue == 1
        inbox.discard([second], NOW, "deleted")
        assert counters.waiting().queue == 0
    assert counters.waiting() == Counts(0, 0, None, 0)
    assert counters.total(SYNCED) == 1
    assert counters.last_delivery() == NOW + 5


def test_what_is_taken_back_is_not_counted(ledger: Ledger, counters: Counters) -> None:
    full = OSError("the disk is full")

    def take_in() -> None:
        with ledger.transaction():
            Inbox(ledger).add_fresh(fresh("a"), NOW, ask=False)
            assert counters.waiting().queue == 1
            raise full

    with pytest.raises(OSError, match="full"):
        take_in()
    assert counters.waiting() == Counts(0, 0, None, 0)


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


def test_what_others_count_in_the_file_is_added_once(counters: Counters) -> None:
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


@pytest.mark.parametrize("found", [{}, {QUEUED: 2}, {QUEUED: "many"}, {QUEUED: None}])
def test_a_file_that_shows_less_takes_nothing_away(
    counters: Counters, found: dict[str, object]
) -> None:
    counters.add(QUEUED, 3)
    counters.show()
    assert counters.absorb(found)
    assert counters.total(QUEUED) == 3
