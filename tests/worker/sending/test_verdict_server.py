"""What each kind of outcome means for others, and for the server."""

import pytest
from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core.circuit_breaker import LONGEST_BREAK
from mem0tray.core.item import Kind
from mem0tray.core.reasons import quoted
from mem0tray.core.state import ACTION_NEEDED, HEALTHY
from mem0tray.server.answers import NOT_KEPT, classify, no_use
from mem0tray.server.model import Outcome, Reply
from mem0tray.server.remedy import UPDATE, of_redirect
from mem0tray.worker.sending.verdict import LASTING
from tests.ledger.samples import NOW, fresh
from tests.worker.sending.court import (
    FAILED,
    FORBIDDEN,
    OUTAGE,
    PROBE,
    RETRY,
    SAID,
    SET_ASIDE,
    SILENT,
    SLOW,
    TAKEN,
    Court,
    refuse_all,
)

CUT = Outcome(Kind.NO_ANSWER, None, SAID, may_have_it=True)
VAIN = Outcome(Kind.ASKED_IN_VAIN, None, SAID, may_have_it=True)
COUNTED = events.AttemptFailed("p", "m", 1, SAID)
BREAKS = ((None, PROBE), (5.0, 5.0), (0.0, 0.0), (1e9, LONGEST_BREAK))  # asked for, and taken


@pytest.mark.parametrize(
    ("outcome", "told", "due", "is_suspect", "wants_probe"),
    [
        (OUTAGE, [], SET_ASIDE, True, True),
        (VAIN, [], NOW + RETRY, False, True),
        (FORBIDDEN, [COUNTED], NOW + RETRY, False, False),  # with nobody to compare
        (SILENT, [COUNTED], NOW + RETRY, False, False),
        (CUT, [], NOW + RETRY, False, True),
        *(
            (replace(SLOW, retry_after=asked), [events.SlowedDown(delay)], SET_ASIDE + delay,
             True, False)
            for asked, delay in BREAKS
        ),
    ],
)  # fmt: skip
def test_what_an_outcome_means(
    court: Court, outcome: Outcome, told: list[events.Event], due: float,
    *, is_suspect: bool, wants_probe: bool,
) -> None:  # fmt: skip
    job = court.fresh()
    assert court.apply(job, outcome) == told
    found = court.row(job)
    assert (found["retries"], found["due"]) == (told == [COUNTED], due)
    assert found["timeouts"] == outcome.timed_out
    assert "claimed" not in found
    assert court.verdicts.suspects == ({job.key} if is_suspect else set())
    assert len(court.outages) == wants_probe
    assert court.asked_since(job) == (NOW if outcome.may_have_it else None)
    assert court.breaker.break_left(NOW) == (due - SET_ASIDE if outcome.kind == SLOW.kind else 0)
    assert court.state() != ACTION_NEEDED
    assert court.history() == [(str(outcome.kind), outcome.status, SAID, outcome.duration)]


def test_a_lost_connection_counts_only_if_the_server_is_well(court: Court) -> None:
    job, other = court.fresh(), court.letter()
    court.apply(job, CUT)
    court.apply(other, CUT)
    told = well(court)
    assert told[0] == COUNTED
    assert isinstance(told[1], events.DlqRetryFailed)
    assert (court.row(job)["retries"], well(court)) == (1, [])
    court.apply(court.claim(job.key), CUT)
    court.verdicts.clear_suspects()  # the probe found it down
    assert well(court) == []
    assert court.row(job)["retries"] == 1


def test_where_it_was_the_server_all_are_due_as_before(court: Court) -> None:
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
    job = court.fresh()
    court.apply(job, OUTAGE)
    court.claim(job.key)
    assert court.verdicts.suspects == frozenset()
    assert court.apply(court.fresh("other"), TAKEN) == [events.Delivered("p", "other")]


def test_only_a_third_429_beside_successes_counts(court: Court) -> None:
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
    job = court.fresh()
    for other in ("a", "b"):
        court.apply(court.claim(job.key), SLOW)
        court.apply(court.fresh(other), TAKEN)
    court.apply(court.claim(job.key), FAILED)
    court.apply(court.claim(job.key), SLOW)
    assert court.apply(court.fresh("c"), TAKEN) == [events.Delivered("p", "c")]


def test_one_that_is_forgiven_does_not_forgive_the_next(court: Court) -> None:
    first, second = court.fresh("first"), court.fresh("second")
    court.apply(first, SLOW)
    court.apply(second, OUTAGE)
    assert court.apply(court.fresh("a"), TAKEN) == [
        events.Delivered("p", "a"),
        events.AttemptFailed("p", "second", 1, SAID),
    ]


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
    court.apply(court.fresh(), Outcome(Kind.UNAUTHORIZED, 401, SAID, retry_after=asked))
    assert not court.breaker.wants_canary(NOW + wait - 1.0)
    assert court.breaker.wants_canary(NOW + wait)


def test_a_refusal_is_compared_with_another_project(court: Court) -> None:
    """A second one of the same project proves nothing."""
    court.context.inbox.add_fresh(fresh("other", project_id="q"), NOW, ask=False)
    jobs = [court.fresh(name) for name in ("a", "b")]
    for job in jobs:
        assert court.apply(job, FORBIDDEN) == []
        assert court.row(job)["due"] == SET_ASIDE
    assert court.avoided() == "p"
    assert court.verdicts.suspects == {job.key for job in jobs}
    assert court.state() == HEALTHY


