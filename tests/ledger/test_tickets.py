"""What a server calls its work on a memory: kept for both until it has told."""

from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.ledger import outbox
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.inbox import Inbox
from mem0tray.ledger.outbox import Job, Outbox, Ticket
from mem0tray.ledger.reader import Reader
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, put


class Desk:
    """A ledger with one entry, claimed for a server and put back again and again."""

    def __init__(self, ledger: Ledger) -> None:
        self.outbox = Outbox(ledger)
        (self.key,) = put(Inbox(ledger), fresh("m"))

    def claim(self, server: str = HERE) -> Job:
        """Claim it, and give the claim back."""
        job = self.outbox.claim(self.key, NOW + 50, server)
        self.outbox.release(self.key)
        return job

    def give(self, name: str, at: float = NOW, server: str = HERE) -> None:
        """Have a server give a ticket."""
        self.outbox.mark_unknown(self.key, server, at, timed_out=False)
        self.outbox.note_ticket(self.key, server, name, at)


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    """Begin without a ticket."""
    return Desk(ledger)


def test_a_ticket_comes_with_the_next_claim_for_that_server(desk: Desk) -> None:
    """For another one there is none, though the memory may be there too."""
    assert desk.claim().ticket is None
    desk.give("event-1")
    assert desk.claim().ticket == Ticket("event-1", NOW)
    assert desk.claim().unknown == NOW
    assert desk.claim(ELSEWHERE).ticket is None
    assert desk.claim(ELSEWHERE).unknown == NOW


def test_the_same_ticket_keeps_its_time_and_another_takes_its_place(desk: Desk) -> None:
    """So the age of one is that of the server's work."""
    desk.give("event-1")
    desk.give("event-1", NOW + 5)
    assert desk.claim().ticket == Ticket("event-1", NOW)
    desk.give("event-2", NOW + 9)
    assert desk.claim().ticket == Ticket("event-2", NOW + 9)


def test_each_server_s_ticket_is_dropped_by_itself(desk: Desk) -> None:
    """What one has told says nothing of the other's work."""
    desk.give("event-1")
    desk.give("event-2", NOW + 1, ELSEWHERE)
    desk.outbox.drop_ticket(desk.key, HERE)
    assert desk.claim().ticket is None
    assert desk.claim(ELSEWHERE).ticket == Ticket("event-2", NOW + 1)


def test_the_newest_ticket_is_that_of_a_memory_that_waits(desk: Desk) -> None:
    """Those of what was delivered by another way are nobody's any more."""
    assert desk.outbox.newest_ticket() is None
    desk.give("event-1")
    desk.give("event-2", NOW + 1, ELSEWHERE)
    assert desk.outbox.newest_ticket() == NOW + 1
    desk.outbox.record_delivery(desk.key, HERE, NOW + 2)
    assert desk.outbox.newest_ticket() is None


def test_a_ticket_outlives_a_kill_and_a_restart(tmp_path: Path) -> None:
    """Also one in the middle of a request, whose claim is forgotten; and commands see it."""
    path = tmp_path / "ledger"
    with closing(Ledger(path)) as ledger:
        desk = Desk(ledger)
        desk.give("event-1")
        desk.outbox.claim(desk.key, NOW + 3, HERE)
    with closing(Ledger(path)) as ledger:
        outbox.make_claims_unknown(ledger, NOW + 4, 10.0)
        job = Outbox(ledger).claim(desk.key, NOW + 20, HERE)
    assert (job.ticket, job.unknown) == (Ticket("event-1", NOW), NOW + 3)
    with Reader(path) as reader:
        (known,) = reader.by_id("m")
    assert known.at_work
