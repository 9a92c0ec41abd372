"""What each kind of outcome means for its item."""

import json

import pytest
from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core.circuit_breaker import LONGEST_BREAK
from mem0tray.core.item import EDITED, Kind
from mem0tray.core.state import ACTION_NEEDED, HEALTHY
from mem0tray.ledger.outbox import Job, Ticket
from mem0tray.server.model import Outcome
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh
from tests.worker.sending.court import FAILED, OUTAGE, RETRY, SAID, SILENT, TAKEN, Court, refuse_all


def test_a_fresh_entry_that_is_taken_is_delivered(court: Court) -> None:
    job = court.fresh()
    assert court.apply(job, TAKEN) == [events.Delivered("p", "m")]
    assert court.row(job)["state"] == "delivered"
    assert court.context.inbox.known(fresh("m").name).servers == {HERE}  # type: ignore[union-attr]
    assert court.history() == []
    assert court.context.counters.last_delivery() == NOW


@pytest.mark.parametrize("canary", [True, False])
def test_what_was_found_by_asking_blames_nobody(court: Court, *, canary: bool) -> None:
    court.apply(court.fresh("other"), OUTAGE)
    job = court.fresh()
    refuse_all(court)
    found = Outcome(Kind.FOUND, None, "")
    assert court.apply(job, found, canary=canary) == [events.Delivered("p", "m")]
    assert court.row(job)["state"] == "delivered"
    assert len(court.verdicts.suspects) == 1
    assert court.state() == (HEALTHY if canary else ACTION_NEEDED)


@pytest.mark.parametrize(
    ("taken", "ticket", "by_us"),
    [(None, None, True), (5.0, None, False), (5.0, Ticket("event-1", NOW), True)],
)
def test_what_another_worker_delivered_is_counted_once(
    court: Court, taken: float | None, ticket: Ticket | None, *, by_us: bool
) -> None:
    job = replace(court.fresh(), taken=taken, ticket=ticket)
    court.apply(job, Outcome(Kind.FOUND, None, ""))
    assert court.context.counters.total("total_synced") == by_us
    assert court.context.counters.last_delivery() == NOW


def test_what_another_worker_has_perhaps_delivered_is_held(court: Court) -> None:
    job = court.fresh()
    court.apply(job, OUTAGE)
    held = Outcome(Kind.HELD, None, "perhaps", may_have_it=True)
    assert court.apply(court.claim(job.key), held) == [events.Held("p", "m")]
    assert court.row(job)["held"] == NOW
    assert "claimed" not in court.row(job)
    assert court.asked_since(job) is None
    assert court.verdicts.suspects == frozenset()
    assert len(court.history()) == 1


@pytest.mark.parametrize("asked", [None, 5.0, 500.0, 1e9])
@pytest.mark.parametrize(
    ("which", "usual", "told", "fields"),
    [
        ("fresh", RETRY, [events.AttemptFailed], {"retries": 1}),
        ("the last failure", 30.0, [events.MovedToDlq, events.InBackoff], {"retry_count": 0}),
        ("dead", 240.0, [events.DlqRetryFailed, events.InBackoff], {"retry_count": 3}),
    ],
)
def test_a_failure_is_told_and_shown_and_a_wait_that_the_server_asks_for_is_kept(
    court: Court, asked: float | None, which: str, usual: float, told: list[type],
    fields: dict[str, object],
) -> None:  # fmt: skip
    job = court.letter() if which == "dead" else court.fresh(retries=2 * (which != "fresh"))
    before = json.loads(court.context.ledger.raw(job.key))
    happened = court.apply(job, Outcome(Kind.ITEM_FAILURE, 500, SAID, retry_after=asked))
    assert [type(event) for event in happened] == told
    wait = min(max(usual, asked or 0.0), LONGEST_BREAK)
    assert court.row(job)["due"] == NOW + wait
    if isinstance(happened[-1], events.InBackoff):
        assert happened[-1].delay == wait
    before.pop("retries", None)
    if which != "fresh":
        fields = {
            "moved_to_dlq_at": NOW,
            **before,
            "last_attempt": NOW,
            "last_error": SAID,
            **fields,
        }
    assert json.loads(court.context.ledger.raw(job.key)) == {**before, **fields}


