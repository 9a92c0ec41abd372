"""What a hand edit of the DLQ file means for values and contents: contract, section 1."""

import json
from typing import Any

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.files.document import pretty
from mem0tray.ledger.rows import Row
from mem0tray.worker.dlq.merge import Decisions
from tests.worker.dlq.generations import SEEN, Ledger, Seen, dead_letter, parsed, shown

LATE = pytest.mark.parametrize(
    "seen", [Seen(9, current=11), Seen(None, current=11)], ids=["known", "unknown"]
)

# Nothing wanted ---------------------------------------------------------------------


@SEEN
def test_layout_is_no_edit(ledger: Ledger, seen: Seen) -> None:
    first, second = ledger.add("a").raw or b"", ledger.add("b").raw or b""
    turned = json.dumps(dict(reversed(json.loads(first).items())), indent=7).encode()
    result = ledger.merge([parsed(pretty(second, 2)), parsed(turned)], seen)
    assert result == Decisions()


@SEEN
@pytest.mark.parametrize(
    "fields",
    [
        {"retry_count": 0}, {"last_attempt": 123.5}, {"retry_count": 9, "last_attempt": 5},
        {"content": "better"}, {"project_id": "beta"}, {"note": "why?"},
    ],
    ids=str,
)  # fmt: skip
def test_what_was_never_published_is_an_edit_of_the_same_item(
    ledger: Ledger, seen: Seen, fields: dict[str, Any]
) -> None:
    row, want = ledger.add("a"), shown("a", **fields)
    result = ledger.merge([want], seen)
    (pair,) = result.edits
    found = pair.item
    assert (pair.row, found.retry_count, found.last_attempt) == (
        row, want.retry_count, want.last_attempt,
    )  # fmt: skip
    assert json.loads(found.raw) == json.loads(want.raw)
    assert result == Decisions(edits=[pair])


@SEEN
def test_stale_and_new_values_are_told_apart_within_an_item(ledger: Ledger, seen: Seen) -> None:
    row = ledger.add("a", first=5)
    ledger.stood(row, 1, 4, dead_letter("a", retry_count=1, last_attempt=100.0))
    (pair,) = ledger.merge([shown("a", retry_count=44, last_attempt=100.0)], seen).edits
    assert (pair.item.retry_count, pair.item.last_attempt) == (44, 200.0)
    assert json.loads(pair.item.raw)["last_attempt"] == 200.0


@SEEN
@pytest.mark.parametrize("value", [0, 0.0, -1, None, "soon", "missing"])
def test_last_attempt_zero_is_a_wish_to_retry(ledger: Ledger, seen: Seen, value: object) -> None:
    ledger.add("a")
    raw = json.loads(dead_letter("a", last_attempt=value))
    if value == "missing":
        del raw["last_attempt"]
    result = ledger.merge([parsed(json.dumps(raw).encode())], seen)
    (pair,) = result.forced
    assert pair.item.last_attempt <= 0
    assert pair.item.retry_count == 2
    assert result == Decisions(forced=[pair])
    assert result.is_edit


@SEEN
def test_a_forced_retry_does_not_roll_the_count_back(ledger: Ledger, seen: Seen) -> None:
    row = ledger.add("a", retry_count=6, first=5)
    ledger.stood(row, 1, 4, dead_letter("a", retry_count=1, last_attempt=100.0))
    (pair,) = ledger.merge([shown("a", retry_count=1, last_attempt=0)], seen).forced
    assert (pair.item.retry_count, pair.item.last_attempt) == (6, 0)


@SEEN
@pytest.mark.parametrize("fields", [{"retry_count": 0}, {"content": "better"}], ids=str)
def test_a_forced_retry_takes_the_users_count_and_content(
    ledger: Ledger, seen: Seen, fields: dict[str, Any]
) -> None:
    ledger.add("a")
    (pair,) = ledger.merge([shown("a", **fields, last_attempt=0)], seen).forced
    want = {"retry_count": 2, "content": "text of a"} | fields
    assert (pair.item.retry_count, pair.item.content) == (want["retry_count"], want["content"])
    assert pair.item.last_attempt == 0


