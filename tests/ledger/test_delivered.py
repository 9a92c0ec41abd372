"""What the ledger knows of the memories that a server has taken."""

from pathlib import Path

import pytest

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from tests.support.delivered import deliver
from tests.support.shapes import entry

HERE = "http://here"


def taken(path: Path) -> list[str]:
    """The ids of what that server has taken."""
    with Reader(path, needed=True) as reader:
        return [
            each.id for keys in reader.taken(HERE).values() for each in reader.memories(keys, HERE)
        ]


def parsed(content: str, name: str, project: str = "p") -> Item:
    """An item."""
    made = items.parse(items.with_fields(b"{}", entry(content, project, id=name)))
    assert made is not None
    return made


def test_memories_come_by_project(tmp_path: Path) -> None:
    """With all that it takes to ask for them, whatever is in their names."""
    path = tmp_path / "ledger.sqlite3"
    names = ["a\n", "\ud83d", "*"]
    deliver(path, HERE, [entry(f"text {n}", n, id=n) for n in names], at=5.0)
    with Reader(path) as reader:
        found = reader.taken(HERE)
        assert list(found) == names
        (one,) = reader.memories(found["\ud83d"], HERE)
    assert one == ("\ud83d", "\ud83d", items.digest("\ud83d", "text \ud83d"), "\ud83d", 5.0)


def test_only_what_that_server_took_is_among_them(
    tmp_path: Path, inbox: Inbox, outbox: Outbox
) -> None:
    """Not what waits, what was deleted, what another server took, nor what was deleted too late."""
    keys = [inbox.add_fresh(parsed(name, name), 1.0, ask=False) for name in "abcde"]
    outbox.record_delivery(keys[0], HERE, 2.0)
    outbox.record_delivery(keys[1], "http://there", 2.0)
    inbox.discard(keys[2:4], 2.0, "deleted")
    outbox.record_delivery(keys[3], HERE, 3.0)
    assert taken(tmp_path / "ledger.sqlite3") == ["a"]
    with Reader(tmp_path / "ledger.sqlite3") as reader:
        assert reader.discarded_digests() == {items.digest("p", "c")}
        assert reader.waiting_digests() == {items.digest("p", "e")}


@pytest.mark.parametrize("edited", [False, True])
def test_what_was_queued_again_stands_for_the_former(
    tmp_path: Path, inbox: Inbox, outbox: Outbox, *, edited: bool
) -> None:
    """However it went on with that, an edit included; the same id with another text does not."""
    for name in "ab":
        outbox.record_delivery(inbox.add_fresh(parsed(name, name), 1.0, ask=False), HERE, 2.0)
    again = parsed("a", "a-again-1")
    inbox.add_dead(again, again.raw, 3.0, ask=False, gen=None)
    row = inbox.known(again.name)
    assert row is not None
    if edited:
        inbox.change_content(row, parsed("better", "a-again-1"), 4.0)
    inbox.add_fresh(parsed("else", "b-again-1"), 3.0, ask=False)
    assert taken(tmp_path / "ledger.sqlite3") == ["b"]


def test_what_was_queued_again_for_another_server_stands_for_none(
    tmp_path: Path, inbox: Inbox, outbox: Outbox
) -> None:
    """This one has what it took, whatever that one took."""
    for name, server in (("a", HERE), ("a-again-1", "http://there")):
        outbox.record_delivery(inbox.add_fresh(parsed("a", name), 1.0, ask=False), server, 2.0)
    assert taken(tmp_path / "ledger.sqlite3") == ["a"]


def test_a_further_text_under_an_id_has_its_own_key(
    tmp_path: Path, inbox: Inbox, outbox: Outbox
) -> None:
    """The key by which it was sent."""
    for text in ("first", "second"):
        outbox.record_delivery(inbox.add_fresh(parsed(text, "x"), 1.0, ask=False), HERE, 2.0)
    with Reader(tmp_path / "ledger.sqlite3") as reader:
        found = reader.memories(reader.taken(HERE)["p"], HERE)
    assert [each.key for each in found] == ["x", f"x-{items.digest('p', 'second').hex()[:8]}"]


def test_no_ledger_knows_nothing(tmp_path: Path) -> None:
    """Nothing was taken then."""
    assert taken(tmp_path / "ledger.sqlite3") == []
