"""What a hand edit means by what it holds and lacks: one table of all that is decided."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.rows import Row
from mem0tray.worker.dlq.merge import Decisions, moved
from tests.worker.dlq.generations import SERVER, Ledger, Seen, dead_letter, known, shown, unknown

OLD: Final[dict[str, Any]] = {
    "retry_count": 1,
    "last_attempt": 100.0,
}  # values from before those of `shown`
WISH: Final[dict[str, Any]] = {"last_attempt": 0}
MINE: Final[dict[str, Any]] = {"retry_count": 77}
BOTH: Final = (known(9), unknown())


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
        {"a": at(1), "b": at(3)}, [a()], (known(3), unknown()), "discard b",
    ),
    "an emptied file discards all": ({"a": at(2), "b": at(3), "c": at(9)}, [], BOTH, "discard abc"),
    "a newcomer survives a stale save": (
        {"a": at(3), "b": at(4)}, [a()], (known(3),), "show_again b",
    ),
    "an item never published is never discarded": (
        {"a": at(), "b": at(None)}, [a()], BOTH, "show_again b",
    ),
    "what the named generation did not show is shown again": (
        {"a": at(1, 8), "b": at()}, [], (known(9),), "discard b, show_again a",
    ),
    "what the named generation showed last is discarded": (
        {"a": at(1, 8), "b": at()}, [], (known(8),), "discard ab",
    ),
    "a deletion and a newcomer are told apart": (
        {"a": at(2), "b": at(2)}, [a(), N], BOTH, "adopt n, discard b",
    ),
    "new items are adopted in file order": (
        {}, [shown(name) for name in "xzy"], BOTH, "adopt xzy",
    ),
    # An unknown stamp
    "an unknown stamp sees as far as its newest value": (
        {"a": at(5, None, (1, 4, OLD)), "b": at(5), "c": at(6)}, [a(), N], (unknown(),),
        "adopt n, discard b, show_again c",
    ),
    "an unknown stamp with an own value saw its item first": (
        {"a": at(8, None, (4, 7, OLD)), "b": at(4), "c": at(5)}, [a(**MINE)], (unknown(),),
        "edits a, discard b, show_again c",
    ),
    "an unknown stamp with a stale value saw its last generation": (
        {"a": at(6, None, (1, 5, OLD)), "b": at(5), "c": at(6)}, [a(**OLD), N], (unknown(),),
        "adopt n, discard b, show_again c, stale 1",
    ),
    "the retry script keeps newcomers": (
        {"a": at(4, None, (1, 3, OLD)), "b": at(7)}, [a(**WISH)], (unknown(),),
        "forced a, show_again b",
    ),
    # A wish that is in the file already does not show that its script saw the newcomers, too.
    "the retry script run twice keeps newcomers": (
        {"a": at(7, None, (1, 6, {}), **WISH), "b": at(7)}, [a(**WISH)], (unknown(),),
        "forced a, show_again b",
    ),
    "an old copy of what was delivered discards no newcomer": (
        {"a": at(1, 5, **DELIVERED), "b": at(5), "c": at(6)}, [a()], (unknown(),),
        "discard b, show_again c, delivered a",
    ),
    # Of an item that was deleted, and restored to the queue, the last generation is not known.
    "a copy of what was delivered on another way discards no newcomer": (
        {"a": at(None, **DELIVERED), "b": at(3)}, [a()], (unknown(),),
        "show_again b, delivered a",
    ),
    "a copy of what waits in the queue again discards no newcomer": (
        {"a": at(None, state=items.FRESH), "b": at(3)}, [a()], (unknown(),), "show_again b",
    ),
    # A value of the user's, saved under an old name, dates the next save of it to that name.
    "what a user saved shows nothing of newcomers": (
        {"a": at(8, None, (1, 7, OLD), saved=(2, 2, MINE)), "b": at(3)}, [a(**MINE), N],
        (unknown(),), "adopt n, show_again b, stale 1",
    ),
    # An editor that was open when a script added an item does not remove it by saving.
    "what a user added under an own name is no part of that generation": (
        {"b": at(6, saved=(5, 5, {}))}, [], (known(5),), "show_again b",
    ),
    "a save of a generation from between two stays in the file removes nothing": (
        {"a": at(6, None, (1, 3, {}))}, [], (known(4),), "show_again a",
    ),
    "a save of a generation from the first stay removes it": (
        {"a": at(6, None, (1, 3, {}))}, [], (known(3),), "discard a",
    ),
    # Items that are no dead letters any more
    "what the server has is taken out": ({"a": at(**DELIVERED)}, [a(**WISH)], BOTH, "delivered a"),
    "what only another server has is restored": ({"a": at(**OF_ANOTHER)}, [a()], BOTH, "restore a"),
    "a waiting entry is left alone": ({"a": at(state=items.FRESH)}, [a()], BOTH, ""),
    "a stale save brings no discarded item back": (
        {"a": at(1, 5, **GONE)}, [a()], (known(5),), "stale 1",
    ),
    "an item pasted back after its deletion is restored": (
        {"a": at(1, 8, **GONE)}, [a()], BOTH, "restore a",
    ),
    "an item gone at an unknown time is restored": (
        {"a": at(None, **GONE)}, [a()], (known(1),), "restore a",
    ),
    "an exact old copy restores what was discarded": (
        {"a": at(1, 5, **GONE), "b": at(8)}, [a()], (known(5, exact=True),),
        "restore a, show_again b",
    ),
    "an exact old copy brings back nothing forgotten": (
        {"a": at(1, 5, **GONE, reason=items.FORGOTTEN)}, [a()], (known(5, exact=True),), "stale 1",
    ),
    "an exact old copy rolls no value back": (
        {"a": at(5, None, (1, 4, OLD))}, [a(**OLD)], (known(2, exact=True),), "stale 1",
    ),
    "an unknown stamp with a stale value restores nothing newer": (
        {"a": at(6, None, (1, 5, OLD)), "b": at(1, 6, **GONE)}, [a(**OLD), shown("b")],
        (unknown(),), "stale 2",
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
    assert told(merged(ledger, rows, [a(**WISH)], unknown())) == "forced a, show_again b"


def test_a_file_that_lost_a_part_says_nothing_of_what_it_lacks(ledger: Ledger) -> None:
    """What is missing in what could be read is shown again, and what stands there is merged."""
    kept, gone = ledger.add("a", first=3), ledger.add("b", first=4)
    result = ledger.merge([N], known(3), whole=False)
    assert result == Decisions(adopt=[N], show_again=[gone, kept])


def test_what_another_worker_moved_is_found_by_its_name() -> None:
    here, other = shown("a"), shown("b")
    assert moved([here, other, here], {here.name, ("gone", b"")}) == [here]
