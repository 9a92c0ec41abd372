"""One attempt to deliver an item: ask first where the last one's outcome is unknown, then send."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core.due import LONGEST_WORK
from mem0tray.core.item import Kind
from mem0tray.core.state import PERHAPS
from mem0tray.ledger.outbox import Job, Ticket
from mem0tray.server.answers import FORGOTTEN, NO_PROJECT
from mem0tray.server.http_client import no_answer
from mem0tray.server.model import Client, Memory, Outcome, Presence
from mem0tray.worker.context import WorkerContext

LONGEST_TIMEOUT: Final = 600.0
_OF_TICKETS: Final = frozenset({Kind.AT_WORK, Kind.ITEM_FAILURE})  # answers about a ticket
_ALIKE: Final = 20  # memories looked at for one with the same text
_QUESTIONS: Final = 3  # questions about an item without an answer, in a row, before it is sent


class Attempts:
    """Makes attempts, each for one sender; an item is asked about first if it may have arrived."""

    def __init__(self, context: WorkerContext, stopping: Callable[[], bool]) -> None:
        self._context = context
        self._stopping = stopping
        self._ended: dict[int, float] = {}  # when an attempt of unknown outcome ended, monotonic
        self._asked_in_vain: Counter[int] = Counter()  # questions in a row, by item

    def make(self, client: Client, job: Job, applied: int) -> Outcome:
        if not job.project:
            return Outcome(Kind.NOT_SENDABLE, None, str(NO_PROJECT), reason=NO_PROJECT)
        ticket = job.ticket.name if job.ticket is not None else ""
        memory = Memory(
            job.project, job.text, job.idempotency_key, job.timestamp, ticket, job.as_agent
        )
        patience = self._context.settings.sync.timeout * 2.0 ** min(job.timeouts, 10)
        timeout = min(patience, LONGEST_TIMEOUT)
        try:
            found = self._ask(client, job, memory, timeout)
            if isinstance(found, Outcome):
                return found
            if self._context.barrier.look(applied):  # it may forbid to send this item
                self._context.wake.set()
                return Outcome(Kind.NOT_SENT, None, "a command left an order")
            outcome = client.save(memory, timeout)
        except Exception as error:  # noqa: BLE001  (one odd item must not end the sender)
            self._context.events.emit(events.PartFailed("delivery", repr(error)[:200], 0.0))
            said = f"internal error: {type(error).__name__}"
            return Outcome(Kind.NO_ANSWER, None, said, may_have_it=True)
        if found is Presence.CANNOT_TELL and outcome.kind is not Kind.DELIVERED:
            # An earlier request may have brought it, whatever became of this one.
            return replace(outcome, may_have_it=True)
        return outcome

    def note_end(self, job: Job, outcome: Outcome) -> None:
        """Note when an attempt ended: what the server said before says nothing about it."""
        if outcome.may_have_it:
            self._ended[job.key] = time.monotonic()
        else:
            self._ended.pop(job.key, None)
            self._asked_in_vain.pop(job.key, None)

    def forget_server(self) -> None:
        self._asked_in_vain.clear()

    def _ask(
        self, client: Client, job: Job, memory: Memory, timeout: float
    ) -> Presence | Outcome | None:
        """Ask about an unknown outcome. An Outcome ends the attempt, else the item is sent."""
        if job.unknown is None:
            return None
        # Without a key of ours: others have saved it there.
        asked = replace(memory, key="") if job.read_there else memory
        # Older listings are stale: its last attempt ended then, or the former worker's requests
        # had had their time, or another worker may have taken it just then.
        since = self._ended.get(job.key, self._context.unknown_until)
        age = self._context.now() - job.unknown
        if age >= 0:
            since = max(since, time.monotonic() - age)
        found = _asked(client, job, asked, timeout, since)
        if found is Presence.CANNOT_TELL and job.ticket is not None:
            found = self._forgotten(job.ticket)
        if isinstance(found, Outcome):
            ended = self._as_end(job, found)
            if ended is not None:
                return ended
            found = Presence.CANNOT_TELL  # else the item would never be sent
        self._asked_in_vain.pop(job.key, None)  # the next attempt begins without any
        if found is Presence.PRESENT:
            return Outcome(Kind.FOUND, None, "the server had it already")
        if found is Presence.CANNOT_TELL and job.delivered is not None:
            return Outcome(Kind.FOUND, None, "the server took it before")
        if found is Presence.CANNOT_TELL and job.taken is not None:
            return Outcome(Kind.HELD, None, PERHAPS, may_have_it=True)
        return found

    def _as_end(self, job: Job, said: Outcome) -> Outcome | None:
        if said.kind in _OF_TICKETS and job.ticket is not None:
            self._asked_in_vain.pop(job.key, None)
            is_overdue = self._context.now() - job.ticket.at > LONGEST_WORK
            return None if said.kind is Kind.AT_WORK and is_overdue else said
        if said.kind not in (Kind.NO_ANSWER, Kind.OUTAGE) or self._stopping():
            return replace(said, may_have_it=True)  # the question still stands
        was_asked = said.may_have_it  # else the question reached nobody
        self._asked_in_vain[job.key] += was_asked
        if not was_asked or self._asked_in_vain[job.key] < _QUESTIONS:
            return replace(said, kind=Kind.ASKED_IN_VAIN, may_have_it=True)
        return None

    def _forgotten(self, ticket: Ticket) -> Outcome:
        """Return a failure, as the server does not know its own ticket; none if that is new."""
        if self._context.now() - ticket.at < self._context.settings.sync.retry_interval:
            return Outcome(Kind.AT_WORK, None, "", may_have_it=True, ticket=ticket.name)
        return Outcome(Kind.ITEM_FAILURE, None, str(FORGOTTEN), may_have_it=True, reason=FORGOTTEN)


def _asked(
    client: Client, job: Job, memory: Memory, timeout: float, since: float
) -> Presence | Outcome:
    found = client.ask(memory, timeout, since)
    if found is Presence.ABSENT and job.restored:
        alike = client.search(job.project, job.text, _ALIKE, timeout)
        if isinstance(alike, Outcome):
            return no_answer(alike)
        if job.text in [each.text for each in alike]:
            return Presence.PRESENT
    return found
