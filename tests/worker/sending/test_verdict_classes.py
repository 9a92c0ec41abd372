"""What each class of answer means: for its item, for others, for the server."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.config.settings import Settings, SyncSettings
from mem0tray.core import events, reasons
from mem0tray.core.circuit_breaker import LONGEST_BREAK, CircuitBreaker
from mem0tray.core.events import Event, Events
from mem0tray.core.state import ACTION_NEEDED, HEALTHY
from mem0tray.ledger.database import Ledger
from mem0tray.ledger.outbox import Job
from mem0tray.server import Kind, Outcome
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.sending.verdict import Verdicts
from tests.ledger.looking import row, table
from tests.ledger.samples import ELSEWHERE, HERE, NOW, fresh, letter

RETRY, PROBE = 10.0, 40.0
SET_ASIDE: Final = NOW + PROBE  # the longer of the two
SAID: Final = "what it said"
TAKEN: Final = Outcome(Kind.DELIVERED, 201, "")
FAILED: Final = Outcome(Kind.ITEM_FAILURE, 422, SAID)
OUTAGE: Final = Outcome(Kind.OUTAGE, 503, SAID)
SLOW: Final = Outcome(Kind.SLOW_DOWN, 429, SAID)
REFUSED: Final = Outcome(Kind.REFUSED, 404, SAID)
SILENT: Final = Outcome(Kind.NO_ANSWER, None, SAID, timed_out=True, may_have_it=True, duration=7.0)
COUNTED: Final = [Kind.ITEM_FAILURE, Kind.NOT_SENDABLE, Kind.NO_ANSWER]


@dataclass
class Court:
    """Verdicts on a ledger; `outages` counts how often one was suspected."""

    context: WorkerContext
    breaker: CircuitBreaker
    outages: list[None] = field(default_factory=list)
    verdicts: Verdicts = field(init=False)

    def __post_init__(self) -> None:
        self.verdicts = Verdicts(self.context, self.breaker, lambda: self.outages.append(None))

    def fresh(self, name: str = "m", **fields: Any) -> Job:
        """Claim a fresh entry that is due."""
        key = self.context.inbox.add_fresh(fresh(name, **fields), NOW, ask=False)
        return self.claim(key)

    def letter(self, name: str = "d", **fields: Any) -> Job:
        """Claim a dead letter."""
        item = letter(name, **fields)
        key = self.context.inbox.add_dead(item, item.raw, NOW, ask=False, gen=None)
        return self.claim(key)

    def claim(self, key: int) -> Job:
        """Claim an item again."""
        self.verdicts.note_claim(key)
        return self.context.outbox.claim(key, NOW, HERE)

    def apply(self, job: Job, outcome: Outcome, *, canary: bool = False) -> list[Event]:
        """Apply an answer, now."""
        return self.verdicts.apply(job, outcome, HERE, NOW, canary=canary)

    def row(self, job: Job) -> dict[str, Any]:
        """What the ledger says of an item."""
        return row(self.context.ledger, job.key)

    def asked_since(self, job: Job, server: str = HERE) -> float | None:
        """Since when a server may have an item, which it is asked about first; else None."""
        claimed = self.row(job).get("claimed")
        found = self.context.outbox.claim(job.key, NOW, server).unknown
        if claimed is None:
            self.context.outbox.release(job.key)
        return found

    def avoided(self) -> str | None:
        """The project whose turn it is not."""
        return self.verdicts.avoid

    def history(self) -> list[tuple[Any, ...]]:
        """Kind, status, message and duration of each attempt."""
        return table(
            self.context.ledger,
            "SELECT class, status, message, duration FROM attempts ORDER BY rowid",
        )

    def state(self) -> str:
        """The name of the state that people see."""
        return self.breaker.state(NOW).name

    def reason(self) -> str:
        """Why it is so."""
        return str(self.breaker.state(NOW).reason)


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    """Have a healthy server, and nothing in the ledger."""
    sync = SyncSettings(retry_interval=RETRY, probe_interval=PROBE, max_attempts=3)
    context = WorkerContext(
        Paths(tmp_path, tmp_path), Settings(sync=sync), Ledger(tmp_path / "l"), Events(), HERE
    )
    breaker = CircuitBreaker()
    breaker.note_probe(healthy=True, reason=reasons.NONE)
    yield Court(context, breaker)
    context.ledger.close()


def refuse_all(court: Court) -> None:
    """Have the server refuse everything, so that the next one is a canary."""
    court.breaker.set_misconfigured(reasons.quoted("refused"), NOW)


# Deliveries ----------------------------------------------------------------------------


def test_a_fresh_entry_that_is_taken_is_delivered(court: Court) -> None:
    """Its server is remembered, and nothing was an attempt that failed."""
    job = court.fresh()
    assert court.apply(job, TAKEN) == [events.Delivered("p", "m")]
    assert court.row(job)["state"] == "delivered"
    assert court.context.inbox.known(fresh("m")).servers == {HERE}  # type: ignore[union-attr]
    assert court.history() == []
    assert court.context.counters.last_delivery() == NOW


def test_a_dead_letter_that_is_taken_has_recovered(court: Court) -> None:
    """It is told with the retries that it took."""
    assert court.apply(court.letter(), TAKEN) == [events.DlqRecovered("p", "d", 2)]


def test_a_success_closes_the_breaker(court: Court) -> None:
    """The server accepts again."""
    job = court.fresh()
    refuse_all(court)
    court.apply(job, TAKEN, canary=True)
    assert court.state() == HEALTHY


@pytest.mark.parametrize("canary", [True, False])
def test_what_was_found_by_asking_blames_nobody(court: Court, *, canary: bool) -> None:
    """What others drew still stands, since nothing was taken just now."""
    court.apply(court.fresh("other"), OUTAGE)
    job = court.fresh()
    refuse_all(court)
    found = Outcome(Kind.FOUND, None, "")
    assert court.apply(job, found, canary=canary) == [events.Delivered("p", "m")]
    assert court.row(job)["state"] == "delivered"
    assert len(court.verdicts.suspects) == 1
    assert court.state() == (HEALTHY if canary else ACTION_NEEDED)


def test_a_suspect_that_is_found_is_none_any_more(court: Court) -> None:
    """It was delivered the first time."""
    job = court.fresh()
    court.apply(job, OUTAGE)
    court.apply(job, Outcome(Kind.FOUND, None, ""))
    assert court.verdicts.suspects == frozenset()
    assert court.apply(court.fresh("other"), TAKEN) == [events.Delivered("p", "other")]


def test_what_another_worker_has_perhaps_delivered_is_held(court: Court) -> None:
    """The user decides; it is no attempt, and no suspect any more."""
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


@pytest.mark.parametrize("kind", COUNTED)
def test_a_failure_of_a_fresh_entry_counts(court: Court, kind: Kind) -> None:
    """It waits for the interval, with its new count in its bytes."""
    job = court.fresh(retries=0)
    told = court.apply(job, Outcome(kind, 422, SAID, duration=7.0))
    assert told == [events.AttemptFailed("p", "m", 1, SAID)]
    found = court.row(job)
    assert (found["retries"], found["due"], found["last_error"]) == (1, NOW + RETRY, SAID)
    assert "claimed" not in found
    assert b'"retries":1' in court.context.outbox.raw(job.key)
    assert court.history() == [(str(kind), 422, SAID, 7.0)]
    assert court.state() == HEALTHY
    assert court.outages == []


@pytest.mark.parametrize(
    ("asked", "wait"), [(None, RETRY), (5.0, RETRY), (50.0, 50.0), (1e9, LONGEST_BREAK)]
)
def test_a_wait_that_the_server_asks_for_is_kept(
    court: Court, asked: float | None, wait: float
) -> None:
    """Up to an hour, and never less than our own."""
    job = court.fresh()
    court.apply(job, Outcome(Kind.ITEM_FAILURE, 500, SAID, retry_after=asked))
    assert court.row(job)["due"] == NOW + wait


def test_the_last_failure_that_is_granted_makes_a_dead_letter(court: Court) -> None:
    """It is told with its failures, and with how long it waits."""
    job = court.fresh(retries=1)
    assert court.apply(job, FAILED) == [events.AttemptFailed("p", "m", 2, SAID)]
    job = court.claim(job.key)
    assert court.apply(job, FAILED) == [
        events.MovedToDlq("p", "m", 3),
        events.InBackoff("p", "m", 30),
    ]
    found = court.row(job)
    assert (found["state"], found["last_error"]) == ("dead", SAID)
    assert found["due"] == NOW + 30
    assert court.context.counters.total("total_failed") == 1


def test_a_failure_of_a_dead_letter_counts(court: Court) -> None:
    """Its backoff doubles, and its bytes say when, how often and why."""
    job = court.letter()
    assert court.apply(job, FAILED) == [
        events.DlqRetryFailed("p", "d", 3, 240.0),
        events.InBackoff("p", "d", 240.0),
    ]
    found = court.row(job)
    assert (found["retry_count"], found["last_attempt"], found["due"]) == (3, NOW, NOW + 240)
    assert found["last_error"] == SAID
    raw = court.context.outbox.raw(job.key)
    assert b'"retry_count":3' in raw
    assert b'"last_attempt":1800000000.0' in raw
    assert f'"last_error":"{SAID}"'.encode() in raw
    assert court.row(job)["retries"] == 0


@pytest.mark.parametrize(("asked", "wait"), [(5.0, 240.0), (500.0, 500.0), (1e9, LONGEST_BREAK)])
def test_a_wait_that_the_server_asks_for_is_kept_by_a_dead_letter(
    court: Court, asked: float, wait: float
) -> None:
    """Up to an hour, and never less than its backoff."""
    told = court.apply(court.letter(), Outcome(Kind.ITEM_FAILURE, 500, SAID, retry_after=asked))
    assert told == [
        events.DlqRetryFailed("p", "d", 3, wait),
        events.InBackoff("p", "d", wait),
    ]


def wish(court: Court, job: Job, at: float) -> None:
    """Let the user ask for a retry, by setting the time of the last attempt."""
    with court.context.ledger.transaction() as db:
        db.execute("UPDATE items SET last_attempt = ? WHERE key = ?", (at, job.key))


@pytest.mark.parametrize("at", [0.0, -1.0])
def test_a_retry_that_was_asked_for_meanwhile_still_stands(court: Court, at: float) -> None:
    """The wish came while a request was under way: the letter is due at once."""
    job = court.letter()
    wish(court, job, at)
    assert court.apply(job, FAILED) == [events.DlqRetryFailed("p", "d", 3, 240.0)]
    assert court.row(job)["due"] == NOW


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.0), (5.0, 1.0)])
def test_a_wish_that_was_followed_is_no_new_one(court: Court, before: float, after: float) -> None:
    """The request that fails is the one that was asked for."""
    job = court.letter(last_attempt=before)
    wish(court, job, after)
    assert len(court.apply(job, FAILED)) == 2
    assert court.row(job)["due"] == NOW + 240


def test_what_was_discarded_meanwhile_is_counted_no_more(court: Court) -> None:
    """Its claim is given back, so that nobody waits for its outcome."""
    job = court.fresh()
    court.context.inbox.discard([job.key], NOW, "deleted")
    assert court.apply(job, FAILED) == []
    found = court.row(job)
    assert (found["state"], found["retries"]) == ("discarded", 0)
    assert "claimed" not in found


def test_an_unknown_outcome_is_asked_about(court: Court) -> None:
    """It counts, and that it timed out is remembered."""
    job = court.fresh()
    court.apply(job, SILENT)
    found = court.row(job)
    assert (found["timeouts"], found["retries"]) == (1, 1)
    assert court.asked_since(job) == NOW
    other = court.fresh("other")
    court.apply(other, Outcome(Kind.NO_ANSWER, None, SAID, may_have_it=True))
    assert court.row(other)["timeouts"] == 0
    assert court.asked_since(other) == NOW


# Outages --------------------------------------------------------------------------------


def test_an_outage_counts_nothing(court: Court) -> None:
    """The item is set aside, and the server is asked how it is."""
    job = court.fresh()
    assert court.apply(job, OUTAGE) == []
    found = court.row(job)
    assert (found["retries"], found["due"]) == (0, SET_ASIDE)
    assert "claimed" not in found
    assert len(court.outages) == 1
    assert court.verdicts.suspects == {job.key}
    assert court.history() == [("outage", 503, SAID, 0.0)]


def test_the_longer_interval_is_that_of_one_set_aside(court: Court) -> None:
    """Others are to show meanwhile who is to blame."""
    court.context.settings = Settings(sync=SyncSettings(retry_interval=90.0, probe_interval=40.0))
    job = court.fresh()
    court.apply(job, OUTAGE)
    assert court.row(job)["due"] == NOW + 90.0


def test_where_it_was_the_server_all_are_due_as_before(court: Court) -> None:
    """Nothing is counted, also after a second outage of the same item."""
    job, other = court.fresh(), court.letter()
    before = {each.key: court.row(each)["due"] for each in (job, other)}
    for each in (job, other, job):
        court.apply(each, OUTAGE)
    court.verdicts.avoid = "p"
    court.verdicts.clear_suspects()
    assert {each.key: court.row(each)["due"] for each in (job, other)} == before
    assert court.verdicts.suspects == frozenset()
    assert court.avoided() is None
    assert court.apply(court.fresh("third"), TAKEN) == [events.Delivered("p", "third")]


def test_where_others_succeed_it_was_the_item(court: Court) -> None:
    """What drew an outage is counted then, with what the server said to it."""
    job = court.fresh()
    court.apply(job, Outcome(Kind.OUTAGE, 503, SAID, timed_out=True, may_have_it=True))
    other = court.fresh("other")
    court.verdicts.avoid = "p"
    assert court.apply(other, TAKEN) == [
        events.Delivered("p", "other"),
        events.AttemptFailed("p", "m", 1, SAID),
    ]
    found = court.row(job)
    assert (found["retries"], found["due"]) == (1, NOW + RETRY)
    assert court.asked_since(job) == NOW
    assert court.verdicts.suspects == frozenset()
    assert court.avoided() is None


def test_an_item_that_is_sent_again_is_no_suspect(court: Court) -> None:
    """This time's answer decides about it."""
    job = court.fresh()
    court.apply(job, OUTAGE)
    court.claim(job.key)
    assert court.verdicts.suspects == frozenset()
    assert court.apply(court.fresh("other"), TAKEN) == [events.Delivered("p", "other")]


