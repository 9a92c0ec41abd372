"""What a hand edit of the DLQ file means: the contract's section 1, "Edits by hand"."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mem0tray import item as items
from mem0tray.files.document import pretty
from mem0tray.item import Item
from mem0tray.ledger.editions import PastValue
from mem0tray.ledger.rows import Row
from mem0tray.worker.merge import Edition, Merge, merge

SERVER = "http://here"


def dead_letter(identity: str, **fields: Any) -> bytes:
    """Write a dead letter."""
    value = {
        "id": identity,
        "project_id": "alpha",
        "content": f"text of {identity}",
        "timestamp": 1,
        "retry_count": 2,
        "last_attempt": 200.0,
        "moved_to_dlq_at": 50.0,
    }
    return json.dumps(value | fields).encode()


def parsed(raw: bytes) -> Item:
    """Read what must be an item."""
    item = items.parse(raw)
    assert item is not None
    return item


def shown(identity: str, **fields: Any) -> Item:
    """Build an item as it stands in the file."""
    return parsed(dead_letter(identity, **fields))


@dataclass
class Ledger:
    """What the ledger knows."""

    rows: list[Row] = field(default_factory=list)
    past: dict[int, list[PastValue]] = field(default_factory=dict)

    def add(
        self,
        identity: str,
        *,
        first: int | None = 1,
        since: int | None = None,
        state: str = items.DEAD,
        server: str | None = None,
        gone: int | None = None,
        **fields: Any,
    ) -> Row:
        """Add a row, published in generation `first`, its value since `since`."""
        item = shown(identity, **fields)
        row = Row(
            key=len(self.rows) + 1,
            item_id=identity,
            digest=item.digest,
            first_digest=item.digest,
            state=state,
            raw=item.raw,
            retry_count=item.retry_count,
            last_attempt=item.last_attempt,
            server=server,
            intent=None,
            first_gen=first,
            value_gen=first if since is None else since,
            gone_gen=gone,
        )
        self.rows.append(row)
        return row

    def stood(self, row: Row, first: int, last: int, raw: bytes, *, body: bool = False) -> None:
        """Remember what stood in the file for `row` from generation `first` to `last`."""
        item = parsed(raw)
        value = PastValue(
            item.retry_count,
            item.last_attempt,
            items.body(raw) if body else None,
            first,
            last,
        )
        self.past.setdefault(row.key, []).append(value)

    def merge(self, found: Sequence[Item], edition: Edition) -> Merge:
        """Merge what was found."""
        return merge(
            found,
            [row for row in self.rows if row.state == items.DEAD],
            lambda identity: [row for row in self.rows if row.item_id == identity],
            lambda key: self.past.get(key, []),
            edition,
            SERVER,
        )


def known(gen: int, current: int = 9, **more: Any) -> Edition:
    """Name a generation of ours."""
    return Edition(named=gen, current=current, **more)


def unknown(current: int = 9) -> Edition:
    """Bear a stamp that is not ours."""
    return Edition(named=None, current=current)


@pytest.fixture
def ledger() -> Ledger:
    """Start with an empty ledger."""
    return Ledger()


EDITIONS = pytest.mark.parametrize("edition", [known(9), unknown()], ids=["known", "unknown"])


# Nothing wanted ---------------------------------------------------------------------


@EDITIONS
def test_a_file_as_published_is_no_edit(ledger: Ledger, edition: Edition) -> None:
    """A file that shows what we published asks for nothing."""
    found = [parsed(ledger.add(name).raw or b"") for name in "abc"]
    result = ledger.merge(found, edition)
    assert result == Merge()
    assert not result.is_edit


@EDITIONS
def test_layout_is_no_edit(ledger: Ledger, edition: Edition) -> None:
    """Another indentation, order of keys or order of items is no edit."""
    first, second = ledger.add("a").raw or b"", ledger.add("b").raw or b""
    turned = json.dumps(dict(reversed(json.loads(first).items())), indent=7).encode()
    result = ledger.merge([parsed(pretty(second, 2)), parsed(turned)], edition)
    assert result == Merge()


@EDITIONS
def test_a_change_of_last_error_alone_is_no_edit(ledger: Ledger, edition: Edition) -> None:
    """What the file says as our `last_error` is ours alone."""
    ledger.add("a", last_error="boom")
    assert ledger.merge([shown("a", last_error="mine")], edition) == Merge()


@EDITIONS
def test_an_item_shown_twice_counts_once(ledger: Ledger, edition: Edition) -> None:
    """The same item twice in the file is one item."""
    ledger.add("a")
    assert ledger.merge([shown("a"), shown("a"), shown("n"), shown("n")], edition) == Merge(
        adopt=[shown("n")]
    )


# Deletions and newcomers ----------------------------------------------------------------


def test_missing_from_the_generation_that_showed_it_is_discarded(ledger: Ledger) -> None:
    """An item that the named generation showed and the file lacks is discarded."""
    ledger.add("a", first=3)
    gone = ledger.add("b", first=3)
    result = ledger.merge([shown("a")], known(3))
    assert result == Merge(discard=[gone])
    assert result.is_edit


def test_everything_removed_from_a_known_generation_is_discarded(ledger: Ledger) -> None:
    """An emptied file under a stamp of ours discards all that it showed."""
    rows = [ledger.add(name, first=gen) for gen, name in enumerate("abc", 1)]
    assert ledger.merge([], known(3)) == Merge(discard=rows)


def test_a_newcomer_survives_a_stale_save(ledger: Ledger) -> None:
    """An item first published after the named generation is put back."""
    ledger.add("a", first=3)
    newcomer = ledger.add("b", first=4)
    result = ledger.merge([shown("a")], known(3))
    assert result == Merge(put_back=[newcomer])
    assert not result.is_edit


@EDITIONS
def test_an_item_never_published_is_never_discarded(ledger: Ledger, edition: Edition) -> None:
    """Nobody can have removed what no file has shown."""
    ledger.add("a")
    unseen = ledger.add("b", first=None, since=-10)
    result = ledger.merge([shown("a")], edition)
    assert (result.put_back, result.discard) == ([unseen], [])


def test_what_the_named_generation_did_not_show_is_put_back(ledger: Ledger) -> None:
    """An item absent from a user's own generation is not discarded by its next save."""
    hidden, seen = ledger.add("a"), ledger.add("b")
    result = ledger.merge([], known(9, absent=frozenset({hidden.key})))
    assert result == Merge(put_back=[hidden], discard=[seen])


