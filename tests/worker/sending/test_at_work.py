"""A server that has taken a memory in, and stores it later: nothing is counted until it tells."""

from typing import Any

import pytest
from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core.due import LONGEST_WORK, work_due
from mem0tray.core.item import Kind
from mem0tray.ledger.outbox import Job
from mem0tray.server.model import Memory, Outcome, Presence
from mem0tray.worker.sending.attempt import Attempts
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh
from tests.worker.sending.court import FAILED, OUTAGE, TAKEN, Court, refuse_all

AT_WORK = Outcome(Kind.AT_WORK, 200, "", may_have_it=True, ticket="event-1")


def ticket_of(court: Court, job: Job) -> str | None:
    found = court.claim(job.key).ticket
    court.context.outbox.release(job.key)
    return None if found is None else found.name


# What follows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", ["fresh", "letter"])
def test_what_the_server_is_at_work_on_is_uncounted_and_asked_soon(court: Court, lane: str) -> None:
    job = court.fresh() if lane == "fresh" else court.letter()
    before = court.context.outbox.standing(job.key)
    assert court.apply(job, AT_WORK) == []
    assert court.context.outbox.standing(job.key) == before
    assert court.row(job)["due"] == NOW + 2
    assert "claimed" not in court.row(job)
    assert (ticket_of(court, job), court.asked_since(job)) == ("event-1", NOW)
    assert court.history() == []


def test_the_server_is_asked_at_growing_intervals() -> None:
    """After 2, 4, 8 … seconds, and then every `longest`; a clock set back makes no long wait."""
    at, asked = 0.0, []
    while at < 100:
        at = work_due(at, 0.0, 30.0)
        asked.append(at)
    assert asked == [2, 4, 8, 16, 32, 62, 92, 122]
    assert work_due(0.0, 500.0, 30.0) == 2
    assert work_due(50.0, 0.0, 1.0) == 51


def test_an_answer_that_it_is_at_work_still_changes_nothing(court: Court) -> None:
    job = court.fresh()
    court.context.outbox.mark_unknown(job.key, HERE, NOW - 10, timed_out=False)
    court.context.outbox.note_ticket(job.key, HERE, "event-1", NOW - 10)
    court.context.outbox.release(job.key)
    again = court.claim(job.key)
    assert court.apply(again, AT_WORK) == []
    assert court.row(job)["due"] == NOW + 10  # as long as it has been at work, or the interval
    assert court.asked_since(job) == NOW - 10


def test_what_is_told_by_a_ticket_was_delivered_by_us(court: Court) -> None:
    """Though another worker took the entry out of the queue meanwhile: it counts as ours."""
    job = court.fresh()
    court.apply(job, AT_WORK)
    taken = replace(court.claim(job.key), taken=NOW)
    court.apply(taken, Outcome(Kind.FOUND, None, ""))
    assert court.context.ledger.meta("total_synced") == 1


def test_a_server_that_takes_a_memory_in_takes_deliveries(court: Court) -> None:
    """What others drew meanwhile was their own fault; a refusal of everything has ended."""
    other = court.fresh("other")
    court.apply(other, OUTAGE)
    refuse_all(court)
    (told,) = court.apply(court.fresh(), AT_WORK, canary=True)
    assert told == events.AttemptFailed(other.project, other.item_id, 1, OUTAGE.message)
    assert court.breaker.lets_through(NOW) or court.state() != "action needed"


def test_an_answer_by_a_ticket_says_nothing_of_others(court: Court) -> None:
    job = court.fresh()
    court.apply(job, AT_WORK)
    other = court.fresh("other")
    court.apply(other, OUTAGE)
    refuse_all(court)
    assert court.apply(court.claim(job.key), AT_WORK, canary=True) == []
    assert court.verdicts.suspects == {other.key}
    assert court.state() != "action needed"


def test_a_former_server_s_ticket_is_kept_for_it(court: Court) -> None:
    job = court.fresh()
    assert court.verdicts.apply_late(job, AT_WORK, ELSEWHERE, NOW) == []
    assert ticket_of(court, job) is None
    there = court.context.outbox.claim(job.key, NOW, ELSEWHERE).ticket
    assert there is not None
    assert there.name == "event-1"


# When it is asked, and when it is sent again ------------------------------------------------------


class Service:
    """A client that answers as the test says, and knows what it was asked for."""

    def __init__(self, said: Presence | Outcome) -> None:
        self.said = said
        self.asked: list[Memory] = []
        self.sent: list[Memory] = []

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        del timeout, since
        self.asked.append(memory)
        return self.said

    def save(self, memory: Memory, timeout: float) -> Outcome:
        del timeout
        self.sent.append(memory)
        return TAKEN


def attempt(court: Court, said: Presence | Outcome, age: float = 10.0) -> tuple[Outcome, Service]:
    """Make an attempt with an entry that a server has been at work on for `age` seconds."""
    context = court.context
    now = context.now()
    key = context.inbox.add_fresh(fresh("m", timestamp=1_767_225_600), now, ask=False)
    context.outbox.mark_unknown(key, HERE, now - age, timed_out=False)
    context.outbox.note_ticket(key, HERE, "event-1", now - age)
    service: Any = Service(said)
    attempts = Attempts(context, lambda: False)
    made = attempts.make(service, court.claim(key), context.barrier.applied)
    return made, service


def test_what_takes_too_long_is_sent_again(court: Court) -> None:
    made, service = attempt(court, AT_WORK, LONGEST_WORK + 5)
    assert (made.kind, len(service.asked), len(service.sent)) == (Kind.DELIVERED, 1, 1)


def test_a_ticket_that_is_not_known_any_more_is_dropped(court: Court) -> None:
    job = court.fresh()
    court.apply(job, AT_WORK)
    forgotten = Outcome(Kind.ITEM_FAILURE, None, "forgotten", may_have_it=True)
    (told,) = court.apply(court.claim(job.key), forgotten)
    assert told == events.AttemptFailed(job.project, job.item_id, 1, "forgotten")
    assert (ticket_of(court, job), court.asked_since(job)) == (None, NOW)


def test_what_fails_after_an_hour_has_failed(court: Court) -> None:
    made, service = attempt(court, FAILED, LONGEST_WORK + 5)
    assert (made, service.sent) == (FAILED, [])