def test_a_suspect_that_succeeds_itself_is_not_counted(court: Court) -> None:
    """It is delivered, and that is all."""
    job = court.fresh()
    court.apply(job, OUTAGE)
    assert court.apply(job, TAKEN) == [events.Delivered("p", "m")]
    assert court.verdicts.suspects == frozenset()


def test_a_question_in_vain_counts_nothing(court: Court) -> None:
    """It is put again after the interval; the server is asked how it is."""
    job = court.fresh()
    vain = Outcome(Kind.ASKED_IN_VAIN, None, SAID, may_have_it=True)
    assert court.apply(job, vain) == []
    found = court.row(job)
    assert (found["retries"], found["due"]) == (0, NOW + RETRY)
    assert court.asked_since(job) == NOW
    assert "claimed" not in found
    assert court.verdicts.suspects == frozenset()
    assert len(court.outages) == 1


# A break --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "delay"), [(None, PROBE), (5.0, 5.0), (0.0, 0.0), (1e9, LONGEST_BREAK)]
)
def test_a_break_that_the_server_asks_for_is_taken(
    court: Court, asked: float | None, delay: float
) -> None:
    """Nobody is counted; nothing goes out until it is over."""
    job = court.fresh()
    slow = Outcome(Kind.SLOW_DOWN, 429, SAID, retry_after=asked)
    assert court.apply(job, slow) == [events.SlowedDown(delay)]
    assert court.breaker.break_left(NOW) == delay
    found = court.row(job)
    assert (found["retries"], found["due"]) == (0, NOW + delay + PROBE)
    assert court.verdicts.suspects == {job.key}
    assert court.outages == []


