"""What the ledger tells of many memories at once."""

import json
from pathlib import Path

import pytest

from mem0tray.files.atomic import Signature
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.known import Wait
from mem0tray.ledger.meta_names import DLQ_MERGED
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.taken_by_others import TakenByOthers
from tests.ledger.samples import HERE, NOW, fresh, letter

HOSTILE = ("nul\0nul", "half \ud800", "%s' OR 1", "ünïcode")


def test_a_ledger_that_is_not_there_knows_none(tmp_path: Path) -> None:
    """Every answer is empty."""
    with Reader(tmp_path / "none") as reader:
        assert (reader.many.fresh(), reader.many.heard_of([("a", b"b")])) == ({}, set())
        assert reader.many.dead_as_merged(Signature(1, 2, 3, 4)) is None
        assert (reader.many.waits([("a", b"b")]), reader.many.other_waits()) == ({}, {})


def test_fresh_entries_are_told_with_their_time(ledger: Ledger, inbox: Inbox) -> None:
    """Since when each waits, and whether it is held; what was delivered is fresh no more."""
    young, old, sent = fresh("young"), fresh("old", timestamp=NOW - 9), fresh("sent")
    keys = [inbox.add_fresh(each, NOW, ask=False) for each in (young, old, sent)]
    taken = TakenByOthers(ledger)
    taken.vanish([keys[1]], NOW, taken=True, wait_until=0.0)
    Outbox(ledger).record_delivery(keys[2], HERE, NOW)
    with Reader(ledger.path) as reader:
        found = reader.many.fresh()
    assert found == {young.name: (NOW, False), old.name: (NOW - 9, True)}


def test_waits_are_told_of_dead_letters(ledger: Ledger, inbox: Inbox) -> None:
    """Those of the memories asked for; or all that are not the backoff, and so few of many."""
    usual, longer, other = letter("usual"), letter("longer"), letter("other")
    keys = [inbox.add_dead(each, each.raw, NOW, ask=False, gen=None) for each in (usual, longer)]
    inbox.add_dead(other, other.raw, NOW, ask=False, gen=None)
    inbox.add_fresh(fresh("entry"), NOW, ask=False)
    Outbox(ledger).defer(keys[1], NOW + 600)
    waits = {usual.name: Wait(2, NOW, NOW + 120), longer.name: Wait(2, NOW, NOW + 600)}
    with Reader(ledger.path) as reader:
        assert reader.many.waits([*waits, fresh("entry").name]) == waits
        assert reader.many.other_waits() == {longer.name: waits[longer.name]}


@pytest.mark.parametrize("more", [0, 1200])
def test_it_is_told_which_memories_the_ledger_has(ledger: Ledger, inbox: Inbox, more: int) -> None:
    """Of this id and this text, however many are asked for, and whatever is in their ids."""
    known = [fresh(each) for each in HOSTILE]
    for each in known:
        inbox.add_fresh(each, NOW, ask=False)
    asked = [(f"unknown {number}", b"") for number in range(more)]
    with Reader(ledger.path) as reader:
        names = {each.name for each in known}
        assert reader.many.heard_of([*asked, *names]) == names
        assert reader.many.heard_of([(each.id, b"another") for each in known]) == set()


def test_dead_letters_are_counted_where_the_file_was_merged(ledger: Ledger, inbox: Inbox) -> None:
    """As they are read then; a save that was not merged yet is the file's to tell."""
    file = Signature(1, 2, 3, 4)
    inbox.add_dead(letter("a"), letter("a").raw, NOW, ask=False, gen=None)
    inbox.add_fresh(fresh("b"), NOW, ask=False)
    ledger.set_meta(DLQ_MERGED, json.dumps(file.lasting))
    with Reader(ledger.path) as reader:
        raws = reader.dlq_as_merged(file)
        assert raws is not None
        assert reader.many.dead_as_merged(file) == len(raws) == 1
        assert reader.many.dead_as_merged(Signature(1, 2, 4, 4)) is None
