"""What commands ask of the ledger, without being in the worker's way."""

from contextlib import closing
from pathlib import Path

from mem0tray.core.item import Item, Kind
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.foreign_claims import ForeignClaims
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Outbox
from mem0tray.ledger.reader import Reader
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, letter

A, B, C = letter("a"), letter("b"), letter("c")
THIRD = "http://third.test"


def name(item: Item) -> tuple[str, bytes]:
    """How commands name a memory."""
    return item.id, item.digest


def dead(inbox: Inbox, *letters: Item) -> list[int]:
    """Take in dead letters."""
    return [inbox.add_dead(each, each.raw, NOW, ask=False, gen=None) for each in letters]


def test_a_ledger_that_is_not_there_knows_nothing(tmp_path: Path) -> None:
    """Every answer is empty, and nothing is made."""
    with Reader(tmp_path / "none") as reader:
        assert reader.known(*name(A)) is None
    assert list(tmp_path.iterdir()) == []


def test_deliveries_are_counted_by_their_time(ledger: Ledger, inbox: Inbox, outbox: Outbox) -> None:
    """From the moment named on, that moment included."""
    for at in (NOW - 0.5, NOW, NOW + 59, NOW + 60):
        key = inbox.add_fresh(fresh(f"at {at}"), at, ask=False)
        outbox.record_delivery(key, HERE, at)
    with Reader(ledger.path) as reader:
        assert reader.deliveries(NOW, 60.0) == {NOW: 2, NOW + 60: 1}


def test_a_reader_never_writes(ledger: Ledger, inbox: Inbox) -> None:
    """The worker goes on beside it, and is seen."""
    (key,) = dead(inbox, A)
    with Reader(ledger.path) as reader:
        assert reader.waiting.names() == {name(A)}
        with ledger.transaction():
            inbox.discard([key], NOW, "user")
        assert reader.waiting.names() == set()


def test_a_ledger_that_is_no_database_knows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"no database at all" * 100)
    with Reader(path) as reader:
        assert reader.known(*name(A)) is None


def test_a_ledger_that_is_closed_is_read_too(tmp_path: Path) -> None:
    """No worker need be there."""
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        dead(Inbox(ledger), C)
        Outbox(ledger).record_delivery(
            Inbox(ledger).add_fresh(fresh("d"), NOW, ask=False), ELSEWHERE, NOW
        )
        ForeignClaims(ledger).hold(Inbox(ledger).add_fresh(fresh("e"), NOW, ask=False), NOW)
    with Reader(path) as reader:
        assert name(C) in reader.waiting.names()


def test_an_outcome_is_unknown_since_it_last_became_so(ledger: Ledger, inbox: Inbox) -> None:
    """Whichever server left it so; one that said no left none."""
    (key,) = dead(inbox, A)
    outbox = Outbox(ledger)
    outbox.mark_unknown(key, HERE, NOW + 1, timed_out=False)
    outbox.mark_unknown(key, ELSEWHERE, NOW + 2, timed_out=False)
    outbox.mark_absent(outbox.claim(key, NOW + 3, THIRD), THIRD)
    with Reader(ledger.path) as reader:
        (found,) = reader.by_id("a")
        assert found.unknown == NOW + 2


def test_a_refusal_is_over_with_the_last_sign_that_it_is(ledger: Ledger, inbox: Inbox) -> None:
    """A delivery, or a key that was taken, whichever came last; a later refusal stands."""
    refused, sent = dead(inbox, A, B)
    outbox = Outbox(ledger)

    def refuse(at: float) -> None:
        outbox.record_attempt(refused, at, Kind.UNAUTHORIZED, 401, "401 Unauthorized", 0.1)

    def last_refusal() -> float | None:
        with Reader(ledger.path) as reader:
            found = reader.last_refusal()
        return None if found is None else found.at

    refuse(NOW)
    assert last_refusal() == NOW
    outbox.record_delivery(sent, HERE, NOW + 1)
    assert last_refusal() is None
    refuse(NOW + 2)
    assert last_refusal() == NOW + 2
    outbox.note_end_of_refusal(NOW + 3)
    assert last_refusal() is None
    assert ledger.meta("refusal_over") == NOW + 3  # by the name that other versions look for
    refuse(NOW + 4)
    assert last_refusal() == NOW + 4


def test_stays_are_of_dead_letters_that_went_since_then(ledger: Ledger, inbox: Inbox) -> None:
    """Not of those that went before, that are still there, or that were never any."""
    before, since, _ = dead(inbox, A, B, C)
    outbox = Outbox(ledger)
    outbox.record_delivery(before, HERE, NOW + 1)
    inbox.discard([since], NOW + 3, "user")
    outbox.record_delivery(inbox.add_fresh(fresh("d"), NOW, ask=False), HERE, NOW + 4)
    with Reader(ledger.path) as reader:
        assert reader.stays(NOW + 2) == [(NOW - 100, NOW + 3)]
