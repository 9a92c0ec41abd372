"""What each kind of outcome means for its item."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from mem0tray.config.settings import Settings
from mem0tray.core import events, reasons
from mem0tray.core.circuit_breaker import LONGEST_BREAK, CircuitBreaker
from mem0tray.core.events import Events
from mem0tray.core.item import EDITED
from mem0tray.core.state import ACTION_NEEDED, HEALTHY, refusal
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.outbox import Job
from mem0tray.server import Kind, Outcome
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.reporting.log import describe
from mem0tray.worker.sending.verdict import Verdicts
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh
from tests.worker.sending.court import (
    FAILED,
    OUTAGE,
    RETRY,
    SAID,
    SILENT,
    TAKEN,
    Court,
    refuse_all,
)
from tests.worker.test_other_worker import entry


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


@pytest.mark.parametrize("taken", [None, 5.0])
def test_what_another_worker_delivered_is_counted_once(court: Court, taken: float | None) -> None:
    """By that worker, in the queue file; what we delivered ourselves by us, once it is found."""
    job = replace(court.fresh(), taken=taken)
    court.apply(job, Outcome(Kind.FOUND, None, ""))
    assert court.context.counters.total("total_synced") == (taken is None)
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


# Failures of an item -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "wait"), [(None, RETRY), (5.0, RETRY), (50.0, 50.0), (1e9, LONGEST_BREAK)]
)
def test_a_wait_that_the_server_asks_for_is_kept(
    court: Court, asked: float | None, wait: float
) -> None:
    job = court.fresh()
    court.apply(job, Outcome(Kind.ITEM_FAILURE, 500, SAID, retry_after=asked))
    assert court.row(job)["due"] == NOW + wait


@pytest.mark.parametrize(("asked", "wait"), [(5.0, 30.0), (500.0, 500.0), (1e9, LONGEST_BREAK)])
def test_a_wait_that_the_server_asks_for_is_kept_by_a_new_dead_letter(
    court: Court, asked: float, wait: float
) -> None:
    """Where the last failure that is granted asks for a wait, the dead letter begins with it."""
    job = court.fresh(retries=2)
    told = court.apply(job, Outcome(Kind.ITEM_FAILURE, 500, SAID, retry_after=asked))
    assert told == [events.MovedToDlq("p", "m", 3), events.InBackoff("p", "m", wait)]
    assert court.row(job)["due"] == NOW + wait


@pytest.mark.parametrize(("asked", "wait"), [(5.0, 240.0), (500.0, 500.0), (1e9, LONGEST_BREAK)])
def test_a_wait_that_the_server_asks_for_is_kept_by_a_dead_letter(
    court: Court, asked: float, wait: float
) -> None:
    told = court.apply(court.letter(), Outcome(Kind.ITEM_FAILURE, 500, SAID, retry_after=asked))
    assert told == [
        events.DlqRetryFailed("p", "d", 3, wait, SAID),
        events.InBackoff("p", "d", wait),
    ]


def wish(court: Court, job: Job, at: float) -> None:
    """Let the user ask for a retry, by setting the time of the last attempt."""
    with court.context.ledger.transaction() as db:
        db.execute("UPDATE items SET last_attempt = ? WHERE key = ?", (at, job.key))


@pytest.mark.parametrize("at", [0.0, -1.0])
def test_a_retry_that_was_asked_for_meanwhile_still_stands(court: Court, at: float) -> None:
    job = court.letter()
    wish(court, job, at)
    assert court.apply(job, FAILED) == [events.DlqRetryFailed("p", "d", 3, 240.0, SAID)]
    assert court.row(job)["due"] == NOW


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.0), (5.0, 1.0)])
def test_a_wish_that_was_followed_is_no_new_one(court: Court, before: float, after: float) -> None:
    job = court.letter(last_attempt=before)
    wish(court, job, after)
    assert len(court.apply(job, FAILED)) == 2
    assert court.row(job)["due"] == NOW + 240


def test_what_was_discarded_meanwhile_is_counted_no_more(court: Court) -> None:
    job = court.fresh()
    court.context.inbox.discard([job.key], NOW, "deleted")
    assert court.apply(job, FAILED) == []
    found = court.row(job)
    assert (found["state"], found["retries"]) == ("discarded", 0)
    assert "claimed" not in found


def test_an_unknown_outcome_is_asked_about(court: Court) -> None:
    job = court.fresh()
    court.apply(job, SILENT)
    found = court.row(job)
    assert (found["timeouts"], found["retries"]) == (1, 1)
    assert court.asked_since(job) == NOW
    other = court.fresh("other")
    court.apply(other, Outcome(Kind.NO_ANSWER, None, SAID, may_have_it=True))
    assert court.row(other)["timeouts"] == 0
    assert court.asked_since(other) == NOW


# What comes too late --------------------------------------------------------------------


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
    """It is noted; what may have arrived is asked about, should that be the same server."""
    job = court.fresh()
    assert court.verdicts.apply_late(job, SILENT, ELSEWHERE, NOW) == []
    found = court.row(job)
    assert (found["retries"], found["timeouts"]) == (0, 1)
    assert court.asked_since(job, ELSEWHERE) == NOW
    assert "claimed" not in found
    assert court.history() == [("unknown", None, SAID, 7.0)]
    assert court.verdicts.suspects == frozenset()


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (EDITED, ["Edited too late, the old text had been sent: p (ID: m1...)"]),
        ("deleted", ["Deleted too late, it had been sent: p (ID: m1...)"]),
        ("", []),
    ],
)
def test_a_delivery_that_beats_what_the_user_did(
    tmp_path: Path, reason: str, told: list[str]
) -> None:
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        context = WorkerContext(
            Paths(tmp_path, tmp_path), Settings(), ledger, Events(), "http://here"
        )
        key = context.inbox.add_fresh(entry(1), NOW, ask=False)
        job = context.outbox.claim(key, NOW)
        if reason:
            context.inbox.discard([key], NOW, reason)
        verdicts = Verdicts(context, lambda: None)
        happened = verdicts.apply(
            job, Outcome(Kind.DELIVERED, 200, ""), "http://here", NOW, canary=False
        )
        said = [describe(event) or "" for event in happened[1:]]
    assert [line.removeprefix("ℹ️ ") for line in said] == told


@pytest.fixture
def refused(tmp_path: Path) -> Iterator[tuple[WorkerContext, CircuitBreaker, int]]:
    """Have the server refuse everything while a memory waits; context, breaker and its key."""
    with closing(Ledger(tmp_path / "ledger")) as ledger:
        context = WorkerContext(
            Paths(tmp_path, tmp_path), Settings(), ledger, Events(), "http://here"
        )
        key = context.inbox.add_fresh(entry(1), NOW, ask=False)
        breaker = context.breaker
        breaker.note_probe(healthy=True, reason=reasons.NONE)
        breaker.set_misconfigured(refusal("404 Not Found", 404), NOW)
        yield context, breaker, key


@pytest.mark.parametrize(("remembered", "name"), [(False, HEALTHY), (True, ACTION_NEEDED)])
def test_a_canary_that_the_server_is_found_to_have_ends_the_pause(
    refused: tuple[WorkerContext, CircuitBreaker, int], name: str, *, remembered: bool
) -> None:
    context, breaker, key = refused
    job = replace(context.outbox.claim(key, NOW), delivered=NOW if remembered else None)
    verdicts = Verdicts(context, lambda: None)
    found = Outcome(Kind.FOUND, None, "the server had it already")
    verdicts.apply(job, found, "http://here", NOW, canary=True)
    assert breaker.state(NOW).name == name


def test_a_break_that_a_canary_draws_is_told(
    refused: tuple[WorkerContext, CircuitBreaker, int],
) -> None:
    context, breaker, key = refused
    verdicts = Verdicts(context, lambda: None)
    said = Outcome(Kind.SLOW_DOWN, 429, "429 Too Many Requests")
    verdicts.apply(context.outbox.claim(key, NOW), said, "http://here", NOW, canary=True)
    assert "429 Too Many Requests" in str(breaker.state(NOW).reason)
