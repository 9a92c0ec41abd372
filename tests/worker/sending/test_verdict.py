"""What an answer means: for what people are told, and for the pause of a server that refuses."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from mem0tray.config.settings import Settings
from mem0tray.core import reasons
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.events import Events
from mem0tray.core.item import EDITED
from mem0tray.core.state import ACTION_NEEDED, HEALTHY, refusal
from mem0tray.ledger.database import Ledger
from mem0tray.server import Kind, Outcome
from mem0tray.system.paths import Paths
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.reporting.log import describe
from mem0tray.worker.sending.verdict import Verdicts
from tests.worker.test_other_worker import NOW, entry


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
