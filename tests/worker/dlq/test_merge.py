"""What a hand edit of the DLQ file means: contract, section 1."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.files.document import pretty
from mem0tray.ledger.rows import Row
from mem0tray.worker.dlq.merge import Decisions, moved
from tests.worker.dlq.generations import SEEN, SERVER, Ledger, Seen, dead_letter, parsed, shown

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


# What a save holds and lacks: one table of all that is decided ------------------------

OLD: Final[dict[str, Any]] = {
    "retry_count": 1,
    "last_attempt": 100.0,
}  # values from before those of `shown`
WISH: Final[dict[str, Any]] = {"last_attempt": 0}
MINE: Final[dict[str, Any]] = {"retry_count": 77}
BOTH: Final = (Seen(9), Seen(None))


Stay = tuple[int, int, dict[str, Any]]  # in the file from one generation to another, with values


def at(
    first: int | None = 1, last: int | None = None, *before: Stay, saved: Any = None, **values: Any
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """A row that stands in the file from `first` on, stood there before, or was saved by a user."""
    stood = [(*each, False) for each in before] + ([(*saved, True)] if saved else [])
    return {"first": first, "last": last, **values}, stood


def told(found: Decisions) -> str:
    """Tell in words what was decided, and about which items."""
    words = []
    for each in fields(found):
        some: Any = getattr(found, each.name)
        if isinstance(some, list) and some:
            names = [one.item_id if isinstance(one, Row) else one.id for one in map(_item, some)]
            words.append(f"{each.name} {''.join(names)}")
    return ", ".join([*words, *[f"stale {found.stale}"] * bool(found.stale)])


def _item(decided: Any) -> Any:
    return getattr(decided, "item", decided)


def a(**values: Any) -> Item:
    return shown("a", **values)


N: Final = shown("n")
OF_ANOTHER: Final[dict[str, Any]] = {"state": items.DELIVERED, "servers": ["http://elsewhere"]}
DELIVERED: Final[dict[str, Any]] = {"state": items.DELIVERED, "servers": [SERVER]}
GONE: Final[dict[str, Any]] = {"state": items.DISCARDED}
CASES: Final[dict[str, tuple[Mapping[str, Any], list[Item], tuple[Seen, ...], str]]] = {
    # Nothing wanted, and what was there before
    "a file as published is no edit": ({"a": at(), "b": at()}, [a(), shown("b")], BOTH, ""),
    "a change of last_error alone is no edit": (
        {"a": at(last_error="boom")}, [a(last_error="mine")], BOTH, "",
    ),
    "a value published before is stale": (
        {"a": at(5, None, (1, 4, OLD))}, [a(**OLD)], BOTH, "stale 1",
    ),
    "a content that was replaced is stale": (
        {"a": at(5, None, (1, 4, {"content": "old"}), content="new")}, [a(content="old")], BOTH,
        "stale 1",
    ),
    "a wish to retry counts though it was published": (
        {"a": at(5, None, (1, 4, WISH)), "b": at(**WISH)}, [a(**WISH), shown("b", **WISH)], BOTH,
        "forced ab",
    ),
    # Deletions and newcomers
    "an item shown twice counts once": ({"a": at()}, [a(), a(), N, N], BOTH, "adopt n"),
    "a further content of a shared id is adopted": (
        {"a": at()}, [a(), a(content="second")], BOTH, "adopt a",
    ),
    "what is missing from the generation that showed it is discarded": (
        {"a": at(1), "b": at(3)}, [a()], (Seen(3), Seen(None)), "discard b",
    ),
    "an emptied file discards all": ({"a": at(2), "b": at(3), "c": at(9)}, [], BOTH, "discard abc"),
    "a newcomer survives a stale save": (
        {"a": at(3), "b": at(4)}, [a()], (Seen(3),), "show_again b",
    ),
    "an item never published is never discarded": (
        {"a": at(), "b": at(None)}, [a()], BOTH, "show_again b",
    ),
    "what the named generation did not show is shown again": (
        {"a": at(1, 8), "b": at()}, [], (Seen(9),), "discard b, show_again a",
    ),
    "what the named generation showed last is discarded": (
        {"a": at(1, 8), "b": at()}, [], (Seen(8),), "discard ab",
    ),
    "a deletion and a newcomer are told apart": (
        {"a": at(2), "b": at(2)}, [a(), N], BOTH, "adopt n, discard b",
    ),
    "new items are adopted in file order": (
        {}, [shown(name) for name in "xzy"], BOTH, "adopt xzy",
    ),
    # An unknown stamp
    "an unknown stamp sees as far as its newest value": (
        {"a": at(5, None, (1, 4, OLD)), "b": at(5), "c": at(6)}, [a(), N], (Seen(None),),
        "adopt n, discard b, show_again c",
    ),
    "an unknown stamp with an own value saw its item first": (
        {"a": at(8, None, (4, 7, OLD)), "b": at(4), "c": at(5)}, [a(**MINE)], (Seen(None),),
        "edits a, discard b, show_again c",
    ),
    "an unknown stamp with a stale value saw its last generation": (
        {"a": at(6, None, (1, 5, OLD)), "b": at(5), "c": at(6)}, [a(**OLD), N], (Seen(None),),
        "adopt n, discard b, show_again c, stale 1",
    ),
    "the retry script keeps newcomers": (
        {"a": at(4, None, (1, 3, OLD)), "b": at(7)}, [a(**WISH)], (Seen(None),),
        "forced a, show_again b",
    ),
    # A wish that is in the file already does not show that its script saw the newcomers, too.
    "the retry script run twice keeps newcomers": (
        {"a": at(7, None, (1, 6, {}), **WISH), "b": at(7)}, [a(**WISH)], (Seen(None),),
        "forced a, show_again b",
    ),
    "an old copy of what was delivered discards no newcomer": (
        {"a": at(1, 5, **DELIVERED), "b": at(5), "c": at(6)}, [a()], (Seen(None),),
        "discard b, show_again c, delivered a",
    ),
    # Of an item that was deleted, and restored to the queue, the last generation is not known.
    "a copy of what was delivered on another way discards no newcomer": (
        {"a": at(None, **DELIVERED), "b": at(3)}, [a()], (Seen(None),),
        "show_again b, delivered a",
    ),
    "a copy of what waits in the queue again discards no newcomer": (
        {"a": at(None, state=items.FRESH), "b": at(3)}, [a()], (Seen(None),), "show_again b",
    ),
    # A value of the user's, saved under an old name, dates the next save of it to that name.
    "what a user saved shows nothing of newcomers": (
        {"a": at(8, None, (1, 7, OLD), saved=(2, 2, MINE)), "b": at(3)}, [a(**MINE), N],
        (Seen(None),), "adopt n, show_again b, stale 1",
    ),
    # An editor that was open when a script added an item does not remove it by saving.
    "what a user added under an own name is no part of that generation": (
        {"b": at(6, saved=(5, 5, {}))}, [], (Seen(5),), "show_again b",
    ),
    "a save of a generation from between two stays in the file removes nothing": (
        {"a": at(6, None, (1, 3, {}))}, [], (Seen(4),), "show_again a",
    ),
    "a save of a generation from the first stay removes it": (
        {"a": at(6, None, (1, 3, {}))}, [], (Seen(3),), "discard a",
    ),
    # Items that are no dead letters any more
    "what the server has is taken out": ({"a": at(**DELIVERED)}, [a(**WISH)], BOTH, "delivered a"),
    "what only another server has is restored": ({"a": at(**OF_ANOTHER)}, [a()], BOTH, "restore a"),
    "a waiting entry is left alone": ({"a": at(state=items.FRESH)}, [a()], BOTH, ""),
    "a stale save brings no discarded item back": (
        {"a": at(1, 5, **GONE)}, [a()], (Seen(5),), "stale 1",
    ),
    "an item pasted back after its deletion is restored": (
        {"a": at(1, 8, **GONE)}, [a()], BOTH, "restore a",
    ),
    "an item gone at an unknown time is restored": (
        {"a": at(None, **GONE)}, [a()], (Seen(1),), "restore a",
    ),
    "an exact old copy restores what was discarded": (
        {"a": at(1, 5, **GONE), "b": at(8)}, [a()], (Seen(5, exact=True),),
        "restore a, show_again b",
    ),
    "an exact old copy brings back nothing forgotten": (
        {"a": at(1, 5, **GONE, reason=items.FORGOTTEN)}, [a()], (Seen(5, exact=True),), "stale 1",
    ),
    "an exact old copy rolls no value back": (
        {"a": at(5, None, (1, 4, OLD))}, [a(**OLD)], (Seen(2, exact=True),), "stale 1",
    ),
    "an unknown stamp with a stale value restores nothing newer": (
        {"a": at(6, None, (1, 5, OLD)), "b": at(1, 6, **GONE)}, [a(**OLD), shown("b")],
        (Seen(None),), "stale 2",
    ),
}  # fmt: skip


def merged(ledger: Ledger, rows: Mapping[str, Any], found: list[Item], seen: Seen) -> Decisions:
    for name, (values, stood) in rows.items():
        row = ledger.add(name, **values)
        for first, last, old, saved in stood:
            ledger.stood(row, first, last, dead_letter(name, **old), saved=saved)
    return ledger.merge(found, seen)


@pytest.mark.parametrize(("rows", "found", "seen", "decided"), CASES.values(), ids=list(CASES))
def test_what_a_save_holds_and_lacks(
    rows: Mapping[str, Any], found: list[Item], seen: tuple[Seen, ...], decided: str
) -> None:
    for each in seen:
        result = merged(Ledger(), rows, found, each)
        assert told(result) == decided
        is_edit = any(
            word in decided for word in ("edits", "forced", "adopt", "restore", "discard")
        )
        assert result.is_edit == is_edit


@pytest.mark.row(47)
def test_a_restored_item_dates_a_copy_to_its_first_publication(ledger: Ledger) -> None:
    """What was deleted and restored since shows no newer generation to the script on a copy."""
    rows = {"a": at(5, None, (1, 2, {})), "b": at(3)}
    assert told(merged(ledger, rows, [a(**WISH)], Seen(None))) == "forced a, show_again b"


def test_a_file_that_lost_a_part_says_nothing_of_what_it_lacks(ledger: Ledger) -> None:
    """What is missing in what could be read is shown again, and what stands there is merged."""
    kept, gone = ledger.add("a", first=3), ledger.add("b", first=4)
    result = ledger.merge([N], Seen(3), whole=False)
    assert result == Decisions(adopt=[N], show_again=[gone, kept])


def test_what_another_worker_moved_is_found_by_its_name() -> None:
    here, other = shown("a"), shown("b")
    assert moved([here, other, here], {here.name, ("gone", b"")}) == [here]