@pytest.mark.parametrize("reason", ["deleted", EDITED])
def test_a_delivery_that_beats_what_the_user_did_is_told(court: Court, reason: str) -> None:
    job = court.fresh()
    court.context.inbox.discard([job.key], NOW, reason)
    late = events.DeliveredAfterDeletion("p", "m", reason == EDITED)
    assert court.apply(job, TAKEN) == [events.Delivered("p", "m"), late]


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [(NOW, 0.0, True), (NOW, -1.0, True), (0.0, 0.0, False), (5.0, 1.0, False)],
)
def test_a_retry_that_was_asked_for_meanwhile_still_stands(
    court: Court, before: float, after: float, *, again: bool
) -> None:
    """By setting the time of the last attempt; a wish that this attempt followed is no new one."""
    job = court.letter(last_attempt=before)
    with court.context.ledger.transaction() as db:
        db.execute("UPDATE items SET last_attempt = ? WHERE key = ?", (after, job.key))
    failed, waits = (
        events.DlqRetryFailed("p", "d", 3, 240.0, SAID), events.InBackoff("p", "d", 240.0),
    )  # fmt: skip
    assert court.apply(job, FAILED) == ([failed] if again else [failed, waits])
    assert court.row(job)["due"] == (NOW if again else NOW + 240)


def test_what_was_discarded_meanwhile_is_counted_no_more(court: Court) -> None:
    job = court.fresh()
    court.context.inbox.discard([job.key], NOW, "deleted")
    assert court.apply(job, FAILED) == []
    found = court.row(job)
    assert (found["state"], found["retries"]) == ("discarded", 0)
    assert "claimed" not in found


@pytest.mark.parametrize("outcome", [TAKEN, Outcome(Kind.FOUND, None, "")])
def test_a_delivery_to_a_former_server_counts_for_that_one(court: Court, outcome: Outcome) -> None:
    job = court.fresh()
    refuse_all(court)
    told = [events.Delivered("p", "m", ELSEWHERE)]
    assert court.verdicts.apply_late(job, outcome, ELSEWHERE, NOW) == told
    assert court.context.inbox.known(fresh("m").name).servers == {ELSEWHERE}  # type: ignore[union-attr]
    assert court.state() == ACTION_NEEDED


def test_what_a_former_server_could_not_tell_of_waits_on(court: Court) -> None:
    job = court.fresh()
    assert court.verdicts.apply_late(job, Outcome(Kind.HELD, None, ""), ELSEWHERE, NOW) == []
    assert not {"claimed", "held"} & court.row(job).keys()
    assert court.asked_since(job) is None
    assert court.history() == []


def test_what_a_former_server_said_blames_nobody(court: Court) -> None:
    job = court.fresh()
    assert court.verdicts.apply_late(job, SILENT, ELSEWHERE, NOW) == []
    found = court.row(job)
    assert (found["retries"], found["timeouts"]) == (0, 1)
    assert court.asked_since(job, ELSEWHERE) == NOW
    assert "claimed" not in found
    assert court.history() == [("unknown", None, SAID, 7.0)]
    assert court.verdicts.suspects == frozenset()


AT_WORK = Outcome(Kind.AT_WORK, 200, "", may_have_it=True, ticket="event-1")


def ticket_of(court: Court, job: Job) -> str | None:
    found = court.claim(job.key).ticket
    court.context.outbox.release(job.key)
    return None if found is None else found.name


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


def test_an_answer_that_it_is_at_work_still_changes_nothing(court: Court) -> None:
    job = court.fresh()
    court.context.outbox.mark_unknown(job.key, HERE, NOW - 10, timed_out=False)
    court.context.outbox.note_ticket(job.key, HERE, "event-1", NOW - 10)
    court.context.outbox.release(job.key)
    again = court.claim(job.key)
    assert court.apply(again, AT_WORK) == []
    assert court.row(job)["due"] == NOW + 10  # as long as it has been at work, or the interval
    assert court.asked_since(job) == NOW - 10


def test_a_server_that_takes_a_memory_in_takes_deliveries(court: Court) -> None:
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


FORGOTTEN = Outcome(Kind.ITEM_FAILURE, None, "forgotten", may_have_it=True)


@pytest.mark.parametrize(("outcome", "ticket"), [(FORGOTTEN, None), (SILENT, "event-1")])
def test_a_ticket_that_is_not_known_any_more_is_dropped(
    court: Court, outcome: Outcome, ticket: str | None
) -> None:
    job = court.fresh()
    court.apply(job, AT_WORK)
    (told,) = court.apply(court.claim(job.key), outcome)
    assert told == events.AttemptFailed(job.project, job.item_id, 1, outcome.message)
    assert (ticket_of(court, job), court.asked_since(job)) == (ticket, NOW)