def replaced(
    ledger: Ledger, state: str = items.DISCARDED, reason: str = items.EDITED
) -> tuple[Row, Item]:
    """Edit a text while a server may have it: the edit has a row of its own, and the history."""
    ledger.add("a", content="old", state=state, reason=reason, last=9)
    row = ledger.add("a", content="new", first=10)
    ledger.stood(row, 1, 9, dead_letter("a", content="old"))
    return row, shown("a", content="old")


@LATE
@pytest.mark.parametrize("state", [items.DISCARDED, items.DELIVERED])
def test_an_old_save_discards_no_edit_of_a_text_that_was_sent(
    ledger: Ledger, seen: Seen, state: str
) -> None:
    _, old = replaced(ledger, state)
    assert ledger.merge([old], seen) == Decisions(stale=1)


@LATE
@pytest.mark.parametrize("note", [{}, {"note": "why?"}], ids=["as it was", "with a note"])
def test_a_wish_to_retry_in_an_old_save_is_one_for_the_edit(
    ledger: Ledger, seen: Seen, note: dict[str, str]
) -> None:
    row, _ = replaced(ledger)
    (pair,) = ledger.merge([shown("a", content="old", last_attempt=0, **note)], seen).forced
    assert (pair.row, pair.item.content, pair.item.last_attempt) == (row, "new", 0)


def test_an_exact_old_copy_brings_back_the_text_before_an_edit(ledger: Ledger) -> None:
    row, old = replaced(ledger)
    result = ledger.merge([old], Seen(9, current=11, exact=True))
    assert ([pair.item for pair in result.restore], result.discard) == ([old], [row])


@pytest.mark.parametrize("state", [items.DISCARDED, items.DELIVERED])
def test_an_exact_old_copy_discards_no_edit_of_what_it_cannot_bring_back(
    ledger: Ledger, state: str
) -> None:
    _, old = replaced(ledger, state, items.FORGOTTEN)
    assert ledger.merge([old], Seen(9, current=11, exact=True)) == Decisions(stale=1)


def test_an_old_text_that_an_editor_of_the_new_one_wrote_comes_back(ledger: Ledger) -> None:
    row, old = replaced(ledger)
    (pair,) = ledger.merge([old], Seen(11, current=11)).restore
    assert (pair.item, pair.row.state) == (old, items.DISCARDED)
    assert ledger.merge([old], Seen(11, current=11)).discard == [row]


def test_an_old_text_beside_its_edit_is_stale(ledger: Ledger) -> None:
    _, old = replaced(ledger)
    found = [old, shown("a", content="new")]
    assert ledger.merge(found, Seen(9, current=11)) == Decisions(stale=1)


@SEEN
def test_rows_of_a_shared_id_are_matched_by_content(ledger: Ledger, seen: Seen) -> None:
    ledger.add("a", content="one")
    second = ledger.add("a", content="two")
    result = ledger.merge([shown("a", content="three"), shown("a", content="one")], seen)
    (pair,) = result.edits
    assert (pair.row, pair.item.content) == (second, "three")
    assert result == Decisions(edits=[pair])


@SEEN
def test_of_rows_of_a_shared_id_a_former_text_is_that_of_the_one_that_had_it(
    ledger: Ledger, seen: Seen
) -> None:
    first = ledger.add("a", content="one")
    second = ledger.add("a", content="two", first=5)
    ledger.stood(second, 1, 4, dead_letter("a", content="old"))
    found = ledger.merge([shown("a", content="old")], seen)
    assert found == Decisions(discard=[first], stale=1)


@SEEN
def test_one_of_two_contents_of_an_id_can_be_removed(ledger: Ledger, seen: Seen) -> None:
    ledger.add("a", content="one")
    second = ledger.add("a", content="two")
    assert ledger.merge([shown("a", content="one")], seen) == Decisions(discard=[second])
