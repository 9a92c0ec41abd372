"""What commands ask of the ledger, without being in the worker's way."""

from contextlib import closing
from pathlib import Path

from mem0tray.core.item import Item
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.generations import Generations
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.taken_by_others import TakenByOthers
from tests.ledger.samples import ELSEWHERE, NOW, fresh, letter

A, B, C = letter("a"), letter("b"), letter("c")


def name(item: Item) -> tuple[str, bytes]:
    """How commands name a memory."""
    return item.id, item.digest


def dead(inbox: Inbox, *letters: Item) -> list[int]:
    """Take in dead letters."""
    return [inbox.add_dead(each, each.raw, NOW, ask=False, gen=None) for each in letters]


def publish(ledger: Ledger, stamp: str) -> None:
    """Publish the DLQ file."""
    past = Generations(ledger)
    gen = past.prepare(stamp).gen
    past.record(gen, b"sha")
    past.note_published(gen)


def test_a_ledger_that_is_not_there_knows_nothing(tmp_path: Path) -> None:
    """Every answer is empty, and nothing is made."""
    with Reader(tmp_path / "none") as reader:
        assert reader.unshown([name(A)]) == []
        assert not reader.still_shown([name(A)])
    assert list(tmp_path.iterdir()) == []


def test_what_no_file_has_shown_is_told(ledger: Ledger, inbox: Inbox) -> None:
    """A dead letter that came since the last file; not one of another text, nor one that waits."""
    dead(inbox, A)
    publish(ledger, "one")
    dead(inbox, B)
    inbox.add_fresh(fresh("d"), NOW, ask=False)
    with Reader(ledger.path) as reader:
        asked = [name(A), name(B), name(fresh("d")), ("b", A.digest), ("a", B.digest)]
        assert reader.unshown(asked) == [name(B)]
    Generations(ledger).prepare("two")  # and not written yet
    with Reader(ledger.path) as reader:
        assert reader.unshown([name(A), name(B)]) == [name(B)]


def test_a_deletion_that_a_file_does_not_show_yet_is_told(ledger: Ledger, inbox: Inbox) -> None:
    """Of a dead letter the DLQ file, of an entry the queue file."""
    first, _ = dead(inbox, A, B)
    waits = fresh("d")
    key = inbox.add_fresh(waits, NOW, ask=False)
    publish(ledger, "one")
    inbox.discard([first, key], NOW, "user")
    with Reader(ledger.path) as reader:
        assert reader.still_shown([name(B), name(A)])
        assert reader.still_shown([name(waits)])
        assert not reader.still_shown([name(B), ("a", B.digest), ("b", A.digest)])
    publish(ledger, "two")
    inbox.clear_tombstones([name(waits)])
    with Reader(ledger.path) as reader:
        assert not reader.still_shown([name(A), name(waits)])


def test_a_reader_never_writes(ledger: Ledger, inbox: Inbox) -> None:
    """The worker goes on beside it, and is seen."""
    (key,) = dead(inbox, A)
    with Reader(ledger.path) as reader:
        assert reader.unshown([name(A)]) == [name(A)]
        with ledger.transaction():
            inbox.discard([key], NOW, "user")
        assert reader.unshown([name(A)]) == []


def test_a_ledger_that_is_no_database_knows_nothing(tmp_path: Path) -> None:
    """Commands go by the files alone then."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with Reader(path) as reader:
        assert reader.unshown([name(A)]) == []


def test_a_ledger_that_is_closed_is_read_too(tmp_path: Path) -> None:
    """No worker need be there."""
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        dead(Inbox(ledger), C)
        Outbox(ledger).record_delivery(
            Inbox(ledger).add_fresh(fresh("d"), NOW, ask=False), ELSEWHERE, NOW
        )
        TakenByOthers(ledger).hold(Inbox(ledger).add_fresh(fresh("e"), NOW, ask=False), NOW)
    with Reader(path) as reader:
        assert reader.unshown([name(C)]) == [name(C)]
