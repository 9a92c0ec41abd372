"""The circuit breaker: whether the worker may send, and the state that follows."""

import math
import sys
from typing import TYPE_CHECKING

import pytest

from mem0tray.core import reasons, state
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.reasons import quoted
from mem0tray.core.state import ACTION_NEEDED, DOWN, HEALTHY, PAUSED, STARTING, WorkerState, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    Step = Callable[[CircuitBreaker], object]

NOW = 1_000.0


@pytest.fixture
def breaker() -> CircuitBreaker:
    """Start with a circuit breaker whose server is healthy."""
    result = CircuitBreaker()
    result.note_probe(healthy=True, reason=reasons.NONE)
    return result


def test_nothing_is_sent_before_the_first_probe_and_each_says_whether_it_changes_anything() -> None:
    breaker = CircuitBreaker()
    assert not breaker.lets_through(NOW)
    assert breaker.awaits_probe
    assert not breaker.is_healthy
    assert breaker.state(NOW).name == STARTING
    assert breaker.note_probe(healthy=True, reason=reasons.NONE)
    assert not breaker.note_probe(healthy=True, reason=reasons.NONE)
    assert breaker.note_probe(healthy=False, reason=quoted("x"))
    assert not breaker.note_probe(healthy=False, reason=quoted("y"))
    breaker.await_probe()
    assert breaker.note_probe(healthy=False, reason=quoted("y"))


def test_an_outage_is_what_a_probe_found(breaker: CircuitBreaker) -> None:
    found = [CircuitBreaker().outage]
    for healthy in (False, True, False):
        breaker.note_probe(healthy=healthy, reason=quoted("why"))
        found.append(breaker.outage)
    breaker.block("dialect", quoted("no server that we know"))
    found.append(breaker.outage)
    breaker.forget_server()
    why = quoted("why")
    assert [*found, breaker.outage] == [None, why, reasons.NONE, why, reasons.NONE, None]


def test_a_break_and_a_pause_end_at_their_times_whatever_the_clock_does(
    breaker: CircuitBreaker,
) -> None:
    assert breaker.lets_through_at(NOW) is None
    breaker.take_break(NOW + 20)
    breaker.take_break(NOW + 5)  # a shorter one does not cut it
    breaker.pause(NOW + 60)
    assert [breaker.break_left(NOW + at) for at in (0, 21)] == [20, 0]
    assert [breaker.is_paused(NOW + at) for at in (0, 60)] == [True, False]
    assert [breaker.lets_through(NOW + at) for at in (20, 60)] == [False, True]
    assert [breaker.lets_through_at(NOW + at) for at in (0, 20)] == [NOW + 20, NOW + 60]
    for never in (math.inf, NOW + 10**9 + 20):
        breaker.pause(never)
        assert breaker.lets_through_at(NOW + 20) is None
    breaker.pause(0)
    assert [breaker.lets_through(NOW + at) for at in (19, 20)] == [False, True]
    breaker.set_misconfigured(quoted("401"), NOW + 30)
    breaker.bring_waits_forward(86_400)  # the clock was set back
    assert breaker.break_left(NOW - 86_400) == 20
    assert [breaker.wants_canary(NOW - 86_400 + at) for at in (29, 30)] == [False, True]


def test_what_was_wrong_stays_until_a_delivery_and_canaries_alone_are_sent(
    breaker: CircuitBreaker,
) -> None:
    breaker.set_misconfigured(quoted("401."), NOW + 10)
    assert breaker.lets_through_at(NOW) == NOW + 10
    assert [breaker.wants_canary(NOW + at) for at in (9, 10)] == [False, True]
    breaker.stay_misconfigured(NOW + 30)
    assert [breaker.wants_canary(NOW + at) for at in (29, 30)] == [False, True]
    assert not breaker.lets_through(NOW + 30)
    breaker.note_probe(healthy=False, reason=quoted("down"))
    assert breaker.state(NOW) == WorkerState(ACTION_NEEDED, quoted("401."))
    breaker.note_probe(healthy=True, reason=reasons.NONE)
    assert not breaker.lets_through(NOW)
    breaker.stay_misconfigured(NOW + 60, "422 odd")
    assert breaker.lets_through_at(NOW) == NOW + 60
    assert str(breaker.state(NOW).reason) == "401. The last try was answered with: 422 odd."
    breaker.set_misconfigured(quoted("403."), NOW)
    assert str(breaker.state(NOW).reason) == "403."
    breaker.clear_misconfigured()
    assert breaker.lets_through(NOW)
    assert not breaker.wants_canary(NOW)
    assert breaker.state(NOW) == WorkerState(HEALTHY)


@pytest.mark.parametrize(("status", "told"), [(401, "401"), (404, "down"), (405, "down")])
def test_an_outage_after_a_refusal_of_the_address_is_told(
    breaker: CircuitBreaker, status: int, told: str
) -> None:
    breaker.set_misconfigured(refusal(str(status), status), NOW)
    breaker.note_probe(healthy=False, reason=quoted("down"))
    shown = breaker.state(NOW)
    assert told in str(shown.reason)
    assert shown.name == (ACTION_NEEDED if status == 401 else DOWN)
    breaker.note_probe(healthy=True, reason=reasons.NONE)
    assert str(status) in str(breaker.state(NOW).reason)


def note_probe(breaker: CircuitBreaker, *, healthy: bool) -> None:
    breaker.note_probe(healthy=healthy, reason=quoted("away"))


