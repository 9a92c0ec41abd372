"""What a hand edit means by what it holds and lacks: deletions, newcomers, restored items."""

from dataclasses import replace

import pytest

from mem0tray.core import item as items
from mem0tray.worker.dlq.merge import Decisions, moved
from tests.worker.dlq.generations import (
    SEEN,
    SERVER,
    Ledger,
    Seen,
    dead_letter,
    known,
    parsed,
    shown,
    unknown,
)

# Deletions and newcomers ----------------------------------------------------------------


@pytest.mark.parametrize("seen", [known(3), unknown()], ids=["known", "unknown"])
def test_missing_from_the_generation_that_showed_it_is_discarded(
    ledger: Ledger, seen: Seen
) -> None:
    ledger.add("a", first=1)
    gone = ledger.add("b", first=3)
    result = ledger.merge([shown("a")], seen)
    assert result == Decisions(discard=[gone])
    assert result.is_edit


def test_a_file_that_lost_a_part_says_nothing_of_what_it_lacks(ledger: Ledger) -> None:
    """What is missing in what could be read is shown again, and what stands there is merged."""
    kept, gone = ledger.add("a", first=3), ledger.add("b", first=4)
    result = ledger.merge([shown("n")], known(3), whole=False)
    assert result == Decisions(adopt=[shown("n")], show_again=[gone, kept])


def test_what_another_worker_moved_is_found_by_its_name() -> None:
    here, other = shown("a"), shown("b")
    assert moved([here, other, here], {here.name, ("gone", b"")}) == [here]


@SEEN
def test_an_emptied_file_discards_all(ledger: Ledger, seen: Seen) -> None:
    rows = [ledger.add(name, first=gen) for gen, name in ((2, "a"), (3, "b"), (9, "c"))]
    assert ledger.merge([], seen) == Decisions(discard=rows)


def test_a_newcomer_survives_a_stale_save(ledger: Ledger) -> None:
    ledger.add("a", first=3)
    newcomer = ledger.add("b", first=4)
    result = ledger.merge([shown("a")], known(3))
    assert result == Decisions(show_again=[newcomer])
    assert not result.is_edit


@SEEN
def test_an_item_never_published_is_never_discarded(ledger: Ledger, seen: Seen) -> None:
    ledger.add("a")
    unseen = ledger.add("b", first=None)
    result = ledger.merge([shown("a")], seen)
    assert (result.show_again, result.discard) == ([unseen], [])


def test_what_the_named_generation_did_not_show_is_shown_again(ledger: Ledger) -> None:
    hidden, there = ledger.add("a", last=8), ledger.add("b")
    assert ledger.merge([], known(9)) == Decisions(show_again=[hidden], discard=[there])
    assert ledger.merge([], known(8)) == Decisions(discard=[hidden, there])


@SEEN
def test_a_deletion_and_a_newcomer_are_told_apart(ledger: Ledger, seen: Seen) -> None:
    ledger.add("a", first=2)
    gone = ledger.add("b", first=2)
    assert ledger.merge([shown("a"), shown("n")], seen) == Decisions(
        adopt=[shown("n")], discard=[gone]
    )


@SEEN
def test_new_items_are_adopted_in_file_order(ledger: Ledger, seen: Seen) -> None:
    found = [shown(name) for name in "xyz"]
    result = ledger.merge(found, seen)
    assert result == Decisions(adopt=found)
    assert result.is_edit


def test_an_unknown_stamp_sees_as_far_as_its_newest_value(ledger: Ledger) -> None:
    before = dead_letter("a", retry_count=1, last_attempt=100.0)
    ledger.stood(ledger.add("a", first=5), 1, 4, before)
    gone = ledger.add("b", first=5)
    newcomer = ledger.add("c", first=6)
    result = ledger.merge([shown("a"), shown("n")], unknown())
    assert (result.discard, result.show_again) == ([gone], [newcomer])


