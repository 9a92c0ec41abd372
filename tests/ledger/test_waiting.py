"""What waits, as the ledger lists and counts it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pytest

from mem0tray.core import item as items
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.names import QUEUE_STRAYS
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.waiting import ProjectCounts, WaitingRows
from tests.ledger.samples import HERE, NOW, fresh, known, letter, put

WAITS = (
    letter("d2", project_id="p", retry_count=2, last_attempt=5),
    letter("d1", project_id="q", retry_count=9, last_attempt=5),
    fresh("f1", project_id="p"),
    fresh("f2", project_id="r"),
)


@pytest.fixture
def waiting(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> Iterator[WaitingRows]:
    """Two dead letters, two entries, one of them held; and one delivered, one deleted."""
    list(put(inbox, *WAITS, fresh("sent"), fresh("gone")))
    outbox.record_delivery(known(inbox, fresh("sent")).key, HERE, NOW)
    inbox.discard([known(inbox, fresh("gone")).key], NOW, items.DELETED)
    ForeignClaims(ledger).hold(known(inbox, WAITS[3]).key, NOW)
    with Reader(ledger.path) as reader:
        yield reader.waiting


def ids(listed: list[tuple[object, bytes]]) -> list[str]:
    """The ids of these items."""
    found = [items.parse(raw) for _, raw in listed]
    return [each.id for each in found if each is not None]


@pytest.mark.parametrize(
    ("state", "project", "limit", "listed"),
    [
        (items.DEAD, None, None, ["d2", "d1"]),
        (items.DEAD, None, 1, ["d2"]),
        (items.DEAD, "q", None, ["d1"]),
        (items.FRESH, None, None, ["f1", "f2"]),
        (items.FRESH, "p", 5, ["f1"]),
        (items.FRESH, "none", None, []),
    ],
)
def test_items_are_listed_in_their_file_s_order(
    waiting: WaitingRows, state: str, project: str | None, limit: int | None, listed: list[str]
) -> None:
    found = waiting.listed(state, project, limit)
    assert ids([*found]) == listed
    if project is not None:
        assert waiting.count(state, project) == len(listed)


def test_what_waits_is_counted(waiting: WaitingRows) -> None:
    counts = waiting.counts()
    assert counts is not None
    assert (counts.queue, counts.dlq, counts.held) == (2, 2, 1)
    assert waiting.names() == {each.name for each in WAITS}
    assert sorted(waiting.ids()) == ["d1", "d2", "f1", "f2"]
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
    waiting: WaitingRows, name: str, found: list[str]
) -> None:
    assert ids([*waiting.beginning(name)]) == found


def test_the_neighbours_of_an_id_are_of_all_ever_taken_in(waiting: WaitingRows) -> None:
    assert waiting.beside("f2") == ["f1", "gone"]
    assert waiting.beside("d1") == ["d2"]
    assert waiting.beside("zz") == ["sent"]


def test_strays_are_those_of_each_file_without_what_is_dropped(
    waiting: WaitingRows, ledger: Ledger, inbox: Inbox
) -> None:
    Generations(ledger).set_strays([b"7"], {"key": b"1"})
    ledger.set_meta(QUEUE_STRAYS, b'[null, {"id": "odd"}]')
    assert waiting.strays(items.DEAD) == [b"7"]
    assert waiting.strays(items.FRESH) == [b"null", b'{"id": "odd"}']
    inbox.drop_from_queue(items.identity(b"null"))
    assert waiting.strays(items.FRESH) == [b'{"id": "odd"}']
    counts = waiting.counts()
    assert counts is not None
    assert counts.dlq == 3


QUESTIONS: Final[tuple[Callable[[WaitingRows], object], ...]] = (
    lambda waiting: waiting.counts(),
    lambda waiting: waiting.listed(items.DEAD, limit=20),
    lambda waiting: waiting.listed(items.FRESH, limit=20),
    lambda waiting: waiting.with_id("d1"),
    lambda waiting: waiting.beginning("d"),
    lambda waiting: waiting.beside("d1"),
    lambda waiting: waiting.by_project(),
    lambda waiting: waiting.by_retries(),
)


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_no_question_looks_at_all_items_ever_taken_in(ledger: Ledger, number: int) -> None:
    plans: list[str] = []

    def explained(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with ledger.locked() as db:
            rows = db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
            plans.extend(row[3] for row in rows)
            return db.execute(sql, values).fetchall()

    QUESTIONS[number](WaitingRows(explained))
    assert plans
    assert not [each for each in plans if each.startswith("SCAN items") and "INDEX" not in each]


def test_an_item_knows_what_the_ledger_knows(waiting: WaitingRows) -> None:
    first = WAITS[0]
    ((found, raw),) = waiting.with_id("d2")
    assert (found.name, found.state, found.retry_count, raw) == (first.name, "dead", 2, first.raw)