def test_only_a_third_429_beside_successes_counts(court: Court) -> None:
    """The pause in between may have been all that it took, and may have been so twice."""
    job = court.fresh()
    court.apply(job, SLOW)
    assert court.apply(court.fresh("a"), TAKEN) == [events.Delivered("p", "a")]
    assert court.verdicts.suspects == frozenset()
    court.apply(court.claim(job.key), SLOW)
    assert court.apply(court.fresh("b"), TAKEN) == [events.Delivered("p", "b")]
    court.apply(court.claim(job.key), SLOW)
    assert court.apply(court.fresh("c"), TAKEN) == [
        events.Delivered("p", "c"),
        events.AttemptFailed("p", "m", 1, SAID),
    ]


def test_another_answer_in_between_makes_it_the_first_again(court: Court) -> None:
    """Only 429 after 429 tells of the item."""
    job = court.fresh()
    for other in ("a", "b"):
        court.apply(court.claim(job.key), SLOW)
        court.apply(court.fresh(other), TAKEN)
    court.apply(court.claim(job.key), FAILED)
    court.apply(court.claim(job.key), SLOW)
    assert court.apply(court.fresh("c"), TAKEN) == [events.Delivered("p", "c")]


def test_one_that_is_forgiven_does_not_forgive_the_next(court: Court) -> None:
    """A suspect behind it, of an outage, is counted all the same."""
    first, second = court.fresh("first"), court.fresh("second")
    court.apply(first, SLOW)
    court.apply(second, OUTAGE)
    assert court.apply(court.fresh("a"), TAKEN) == [
        events.Delivered("p", "a"),
        events.AttemptFailed("p", "second", 1, SAID),
    ]