# What can stand in the way, and what takes it away.
OBSTACLES: "dict[str, tuple[Step, Step]]" = {
    "down": (lambda it: note_probe(it, healthy=False), lambda it: note_probe(it, healthy=True)),
    "doubt": (CircuitBreaker.await_probe, lambda it: note_probe(it, healthy=True)),
    "pause": (lambda it: it.pause(math.inf), lambda it: it.pause(0)),
    "break": (lambda it: it.take_break(NOW + 1), lambda it: it.bring_waits_forward(1)),
    "worker": (lambda it: it.block("worker", quoted("another")), lambda it: it.unblock("worker")),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_an_obstacle_stops_deliveries_and_canaries_until_it_is_gone(
    breaker: CircuitBreaker, name: str
) -> None:
    put, take_away = OBSTACLES[name]
    put(breaker)
    assert not breaker.lets_through(NOW)
    assert breaker.is_healthy is (name != "down")
    assert breaker.blocked_by("worker") is (name == "worker")
    breaker.set_misconfigured(quoted("401"), NOW)
    assert not breaker.wants_canary(NOW)
    for _ in range(2):
        take_away(breaker)
    assert breaker.wants_canary(NOW)
    breaker.clear_misconfigured()
    assert breaker.lets_through(NOW)


# What there is to tell, each before the next: with all of them the first is told.
IN_TURN: "list[tuple[str, str, Step]]" = [
    (ACTION_NEEDED, "full", lambda it: it.note_fault("disk", quoted("full"))),
    (ACTION_NEEDED, "another", lambda it: it.block("worker", quoted("another"))),
    (ACTION_NEEDED, "odd", lambda it: it.note_fault("log", quoted("odd"))),
    (ACTION_NEEDED, "401.", lambda it: it.set_misconfigured(quoted("401."), NOW)),
    (PAUSED, "paused by you", lambda it: it.pause(math.inf)),
    (DOWN, "away", lambda it: note_probe(it, healthy=False)),
    (PAUSED, "the server asked for a break", lambda it: it.take_break(NOW + 1)),
    (HEALTHY, "", CircuitBreaker.await_probe),
]


@pytest.mark.parametrize("first", range(len(IN_TURN)))
def test_of_all_that_is_known_what_the_user_can_help_with_is_told_first(
    breaker: CircuitBreaker, first: int
) -> None:
    for _, _, note in reversed(IN_TURN[first:]):
        note(breaker)
    name, reason, _ = IN_TURN[first]
    told = breaker.state(NOW)
    assert (told.name, str(told.reason)) == (name, reason)


def test_another_server_starts_afresh(breaker: CircuitBreaker) -> None:
    breaker.take_break(NOW + 100)
    breaker.set_misconfigured(quoted("401"), NOW)
    breaker.pause(NOW + 60)
    breaker.forget_server()
    assert breaker.break_left(NOW) == 0
    assert not breaker.lets_through(NOW + 60)
    assert breaker.state(NOW + 60).name == STARTING
    assert breaker.note_probe(healthy=True, reason=reasons.NONE)
    assert breaker.is_paused(NOW)
    assert breaker.lets_through(NOW + 60)


def test_the_first_trouble_of_some_parts_is_told_and_stops_nothing(
    breaker: CircuitBreaker,
) -> None:
    assert breaker.fault_with(["queue", "dlq"]) is reasons.NONE
    breaker.note_fault("dlq", quoted("two"))
    breaker.note_fault("queue", quoted("one"))
    breaker.note_fault("log", quoted("three"))
    assert breaker.fault_with(["queue", "dlq"]) == quoted("one")
    assert breaker.fault_with(["dlq"]) == quoted("two")
    assert breaker.fault_with(["metrics"]) is reasons.NONE
    assert breaker.lets_through(NOW)
    for name in ("dlq", "queue", "log", "log"):
        breaker.note_fault(name, reasons.NONE)
    assert breaker.state(NOW) == WorkerState(HEALTHY)


def test_the_states_have_the_names_of_the_contract() -> None:
    assert (STARTING, HEALTHY, DOWN) == ("starting", "healthy", "down")
    assert (PAUSED, ACTION_NEEDED) == ("paused", "action needed")


def test_a_refusal_keeps_the_answer_and_its_status() -> None:
    told = refusal("403 Forbidden: no right.", 403)
    assert str(told) == "the server refuses deliveries: 403 Forbidden: no right."
    assert told.get("status") == 403
    assert refusal("no", None).get("status") == 0


@pytest.mark.parametrize(
    ("system", "command"), [("linux", "kill 42"), ("win32", "taskkill /F /PID 42")]
)
def test_the_command_is_one_of_the_system(
    monkeypatch: pytest.MonkeyPatch, system: str, command: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert state.kill_command(42) == command
    told = str(state.another_worker(42, None, command))
    assert told == f"another worker runs as process 42: stop it with `{command}`"
    assert ("Task Manager" in str(state.another_worker(None, None))) is (system == "win32")


def test_no_command_ends_a_process_that_is_not_known_for_sure() -> None:
    there = "runs on far.example: stop it there, or give each its own folder"
    for elsewhere, told in (("far.example", there), (None, "runs as process 42: find it")):
        said = str(state.another_worker(42, elsewhere))
        assert said.startswith(f"another worker {told}")
        assert state.kill_command(42) not in said
