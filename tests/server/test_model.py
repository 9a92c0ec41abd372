"""What the worker and a server say to each other."""

import pytest

from mem0tray.core import reasons
from mem0tray.core.item import Kind
from mem0tray.server.model import (
    Fault,
    Health,
    KeyCheck,
    KeyVerdict,
    Outcome,
    Presence,
    ServerMemory,
)


def test_an_outcome_says_nothing_that_it_was_not_told() -> None:
    """No wait, no duration, no time-out and no doubt unless they are given."""
    outcome = Outcome(Kind.DELIVERED, 200, "")
    assert outcome.retry_after is None
    assert outcome.duration == 0.0
    assert outcome.timed_out is False
    assert outcome.may_have_it is False


def test_a_health_or_a_look_at_the_key_needs_no_words() -> None:
    """A healthy server has no status of its own to tell, and a key that is taken no message."""
    assert Health(healthy=True, reason=reasons.NONE).status is None
    assert KeyCheck(KeyVerdict.TAKEN).message == ""


def test_each_fault_has_its_words() -> None:
    """How an exchange broke off is told in words of ours."""
    assert {fault.name: str(fault.value) for fault in Fault} == {
        "UNREACHABLE": "no connection",
        "TIMED_OUT": "no answer in time",
        "LOST": "the connection was lost before the answer was complete",
        "NOT_HTTP": "what came back is not HTTP",
        "TOO_LONG": "the answer is too long",
    }


def test_presence_and_verdict_have_names_for_people() -> None:
    """What a server knows of a memory, and of a key, is told in these words."""
    assert [one.value for one in Presence] == ["present", "absent", "cannot tell"]
    assert [one.value for one in KeyVerdict] == ["taken", "refused", "open", "cannot tell"]


@pytest.mark.parametrize(
    ("created", "at"),
    [
        ("2026-01-02T03:04:05.678Z", 1767323045),
        ("2026-01-02T03:04:05", 1767323045),
        ("2026-01-02T04:04:05+01:00", 1767323045),
        ("1902-01-01T00:00:00Z", 0),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_server_s_time_is_read(created: str, at: int | None) -> None:
    """In whole Unix seconds; one without a zone is of UTC, and what is none is left out."""
    assert ServerMemory("alpha", "oak", created=created).created_at() == at