@EDITIONS
def test_a_deletion_and_a_newcomer_are_told_apart(ledger: Ledger, edition: Edition) -> None:
    """One save can remove one item and add another."""
    ledger.add("a", first=2)
    gone = ledger.add("b", first=2)
    assert ledger.merge([shown("a"), shown("n")], edition) == Merge(
        adopt=[shown("n")], discard=[gone]
    )


@EDITIONS
def test_new_items_are_adopted_in_file_order(ledger: Ledger, edition: Edition) -> None:
    """Items that the ledger does not know are adopted."""
    found = [shown(name) for name in "xyz"]
    result = ledger.merge(found, edition)
    assert result == Merge(adopt=found)
    assert result.is_edit


# An unknown stamp ----------------------------------------------------------------------


def test_an_unknown_stamp_sees_as_far_as_its_newest_value(ledger: Ledger) -> None:
    """The newest value in the file shows which removals its editor can have meant."""
    ledger.add("a", first=1, since=5)
    gone = ledger.add("b", first=5)
    newcomer = ledger.add("c", first=6)
    result = ledger.merge([shown("a"), shown("n")], unknown())
    assert (result.discard, result.put_back) == ([gone], [newcomer])


def test_an_unknown_stamp_with_an_own_value_saw_its_item_first(ledger: Ledger) -> None:
    """A value of the user's shows a generation in which the item stood at all."""
    ledger.add("a", first=4, since=8)
    gone, newcomer = ledger.add("b", first=4), ledger.add("c", first=5)
    result = ledger.merge([shown("a", retry_count=77)], unknown())
    assert (result.discard, result.put_back) == ([gone], [newcomer])
    assert [pair.item.retry_count for pair in result.edits] == [77]


def test_an_unknown_stamp_with_a_stale_value_saw_its_last_generation(ledger: Ledger) -> None:
    """A value that stood until a generation dates the save to that generation."""
    row = ledger.add("a", first=1, since=6)
    ledger.stood(row, 1, 5, dead_letter("a", retry_count=1, last_attempt=100.0))
    gone, newcomer = ledger.add("b", first=5), ledger.add("c", first=6)
    stale = shown("a", retry_count=1, last_attempt=100.0)
    result = ledger.merge([stale, shown("n")], unknown())
    assert (result.discard, result.put_back) == ([gone], [newcomer])
    assert (result.edits, result.stale) == ([], 1)