def test_an_unknown_stamp_with_an_own_value_saw_its_item_first(ledger: Ledger) -> None:
    before = dead_letter("a", retry_count=1, last_attempt=100.0)
    ledger.stood(ledger.add("a", first=8), 4, 7, before)
    gone, newcomer = ledger.add("b", first=4), ledger.add("c", first=5)
    result = ledger.merge([shown("a", retry_count=77)], unknown())
    assert (result.discard, result.show_again) == ([gone], [newcomer])
    assert [pair.item.retry_count for pair in result.edits] == [77]


def test_an_unknown_stamp_with_a_stale_value_saw_its_last_generation(ledger: Ledger) -> None:
    row = ledger.add("a", first=6)
    ledger.stood(row, 1, 5, dead_letter("a", retry_count=1, last_attempt=100.0))
    gone, newcomer = ledger.add("b", first=5), ledger.add("c", first=6)
    stale = shown("a", retry_count=1, last_attempt=100.0)
    result = ledger.merge([stale, shown("n")], unknown())
    assert (result.discard, result.show_again) == ([gone], [newcomer])
    assert (result.edits, result.stale) == ([], 1)


def test_the_retry_script_keeps_newcomers(ledger: Ledger) -> None:
    before = dead_letter("a", retry_count=1, last_attempt=100.0)
    ledger.stood(ledger.add("a", first=4), 1, 3, before)
    newcomer = ledger.add("b", first=7)
    result = ledger.merge([shown("a", last_attempt=0)], unknown())
    assert [pair.row.item_id for pair in result.forced] == ["a"]
    assert (result.discard, result.show_again) == ([], [newcomer])


def test_the_retry_script_run_twice_keeps_newcomers(ledger: Ledger) -> None:
    """A wish that is in the file already does not show that its script saw the newcomers, too."""
    row = ledger.add("a", first=7, last_attempt=0)
    ledger.stood(row, 1, 6, dead_letter("a"))
    newcomer = ledger.add("b", first=7)
    result = ledger.merge([shown("a", last_attempt=0)], unknown())
    assert (result.discard, result.show_again) == ([], [newcomer])


def test_an_old_copy_of_what_was_delivered_discards_no_newcomer(ledger: Ledger) -> None:
    ledger.add("a", state=items.DELIVERED, servers=[SERVER], last=5)
    gone, newcomer = ledger.add("b", first=5), ledger.add("c", first=6)
    result = ledger.merge([shown("a")], unknown())
    assert (result.discard, result.show_again) == ([gone], [newcomer])


@pytest.mark.parametrize("state", [items.DELIVERED, items.FRESH])
def test_a_copy_of_what_left_on_another_way_discards_no_newcomer(
    ledger: Ledger, state: str
) -> None:
    """Of an item that was deleted, and restored to the queue, the last generation is not known."""
    ledger.add("a", state=state, servers=[SERVER], first=None)
    newcomer = ledger.add("b", first=3)
    result = ledger.merge([shown("a")], unknown())
    assert (result.discard, result.show_again) == ([], [newcomer])


@pytest.mark.row(47)
def test_a_restored_item_dates_a_copy_to_its_first_publication(ledger: Ledger) -> None:
    """What was deleted and restored since shows no newer generation to the script on a copy."""
    row = ledger.add("a", first=5)
    ledger.stood(row, 1, 2, row.raw or b"")
    newcomer = ledger.add("b", first=3)
    result = ledger.merge([shown("a", last_attempt=0)], unknown())
    assert (result.discard, result.show_again) == ([], [newcomer])


def test_what_a_user_saved_shows_nothing_of_newcomers(ledger: Ledger) -> None:
    """A value of the user's, saved under an old name, dates the next save of it to that name."""
    row = ledger.add("a", first=8)
    ledger.stood(row, 1, 7, dead_letter("a", retry_count=1, last_attempt=100.0))
    ledger.stood(row, 2, 2, dead_letter("a", retry_count=44), saved=True)
    newcomer = ledger.add("b", first=3)
    result = ledger.merge([shown("a", retry_count=44), shown("n")], unknown())
    assert (result.discard, result.show_again, result.stale) == ([], [newcomer], 1)