def test_a_second_project_that_is_refused_stops_everything(court: Court) -> None:
    other = court.context.inbox.add_fresh(fresh("other", project_id="q"), NOW, ask=False)
    job = court.fresh()
    due = court.row(job)["due"]
    court.apply(job, FORBIDDEN)
    assert court.apply(court.claim(other), FORBIDDEN) == []
    assert court.state() == ACTION_NEEDED
    assert "Set the right address" in court.reason()
    assert court.row(job)["due"] == due
    assert court.row(job)["retries"] == 0


@pytest.mark.parametrize(
    ("outcome", "told"),
    [(FAILED, True), (SLOW, True), (SILENT, False), (Outcome(Kind.NOT_SENDABLE, 1, SAID), False)],
    ids=["failure", "break", "silence", "not sendable"],
)
def test_a_canary_that_fails_otherwise_leaves_all_as_it_was(
    court: Court, outcome: Outcome, *, told: bool
) -> None:
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


def test_a_canary_that_meets_an_outage_is_set_aside(court: Court) -> None:
    job = court.fresh()
    refuse_all(court)
    court.apply(job, OUTAGE, canary=True)
    assert court.verdicts.suspects == {job.key}
    assert len(court.outages) == 1


PAGE = Outcome(Kind.OUTAGE, 200, "200 OK, but the answer is not a JSON object", may_have_it=True)
KEEPS_NOTHING = Outcome(Kind.OUTAGE, 200, "", may_have_it=True).because(no_use(200, NOT_KEPT))


def redirected(address: str) -> Outcome:
    """Make the outcome of a delivery that a server sends elsewhere."""
    return classify(Reply(302, {"location": address}, b"", 0.1), NOW, bool)


REDIRECTED_TO = "https://a/api/memory"
REDIRECT = redirected(REDIRECTED_TO)
ASKED = Outcome(Kind.ASKED_IN_VAIN, 200, PAGE.message, may_have_it=True)


def well(court: Court) -> list[events.Event]:
    court.breaker.note_probe(healthy=True, reason=quoted(""))
    return court.verdicts.note_health()


def test_the_first_is_told_once_the_probe_finds_the_server_well(court: Court) -> None:
    assert well(court) == []
    court.apply(court.fresh(), PAGE)
    assert well(court) == [events.NotTaken("p", "m", PAGE.message)]
    assert well(court) == []
    assert court.state() != ACTION_NEEDED


@pytest.mark.parametrize("outcome", [PAGE, ASKED])
@pytest.mark.parametrize("is_only_one", [False, True])
def test_two_in_a_row_need_action(court: Court, outcome: Outcome, *, is_only_one: bool) -> None:
    job = court.fresh()
    court.apply(job, PAGE)
    well(court)
    court.apply(court.claim(job.key) if is_only_one else court.fresh("other"), outcome)
    assert court.state() == ACTION_NEEDED
    assert court.reason().startswith(
        "something that is no Mem0 server answers deliveries at mem0.test: "
    )
    assert outcome.message in court.reason()
    assert "`mem0tray config set server.url ADDRESS`" in court.reason()


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (KEEPS_NOTHING, f"mem0.test does not have what it said that it stored. {UPDATE}"),
        (
            REDIRECT,
            f"mem0.test redirects deliveries to https://a/api. {of_redirect(REDIRECTED_TO)}",
        ),
    ],
    ids=["keeps nothing", "redirects"],
)
def test_the_reason_names_what_is_to_be_done(court: Court, outcome: Outcome, said: str) -> None:
    court.apply(court.fresh(), outcome)
    well(court)
    court.apply(court.fresh("other"), outcome)
    assert (court.state(), court.reason()) == (ACTION_NEEDED, said)
    if outcome is REDIRECT:
        asked = redirected("https://a/api/memory/project")
        court.apply(court.fresh("third"), replace(asked, kind=Kind.ASKED_IN_VAIN))
        assert court.reason() == said


def test_without_a_probe_between_it_may_be_an_outage(court: Court) -> None:
    for name in "abc":
        court.apply(court.fresh(name), PAGE)
    assert court.state() != ACTION_NEEDED


def test_questions_alone_are_no_deliveries(court: Court) -> None:
    job = court.fresh()
    for _ in range(3):
        court.apply(court.claim(job.key), ASKED)
        assert well(court) == []
    assert court.state() != ACTION_NEEDED


def test_a_gateway_is_given_time(court: Court) -> None:
    apply = court.verdicts.apply
    job = court.fresh()
    apply(job, OUTAGE, "s", NOW, canary=False)
    well(court)
    apply(court.fresh("b"), OUTAGE, "s", NOW + LASTING - 1, canary=False)
    assert court.state() != ACTION_NEEDED
    well(court)
    apply(court.fresh("c"), OUTAGE, "s", NOW + LASTING, canary=False)
    assert court.state() == ACTION_NEEDED
    assert "mem0.test says that it is healthy, but takes no delivery" in court.reason()


@pytest.mark.parametrize("end", ["taken", "found", "down", "refused"])
def test_it_ends(court: Court, end: str) -> None:
    """With a memory that is taken or there, with an outage, and where the server tells more."""
    court.apply(court.fresh(), PAGE)
    well(court)
    court.apply(court.fresh("b"), PAGE)
    assert court.apply(court.fresh("c"), FAILED)  # this says nothing of it
    assert "no Mem0 server" in court.reason()
    if end == "taken":
        court.apply(court.fresh("d"), TAKEN)
    elif end == "found":
        court.apply(court.fresh("d"), Outcome(Kind.FOUND, None, "there"))
    elif end == "down":
        court.verdicts.clear_suspects()
    else:
        court.apply(court.fresh("d"), FORBIDDEN, canary=True)
    assert "no Mem0 server" not in court.reason()
    court.apply(court.fresh("e"), PAGE)
    assert "no Mem0 server" not in court.reason()  # it begins anew