# A refusal ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "remedy"), [(401, "Set the key that it wants"), (403, "Set a key that may save")]
)
def test_a_refused_key_stops_everything(court: Court, status: int, remedy: str) -> None:
    """Nothing is counted; the reason says what is to be done, and a canary is sent later."""
    suspect = court.fresh("suspect")
    due = court.row(suspect)["due"]
    court.apply(suspect, OUTAGE)
    court.verdicts.avoid = "p"
    job = court.fresh()
    assert court.apply(job, Outcome(Kind.UNAUTHORIZED, status, SAID)) == []
    assert "claimed" not in court.row(job)
    assert court.row(job)["retries"] == 0
    assert court.state() == ACTION_NEEDED
    assert SAID in court.reason()
    assert remedy in court.reason()
    assert not court.breaker.wants_canary(NOW + PROBE - 1.0)
    assert court.breaker.wants_canary(NOW + PROBE)
    assert court.verdicts.suspects == frozenset()
    assert court.row(suspect)["due"] == due
    assert court.avoided() is None
    assert court.history()[1:] == [("unauthorized", status, SAID, 0.0)]


@pytest.mark.parametrize(("asked", "wait"), [(5.0, PROBE), (90.0, 90.0), (1e9, LONGEST_BREAK)])
def test_a_refusal_may_ask_for_a_wait(court: Court, asked: float, wait: float) -> None:
    """Up to an hour, and never less than the interval of probes."""
    court.apply(court.fresh(), Outcome(Kind.UNAUTHORIZED, 401, SAID, retry_after=asked))
    assert not court.breaker.wants_canary(NOW + wait - 1.0)
    assert court.breaker.wants_canary(NOW + wait)


