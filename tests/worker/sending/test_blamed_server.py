"""A healthy server that takes no delivery: who is told, and when that ends."""

import pytest
from msgspec.structs import replace

from mem0tray.core import events
from mem0tray.core.reasons import quoted
from mem0tray.core.state import ACTION_NEEDED
from mem0tray.server import Kind, Outcome
from mem0tray.server.answers import NOT_KEPT, classify, no_use
from mem0tray.server.model import Reply
from mem0tray.worker.sending.verdict import LASTING
from tests.ledger.samples import NOW
from tests.worker.sending.court import FAILED, FORBIDDEN, OUTAGE, TAKEN, Court

PAGE = Outcome(Kind.OUTAGE, 200, "200 OK, but the answer is not a JSON object", may_have_it=True)
KEEPS_NOTHING = Outcome(Kind.OUTAGE, 200, "", may_have_it=True).because(no_use(200, NOT_KEPT))


def redirected(address: str) -> Outcome:
    """Make the outcome of a delivery that a server sends elsewhere."""
    return classify(Reply(302, {"location": address}, b"", 0.1), NOW, bool)


REDIRECT = redirected("https://a/api/memory")
ASKED = Outcome(Kind.ASKED_IN_VAIN, 200, PAGE.message, may_have_it=True)


@pytest.fixture
def healthy(court: Court) -> Court:
    court.context.destination = "mem0.test"
    court.breaker.note_probe(healthy=True, reason=quoted(""))
    return court


def well(court: Court) -> object:
    court.breaker.note_probe(healthy=True, reason=quoted(""))
    return court.verdicts.note_health()


def test_the_first_is_told_once_the_probe_finds_the_server_well(healthy: Court) -> None:
    assert well(healthy) is None
    healthy.apply(healthy.fresh(), PAGE)
    assert well(healthy) == events.NotTaken("p", "m", PAGE.message)
    assert well(healthy) is None
    assert healthy.state() != ACTION_NEEDED


@pytest.mark.parametrize("outcome", [PAGE, ASKED])
def test_two_in_a_row_need_action(healthy: Court, outcome: Outcome) -> None:
    healthy.apply(healthy.fresh(), PAGE)
    well(healthy)
    healthy.apply(healthy.fresh("other"), outcome)
    assert healthy.state() == ACTION_NEEDED
    assert healthy.reason().startswith(
        "something that is no Mem0 server answers deliveries at mem0.test: "
    )
    assert outcome.message in healthy.reason()
    assert "`mem0tray config set server.url ADDRESS`" in healthy.reason()


def test_a_server_that_keeps_nothing_is_to_be_updated(healthy: Court) -> None:
    """What it said that it stored it does not have: that is said, and nothing of an address."""
    healthy.apply(healthy.fresh(), KEEPS_NOTHING)
    well(healthy)
    healthy.apply(healthy.fresh("other"), KEEPS_NOTHING)
    assert healthy.state() == ACTION_NEEDED
    assert healthy.reason() == (
        "mem0.test does not have what it said that it stored."
        " Update the server: an earlier version says that it stores memories, and does not."
    )


def test_a_redirect_needs_another_address(healthy: Court) -> None:
    healthy.apply(healthy.fresh(), REDIRECT)
    well(healthy)
    healthy.apply(healthy.fresh("other"), REDIRECT)
    assert healthy.state() == ACTION_NEEDED
    said = healthy.reason()
    assert said == (
        "mem0.test redirects deliveries to https://a/api. If your server is there, set its"
        " address: `mem0tray config set server.url https://a/api`."
    )
    asked = redirected("https://a/api/memory/project")
    healthy.apply(healthy.fresh("third"), replace(asked, kind=Kind.ASKED_IN_VAIN))
    assert healthy.reason() == said


def test_the_only_one_twice_needs_action(healthy: Court) -> None:
    job = healthy.fresh()
    healthy.apply(job, PAGE)
    well(healthy)
    healthy.apply(healthy.claim(job.key), PAGE)
    assert healthy.state() == ACTION_NEEDED


def test_without_a_probe_between_it_may_be_an_outage(healthy: Court) -> None:
    for name in "abc":
        healthy.apply(healthy.fresh(name), PAGE)
    assert healthy.state() != ACTION_NEEDED


def test_questions_alone_are_no_deliveries(healthy: Court) -> None:
    job = healthy.fresh()
    for _ in range(3):
        healthy.apply(healthy.claim(job.key), ASKED)
        assert well(healthy) is None
    assert healthy.state() != ACTION_NEEDED


def test_a_gateway_is_given_time(healthy: Court) -> None:
    """A 503 beside a healthy probe may end by itself; after a while the server is to be seen to."""
    apply = healthy.verdicts.apply
    job = healthy.fresh()
    apply(job, OUTAGE, "s", NOW, canary=False)
    well(healthy)
    apply(healthy.fresh("b"), OUTAGE, "s", NOW + LASTING - 1, canary=False)
    assert healthy.state() != ACTION_NEEDED
    well(healthy)
    apply(healthy.fresh("c"), OUTAGE, "s", NOW + LASTING, canary=False)
    assert healthy.state() == ACTION_NEEDED
    assert "mem0.test says that it is healthy, but takes no delivery" in healthy.reason()


@pytest.mark.parametrize("end", ["taken", "found", "down", "refused"])
def test_it_ends(healthy: Court, end: str) -> None:
    """With a memory that is taken or there, with an outage, and where the server tells more."""
    healthy.apply(healthy.fresh(), PAGE)
    well(healthy)
    healthy.apply(healthy.fresh("b"), PAGE)
    assert healthy.apply(healthy.fresh("c"), FAILED)  # this says nothing of it
    assert "no Mem0 server" in healthy.reason()
    if end == "taken":
        healthy.apply(healthy.fresh("d"), TAKEN)
    elif end == "found":
        healthy.apply(healthy.fresh("d"), Outcome(Kind.FOUND, None, "there"))
    elif end == "down":
        healthy.verdicts.clear_suspects()
    else:
        healthy.apply(healthy.fresh("d"), FORBIDDEN, canary=True)
    assert "no Mem0 server" not in healthy.reason()
    healthy.apply(healthy.fresh("e"), PAGE)
    assert "no Mem0 server" not in healthy.reason()  # it begins anew