def test_the_retry_script_keeps_newcomers(ledger: Ledger) -> None:
    """A script that zeroes `last_attempt` everywhere and stamps discards no newcomer."""
    ledger.add("a", first=1, since=4)
    newcomer = ledger.add("b", first=7)
    result = ledger.merge([shown("a", last_attempt=0)], unknown())
    assert [pair.row.item_id for pair in result.forced] == ["a"]
    assert (result.discard, result.put_back) == ([], [newcomer])


def test_a_stamped_save_that_only_lacks_items_removed_them(ledger: Ledger) -> None:
    """Under an unknown stamp with nothing else changed, what is missing was taken out."""
    ledger.add("a", first=1)
    gone = ledger.add("b", first=7)
    assert ledger.merge([shown("a")], unknown()) == Merge(discard=[gone])


def test_an_emptied_file_with_an_unknown_stamp_discards_all(ledger: Ledger) -> None:
    """A script that stamps an empty list wants it empty."""
    rows = [ledger.add("a", first=2), ledger.add("b", first=9)]
    assert ledger.merge([], unknown()) == Merge(discard=rows)


# Values -----------------------------------------------------------------------------


@EDITIONS
@pytest.mark.parametrize(
    "fields",
    [{"retry_count": 0}, {"last_attempt": 123.5}, {"retry_count": 9, "last_attempt": 5}],
    ids=["count", "time", "both"],
)
def test_a_value_never_published_wins(
    ledger: Ledger, edition: Edition, fields: dict[str, Any]
) -> None:
    """A `retry_count` or `last_attempt` that we never wrote is the user's."""
    ledger.add("a")
    result = ledger.merge([shown("a", **fields)], edition)
    (pair,) = result.edits
    want = shown("a", **fields)
    assert (pair.item.retry_count, pair.item.last_attempt) == (want.retry_count, want.last_attempt)
    assert json.loads(pair.item.raw) == json.loads(want.raw)
    assert result == Merge(edits=[pair])


@EDITIONS
def test_a_value_published_before_is_stale(ledger: Ledger, edition: Edition) -> None:
    """A stale save does not roll `retry_count` and `last_attempt` back."""
    row = ledger.add("a", since=5)
    old = dead_letter("a", retry_count=1, last_attempt=100.0)
    ledger.stood(row, 1, 4, old)
    result = ledger.merge([parsed(old)], edition)
    assert result == Merge(stale=1)
    assert not result.is_edit


@EDITIONS
def test_stale_and_new_values_are_told_apart_within_an_item(
    ledger: Ledger, edition: Edition
) -> None:
    """A new `retry_count` wins though the `last_attempt` beside it is an old one."""
    row = ledger.add("a", since=5)
    ledger.stood(row, 1, 4, dead_letter("a", retry_count=1, last_attempt=100.0))
    (pair,) = ledger.merge([shown("a", retry_count=44, last_attempt=100.0)], edition).edits
    assert (pair.item.retry_count, pair.item.last_attempt) == (44, 200.0)
    assert json.loads(pair.item.raw)["last_attempt"] == 200.0


@EDITIONS
@pytest.mark.parametrize("value", [0, 0.0, -1, None, "soon", "missing"])
def test_last_attempt_zero_is_a_wish_to_retry(
    ledger: Ledger, edition: Edition, value: object
) -> None:
    """A `last_attempt` that is 0, or counts as 0, forces a retry."""
    ledger.add("a")
    raw = json.loads(dead_letter("a", last_attempt=value))
    if value == "missing":
        del raw["last_attempt"]
    result = ledger.merge([parsed(json.dumps(raw).encode())], edition)
    (pair,) = result.forced
    assert pair.item.last_attempt <= 0
    assert pair.item.retry_count == 2
    assert result == Merge(forced=[pair])
    assert result.is_edit


