"""Why a memory is stuck."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from mem0tray.actions import diagnose, surroundings, waiting
from mem0tray.actions.surroundings import Cause, Surroundings
from mem0tray.core import reasons, state
from mem0tray.core.reasons import Reason
from mem0tray.ledger.rows import Attempt, Known, kept
from mem0tray.server.answers import HOLDS_NUL, classify, no_use
from mem0tray.server.model import Reply
from tests.actions.scene import found
from tests.support.shapes import dead, entry

NOW = 1_764_500_000.0
FINE = Surroundings([])
DOWN = Surroundings([Cause(surroundings.SERVER_DOWN, reasons.quoted("x"), reasons.quoted("y"))])
ALONE = Surroundings([Cause(surroundings.NOT_RUNNING, reasons.quoted("x"), reasons.quoted("y"))])


def failed(kind: str = "item failure", status: int | None = 500) -> Attempt:
    return Attempt(1.0, kind, status, f"{status}: no thanks", 0.1)


def known(due: float) -> Known:
    return Known(
        key=1,
        id="x",
        digest=b"",
        state="pending",
        server=None,
        reason=None,
        last_error=None,
        claimed=None,
        unknown=None,
        timeouts=0,
        accepted=1.0,
        closed=None,
        due=due,
        retries=1,
    )


def names(causes: Sequence[Cause]) -> list[Reason]:
    return [each.name for each in causes]


def test_the_cause_that_counts_comes_first() -> None:
    letter = found(dead("x", last_error="500: old"))
    assert names(diagnose.causes(letter, DOWN, failed(), NOW))[:2] == [
        surroundings.SERVER_DOWN,
        surroundings.REJECTED,
    ]
    assert names(diagnose.causes(letter, ALONE, failed(), NOW))[:2] == [
        surroundings.REJECTED,
        surroundings.NOT_RUNNING,
    ]
    nameless = found(dead("x", ""))
    assert names(diagnose.causes(nameless, DOWN, None, NOW))[0] == surroundings.INVALID


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(500, "y The fault is the server's: see its log."), (429, "y")],
    ids=["something to do", "nothing but to wait"],
)
def test_without_a_worker_the_reason_s_own_remedy_is_named_too(status: int, remedy: str) -> None:
    first, *_ = diagnose.causes(found(dead("x")), ALONE, failed(status=status), NOW)
    assert str(first.remedy).startswith(remedy)
    assert "Nothing to do" not in str(first.remedy)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [(("half \ud83d",), "content"), (("x", "half \ud83d"), "project_id")],
    ids=["content", "project"],
)
def test_half_a_character_is_to_blame_where_the_server_takes_no_such_text(
    fields: Sequence[str], detail: str
) -> None:
    letter = found(dead(*fields))
    first, second, *_ = diagnose.causes(letter, FINE, failed(status=422), NOW)
    assert (first.name, second.name) == (surroundings.INVALID, surroundings.REJECTED)
    assert f"its {detail} holds half a character" in str(first.detail)
    down, *_ = diagnose.causes(letter, DOWN, failed(status=422), NOW)
    assert down.name == surroundings.SERVER_DOWN
    fallen, *_ = diagnose.causes(letter, FINE, failed(status=500), NOW)
    assert fallen.name == surroundings.REJECTED


def test_nul_is_told_once() -> None:
    """A server that is known not to store it has been named by its own answer."""
    letter = found(dead("a\0b"))
    said = kept(no_use(502, HOLDS_NUL))
    attempt = Attempt(1.0, "item failure", 502, said, 0.1)
    causes = diagnose.causes(letter, FINE, attempt, NOW)
    assert names(causes)[:1] == [surroundings.INVALID]
    assert sum("NUL" in str(each.detail) for each in causes) == 1


@pytest.mark.parametrize(
    ("attempt", "name"),
    [
        (failed("item failure", 400), surroundings.REJECTED),
        (failed("refused", 403), surroundings.REJECTED),
        (failed("slow down", 429), surroundings.REJECTED),
        (failed("unknown", None), surroundings.NO_ANSWER),
        (failed("unanswered", 500), surroundings.NO_ANSWER),
        (failed("not sendable", None), surroundings.INVALID),
    ],
)
def test_the_last_attempt_tells(attempt: Attempt, name: Reason) -> None:
    """Each failure class is one of the causes, with status and message and something to do."""
    first = diagnose.causes(found(dead("x")), FINE, attempt, NOW)[0]
    assert first.name == name
    assert "no thanks" in str(first.detail)
    assert first.remedy


def test_nothing_but_time() -> None:
    """An item that only waits says until when; one that is due says so."""
    letter = replace(found(dead("x")), known=known(due=NOW + 100))
    assert names(diagnose.causes(letter, FINE, None, NOW)) == [surroundings.WAITING]
    assert diagnose.next_retry(letter) == NOW + 100
    assert names(diagnose.causes(letter, FINE, None, NOW + 100)) == [surroundings.DUE]


def test_only_a_dead_letter_is_advised_to_be_retried() -> None:
    letter = replace(found(dead("x", id="0d55169c-1")), known=known(due=NOW + 30))
    (first,) = diagnose.causes(letter, FINE, None, NOW)
    assert "`mem0tray retry 0d55169c`" in str(first.remedy)
    fresh = replace(found(entry("x"), waiting.QUEUE_LIST), known=known(due=NOW + 30))
    (first,) = diagnose.causes(fresh, FINE, None, NOW)
    assert first.name == surroundings.WAITING
    assert "retry" not in str(first.remedy)


@pytest.mark.parametrize(
    ("reason", "name", "remedy"),
    [
        ("no answer after 60 s", surroundings.NO_ANSWER, "Nothing to do: it is tried again"),
        ("302 Found to http://a.test", surroundings.REJECTED, "Set the right address with"),
        ("500 Internal Server Error: odd", surroundings.REJECTED, "The fault is the server's"),
        ("401 Unauthorized", surroundings.REJECTED, "Set the key that it wants with `mem0tray"),
        ("422: odd", surroundings.REJECTED, "Change it with `mem0tray edit"),
        ("5000 is too much", surroundings.NO_ANSWER, "Nothing to do: it is tried again"),
    ],
)
def test_without_a_ledger_the_remedy_follows_the_file(
    reason: str, name: Reason, remedy: str
) -> None:
    first = diagnose.causes(found(dead("x", last_error=reason)), FINE, None, NOW)[0]
    assert (first.name, str(first.detail)) == (name, reason)
    assert str(first.remedy).startswith(remedy)


@pytest.mark.parametrize("kind", ["outage", "item failure"])
def test_a_redirected_save_is_no_item_s_fault(kind: str) -> None:
    reply = Reply(308, {"location": "http://a.test/api/memory"}, b"", 0.1)
    said = classify(reply, NOW, bool).reason
    letter = found(dead("x", last_error=str(said)))
    first = diagnose.causes(letter, FINE, Attempt(1.0, kind, 308, kept(said), 0.1), NOW)[0]
    assert (first.name, first.detail, first.by_itself) == (surroundings.ACTION, said, False)
    assert "`mem0tray config set server.url http://a.test/api`" in str(first.remedy)


def test_a_question_in_vain_is_not_the_reason_of_what_failed_before() -> None:
    letter = found(dead("x", last_error="422 Unprocessable"))
    asked = Attempt(1.0, "unanswered", None, "no answer after 6.01 s", 6.01)
    first = diagnose.causes(letter, FINE, asked, NOW)[0]
    assert (first.name, str(first.detail)) == (surroundings.REJECTED, "422 Unprocessable")
    assert diagnose.kept_reason(letter, asked) == "422 Unprocessable"
    never = found(dead("x"))
    assert diagnose.causes(never, FINE, asked, NOW)[0].name == surroundings.NO_ANSWER
    assert diagnose.kept_reason(never, asked) == "no answer after 6.01 s"


def test_what_another_worker_took_is_asked_about_when_it_has_gone() -> None:
    told = state.another_worker(7, None)
    what, remedy = reasons.parted(told)
    beside = Surroundings([Cause(surroundings.ACTION, what, remedy)])
    item = found(entry("x"))
    taken = replace(item, known=replace(known(NOW), taken=1.0))
    first, second, *_ = diagnose.causes(taken, beside, None, NOW)
    assert (first.name, second.name, second.by_itself) == (
        surroundings.ACTION,
        surroundings.HELD,
        True,
    )
    assert "the server is asked once it has gone" in str(second.detail)
    held = replace(item, known=replace(known(NOW), taken=1.0, held=2.0))
    asked = diagnose.causes(held, beside, None, NOW)[0]
    assert "the server cannot tell" in str(asked.detail)