def test_a_refusal_with_nobody_to_compare_counts(court: Court) -> None:
    """Of one project alone nobody can tell whether the server refuses all."""
    job = court.fresh()
    assert court.apply(job, REFUSED) == [events.AttemptFailed("p", "m", 1, SAID)]
    assert court.state() == HEALTHY


def test_a_refusal_is_compared_with_another_project(court: Court) -> None:
    """The item is set aside, and the turn is that of others."""
    court.context.inbox.add_fresh(fresh("other", project_id="q"), NOW, ask=False)
    job = court.fresh()
    assert court.apply(job, REFUSED) == []
    assert court.avoided() == "p"
    assert court.verdicts.suspects == {job.key}
    assert court.row(job)["due"] == SET_ASIDE


def test_a_second_project_that_is_refused_stops_everything(court: Court) -> None:
    """It is the server then, and its address is to be mended."""
    other = court.context.inbox.add_fresh(fresh("other", project_id="q"), NOW, ask=False)
    job = court.fresh()
    due = court.row(job)["due"]
    court.apply(job, REFUSED)
    assert court.apply(court.claim(other), REFUSED) == []
    assert court.state() == ACTION_NEEDED
    assert "Set the right address" in court.reason()
    assert court.row(job)["due"] == due
    assert court.row(job)["retries"] == 0