@EDITIONS
def test_last_attempt_zero_counts_though_published(ledger: Ledger, edition: Edition) -> None:
    """A 0 that stood in the file before, or stands in the row now, is a wish all the same."""
    row = ledger.add("a", since=5)
    ledger.stood(row, 1, 4, dead_letter("a", last_attempt=0))
    ledger.add("b", last_attempt=0)
    found = [shown("a", last_attempt=0), shown("b", last_attempt=0)]
    result = ledger.merge(found, edition)
    assert [pair.row.item_id for pair in result.forced] == ["a", "b"]


@EDITIONS
def test_a_forced_retry_does_not_roll_the_count_back(ledger: Ledger, edition: Edition) -> None:
    """A stale `retry_count` beside a `last_attempt` of 0 stays stale."""
    row = ledger.add("a", retry_count=6, since=5)
    ledger.stood(row, 1, 4, dead_letter("a", retry_count=1, last_attempt=100.0))
    (pair,) = ledger.merge([shown("a", retry_count=1, last_attempt=0)], edition).forced
    assert (pair.item.retry_count, pair.item.last_attempt) == (6, 0)


@EDITIONS
def test_a_forced_retry_takes_the_users_count(ledger: Ledger, edition: Edition) -> None:
    """A `retry_count` of the user's holds beside a `last_attempt` of 0."""
    ledger.add("a")
    (pair,) = ledger.merge([shown("a", retry_count=0, last_attempt=0)], edition).forced
    assert (pair.item.retry_count, pair.item.last_attempt) == (0, 0)


# Content -----------------------------------------------------------------------------


@EDITIONS
def test_changed_content_is_an_edit_of_the_same_item(ledger: Ledger, edition: Edition) -> None:
    """Other content under a known id edits that row and adopts nothing."""
    row = ledger.add("a")
    result = ledger.merge([shown("a", content="better")], edition)
    (pair,) = result.edits
    assert (pair.row, pair.item.content, pair.item.retry_count) == (row, "better", 2)
    assert result == Merge(edits=[pair])


@EDITIONS
def test_a_changed_project_is_an_edit_of_the_same_item(ledger: Ledger, edition: Edition) -> None:
    """Another project under a known id edits that row."""
    row = ledger.add("a")
    (pair,) = ledger.merge([shown("a", project_id="beta")], edition).edits
    assert (pair.row, pair.item.project) == (row, "beta")


@EDITIONS
def test_an_added_key_is_an_edit(ledger: Ledger, edition: Edition) -> None:
    """What the user puts beside our fields is kept."""
    ledger.add("a")
    (pair,) = ledger.merge([shown("a", note="why?")], edition).edits
    assert json.loads(pair.item.raw)["note"] == "why?"


@EDITIONS
def test_changed_content_with_zero_is_both(ledger: Ledger, edition: Edition) -> None:
    """New content and a `last_attempt` of 0 is one forced item with that content."""
    ledger.add("a")
    (pair,) = ledger.merge([shown("a", content="better", last_attempt=0)], edition).forced
    assert (pair.item.content, pair.item.last_attempt) == ("better", 0)


@EDITIONS
def test_content_that_was_replaced_is_stale(ledger: Ledger, edition: Edition) -> None:
    """A stale save does not bring back the content before an edit."""
    row = ledger.add("a", content="new", since=5)
    old = dead_letter("a", content="old")
    ledger.stood(row, 1, 4, old, body=True)
    assert ledger.merge([parsed(old)], edition) == Merge(stale=1)


@EDITIONS
def test_a_further_content_of_a_shared_id_is_adopted(ledger: Ledger, edition: Edition) -> None:
    """A second item with an id whose row is shown too is a new one."""
    ledger.add("a")
    second = shown("a", content="second")
    assert ledger.merge([shown("a"), second], edition) == Merge(adopt=[second])


@EDITIONS
def test_rows_of_a_shared_id_are_matched_by_content(ledger: Ledger, edition: Edition) -> None:
    """Of two items with one id, the edit belongs to the one whose content is not shown."""
    ledger.add("a", content="one")
    second = ledger.add("a", content="two")
    result = ledger.merge([shown("a", content="three"), shown("a", content="one")], edition)
    (pair,) = result.edits
    assert (pair.row, pair.item.content) == (second, "three")
    assert result == Merge(edits=[pair])


@EDITIONS
def test_one_of_two_contents_of_an_id_can_be_removed(ledger: Ledger, edition: Edition) -> None:
    """Removing one of two items that share an id discards that one."""
    ledger.add("a", content="one")
    second = ledger.add("a", content="two")
    assert ledger.merge([shown("a", content="one")], edition) == Merge(discard=[second])