def test_what_a_user_added_under_an_own_name_is_no_part_of_that_generation(ledger: Ledger) -> None:
    """An editor that was open when a script added an item does not remove it by saving."""
    added = ledger.add("b", first=6)
    ledger.stood(added, 5, 5, added.raw or b"", saved=True)
    assert ledger.merge([], known(5)) == Decisions(show_again=[added])


def test_a_gap_between_two_stays_belongs_to_neither(ledger: Ledger) -> None:
    """A save of a generation from between two stays of an item in the file removes nothing."""
    row = ledger.add("a", first=6)
    ledger.stood(row, 1, 3, row.raw or b"")
    assert ledger.merge([], known(4)) == Decisions(show_again=[row])
    assert ledger.merge([], known(3)) == Decisions(discard=[row])


@SEEN
def test_what_the_server_has_is_taken_out(ledger: Ledger, seen: Seen) -> None:
    row = ledger.add("a", state=items.DELIVERED, servers=[SERVER])
    result = ledger.merge([shown("a", last_attempt=0)], seen)
    assert [pair.row for pair in result.delivered] == [row]
    assert not result.is_edit


@SEEN
def test_what_only_another_server_has_is_restored(ledger: Ledger, seen: Seen) -> None:
    row = ledger.add("a", state=items.DELIVERED, servers=["http://elsewhere"])
    result = ledger.merge([shown("a")], seen)
    assert [pair.row for pair in result.restore] == [row]
    assert result.delivered == []


@SEEN
def test_a_waiting_entry_is_left_alone(ledger: Ledger, seen: Seen) -> None:
    ledger.add("a", state=items.FRESH)
    assert ledger.merge([shown("a")], seen) == Decisions()


def test_a_stale_save_brings_no_discarded_item_back(ledger: Ledger) -> None:
    ledger.add("a", state=items.DISCARDED, last=5)
    assert ledger.merge([shown("a")], known(5)) == Decisions(stale=1)


@SEEN
def test_an_item_pasted_back_after_its_deletion_is_restored(ledger: Ledger, seen: Seen) -> None:
    row = ledger.add("a", state=items.DISCARDED, last=8)
    result = ledger.merge([shown("a")], seen)
    assert result.restore == [replace(result.restore[0], row=row)]
    assert result.stale == 0


def test_an_item_gone_at_an_unknown_time_is_restored(ledger: Ledger) -> None:
    row = ledger.add("a", state=items.DISCARDED, first=None)
    assert [pair.row for pair in ledger.merge([shown("a")], known(1)).restore] == [row]


def test_an_exact_old_copy_restores_what_was_discarded(ledger: Ledger) -> None:
    row = ledger.add("a", state=items.DISCARDED, last=5)
    newcomer = ledger.add("b", first=8)
    result = ledger.merge([shown("a")], known(5, exact=True))
    assert [pair.row for pair in result.restore] == [row]
    assert (result.discard, result.show_again, result.stale) == ([], [newcomer], 0)


def test_an_exact_old_copy_brings_back_nothing_forgotten(ledger: Ledger) -> None:
    ledger.add("a", state=items.DISCARDED, reason=items.FORGOTTEN, last=5)
    assert ledger.merge([shown("a")], known(5, exact=True)) == Decisions(stale=1)


def test_an_exact_old_copy_rolls_no_value_back(ledger: Ledger) -> None:
    row = ledger.add("a", first=5)
    old = dead_letter("a", retry_count=0, last_attempt=50.0)
    ledger.stood(row, 1, 4, old)
    assert ledger.merge([parsed(old)], known(2, exact=True)) == Decisions(stale=1)


def test_an_unknown_stamp_with_a_stale_value_restores_nothing_newer(ledger: Ledger) -> None:
    row = ledger.add("a", first=6)
    old = dead_letter("a", retry_count=1, last_attempt=100.0)
    ledger.stood(row, 1, 5, old)
    ledger.add("b", state=items.DISCARDED, last=6)
    assert ledger.merge([parsed(old), shown("b")], unknown()) == Decisions(stale=2)