def test_a_second_refusal_of_the_same_project_proves_nothing(court: Court) -> None:
    """Another one still waits to be compared with."""
    court.context.inbox.add_fresh(fresh("other", project_id="q"), NOW, ask=False)
    for name in ("a", "b"):
        court.apply(court.fresh(name), REFUSED)
    assert court.state() == HEALTHY
    assert len(court.verdicts.suspects) == 2


def test_an_outage_of_another_project_is_no_refusal(court: Court) -> None:
    """Only what was refused is compared."""
    court.apply(court.fresh("other", project_id="q"), OUTAGE)
    court.apply(court.fresh(), REFUSED)
    assert court.state() == HEALTHY


# A canary -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "told"),
    [(FAILED, True), (SLOW, True), (SILENT, False), (Outcome(Kind.NOT_SENDABLE, 1, SAID), False)],
    ids=["failure", "break", "silence", "not sendable"],
)
def test_a_canary_that_fails_otherwise_leaves_all_as_it_was(
    court: Court, outcome: Outcome, *, told: bool
) -> None:
    """It is not counted; what the server said of it is told as well."""
    job = court.fresh()
    refuse_all(court)
    assert court.apply(job, outcome, canary=True) == []
    assert court.row(job)["retries"] == 0
    assert court.state() == ACTION_NEEDED
    assert ("The last try was answered with" in court.reason()) == told
    assert (SAID in court.reason()) == told
    assert not court.breaker.wants_canary(NOW + PROBE - 1.0)
    assert court.breaker.wants_canary(NOW + PROBE)
    assert (court.asked_since(job) == NOW) == outcome.may_have_it


def test_a_canary_that_is_refused_says_so_anew(court: Court) -> None:
    """The newest refusal is the one that is told."""
    job = court.fresh()
    refuse_all(court)
    court.apply(job, REFUSED, canary=True)
    assert SAID in court.reason()
    assert "The last try" not in court.reason()


def test_a_canary_that_meets_an_outage_is_set_aside(court: Court) -> None:
    """An outage says nothing of what was wrong."""
    job = court.fresh()
    refuse_all(court)
    court.apply(job, OUTAGE, canary=True)
    assert court.verdicts.suspects == {job.key}
    assert len(court.outages) == 1


# What comes too late --------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [TAKEN, Outcome(Kind.FOUND, None, "")])
def test_a_delivery_to_a_former_server_counts_for_that_one(court: Court, outcome: Outcome) -> None:
    """Whatever was said of the present one."""
    job = court.fresh()
    refuse_all(court)
    assert court.verdicts.apply_late(job, outcome, ELSEWHERE, NOW) == [events.Delivered("p", "m")]
    assert court.context.inbox.known(fresh("m")).servers == {ELSEWHERE}  # type: ignore[union-attr]
    assert court.state() == ACTION_NEEDED


@pytest.mark.parametrize("kind", [Kind.NOT_SENT, Kind.HELD])
def test_what_was_not_sent_to_a_former_server_waits_on(court: Court, kind: Kind) -> None:
    """It is no attempt; the present one gets it, or is asked."""
    job = court.fresh()
    assert court.verdicts.apply_late(job, Outcome(kind, None, ""), ELSEWHERE, NOW) == []
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