# Items that are no dead letters any more -----------------------------------------------


@EDITIONS
def test_what_the_server_has_is_taken_out(ledger: Ledger, edition: Edition) -> None:
    """An item that the current server already has is no edit and leaves the file."""
    row = ledger.add("a", state=items.DELIVERED, server=SERVER)
    result = ledger.merge([shown("a", last_attempt=0)], edition)
    assert [pair.row for pair in result.delivered] == [row]
    assert not result.is_edit


@EDITIONS
def test_what_only_another_server_has_is_restored(ledger: Ledger, edition: Edition) -> None:
    """An item that went to a former server may be sent again."""
    row = ledger.add("a", state=items.DELIVERED, server="http://elsewhere")
    result = ledger.merge([shown("a")], edition)
    assert [pair.row for pair in result.restore] == [row]
    assert result.delivered == []


@EDITIONS
def test_a_waiting_entry_is_left_alone(ledger: Ledger, edition: Edition) -> None:
    """An item that waits in the queue is not adopted a second time."""
    ledger.add("a", state=items.PENDING)
    assert ledger.merge([shown("a")], edition) == Merge()


def test_a_stale_save_brings_no_discarded_item_back(ledger: Ledger) -> None:
    """An item discarded after the named generation stays discarded."""
    ledger.add("a", state=items.DISCARDED, gone=6)
    assert ledger.merge([shown("a")], known(5)) == Merge(stale=1)


@EDITIONS
def test_an_item_pasted_back_after_its_deletion_is_restored(
    ledger: Ledger, edition: Edition
) -> None:
    """A discarded item in a file whose editor saw it gone is wanted again."""
    row = ledger.add("a", state=items.DISCARDED, gone=9)
    result = ledger.merge([shown("a")], edition)
    assert result.restore == [replace(result.restore[0], row=row)]
    assert result.stale == 0


def test_an_item_gone_at_an_unknown_time_is_restored(ledger: Ledger) -> None:
    """A discarded item of which no generation is noted is restored when it is shown."""
    row = ledger.add("a", state=items.DISCARDED, gone=None)
    assert [pair.row for pair in ledger.merge([shown("a")], known(1)).restore] == [row]


def test_an_exact_old_copy_restores_what_was_discarded(ledger: Ledger) -> None:
    """Copying an old file of ours back, byte for byte, is a wish and not a stale save."""
    row = ledger.add("a", state=items.DISCARDED, gone=6)
    newcomer = ledger.add("b", first=8)
    result = ledger.merge([shown("a")], known(5, exact=True))
    assert [pair.row for pair in result.restore] == [row]
    assert (result.discard, result.put_back, result.stale) == ([], [newcomer], 0)


def test_an_exact_old_copy_rolls_no_value_back(ledger: Ledger) -> None:
    """The old values in an old copy are stale all the same."""
    row = ledger.add("a", since=5)
    old = dead_letter("a", retry_count=0, last_attempt=50.0)
    ledger.stood(row, 1, 4, old)
    assert ledger.merge([parsed(old)], known(2, exact=True)) == Merge(stale=1)


def test_an_unknown_stamp_with_a_stale_value_restores_nothing_newer(ledger: Ledger) -> None:
    """A stamped save that shows a replaced value cannot have seen a later deletion."""
    row = ledger.add("a", since=6)
    old = dead_letter("a", retry_count=1, last_attempt=100.0)
    ledger.stood(row, 1, 5, old)
    ledger.add("b", state=items.DISCARDED, gone=7)
    assert ledger.merge([parsed(old), shown("b")], unknown()) == Merge(stale=2)


# The sum of it all ---------------------------------------------------------------------


@EDITIONS
def test_every_dead_letter_is_accounted_for(ledger: Ledger, edition: Edition) -> None:
    """Each dead letter is shown, discarded or put back, and never two of these."""
    rows = [ledger.add(str(n), first=n % 12 + 1) for n in range(40)]
    result = ledger.merge([shown(str(n)) for n in range(0, 40, 3)], edition)
    kept = {row.key for row in rows[::3]}
    others = [row.key for row in (*result.discard, *result.put_back)]
    assert sorted([*kept, *others]) == [row.key for row in rows]
