"""Whether the worker may send, and the state that people see."""

import math
from typing import TYPE_CHECKING

import pytest

from mem0tray.core import reasons
from mem0tray.core.reasons import Reason
from mem0tray.core.state import (
    ACTION_NEEDED,
    DOWN,
    HEALTHY,
    PAUSED,
    STARTING,
    Gate,
    WorkerState,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_000.0


@pytest.fixture
def gate() -> Gate:
    """Start with a gate whose server is healthy."""
    result = Gate()
    result.probed(healthy=True, reason=reasons.NONE)
    return result


def test_the_states_have_the_names_of_the_contract() -> None:
    """They stand in the metrics file, which others read."""
    assert (STARTING, HEALTHY, DOWN) == ("starting", "healthy", "down")
    assert (PAUSED, ACTION_NEEDED) == ("paused", "action needed")


def test_nothing_is_sent_before_the_first_probe() -> None:
    """A new gate is shut, awaits a probe and says that it is starting."""
    gate = Gate()
    assert not gate.is_open(NOW)
    assert gate.awaits_probe
    assert not gate.is_healthy
    assert gate.state(NOW).name == STARTING


def test_a_healthy_probe_opens(gate: Gate) -> None:
    """After a good probe deliveries go out."""
    assert gate.is_open(NOW)
    assert not gate.awaits_probe
    assert gate.is_healthy
    assert gate.state(NOW) == WorkerState(HEALTHY)


def test_a_failed_probe_shuts(gate: Gate) -> None:
    """After a bad probe the server is down, with the reason, and nothing is sent."""
    gate.probed(healthy=False, reason=reasons.quoted("connection refused"))
    assert not gate.is_open(NOW)
    assert not gate.is_healthy
    assert gate.state(NOW) == WorkerState(DOWN, reasons.quoted("connection refused"))


def test_a_probe_says_whether_it_changes_anything() -> None:
    """Only the first probe, a turn, and the answer to a doubt are changes."""
    gate = Gate()
    assert gate.probed(healthy=True, reason=reasons.NONE)
    assert not gate.probed(healthy=True, reason=reasons.NONE)
    assert gate.probed(healthy=False, reason=reasons.quoted("x"))
    assert not gate.probed(healthy=False, reason=reasons.quoted("y"))
    gate.suspect_outage()
    assert gate.probed(healthy=False, reason=reasons.quoted("y"))


def test_a_doubt_shuts_until_the_probe_answers(gate: Gate) -> None:
    """What looks like an outage stops sending without calling the server down."""
    gate.suspect_outage()
    assert not gate.is_open(NOW)
    assert gate.awaits_probe
    assert gate.state(NOW).name == HEALTHY
    gate.probed(healthy=True, reason=reasons.NONE)
    assert gate.is_open(NOW)


def test_a_break_ends_at_its_time(gate: Gate) -> None:
    """While the server asks for a break nothing is sent."""
    gate.hold(NOW + 10)
    assert not gate.is_open(NOW)
    assert gate.state(NOW).name == PAUSED
    assert gate.held_for(NOW) == 10
    assert gate.opens_at(NOW) == NOW + 10
    assert gate.is_open(NOW + 10)
    assert gate.held_for(NOW + 11) == 0
    assert gate.opens_at(NOW + 10) is None


def test_a_shorter_break_does_not_cut_a_longer_one(gate: Gate) -> None:
    """The longest break that was asked for holds."""
    gate.hold(NOW + 10)
    gate.hold(NOW + 5)
    assert gate.held_for(NOW) == 10


def test_a_pause_ends_at_its_time(gate: Gate) -> None:
    """The user's pause shuts the gate until its end."""
    gate.pause(NOW + 60)
    assert gate.is_paused(NOW)
    assert not gate.is_open(NOW)
    assert gate.state(NOW) == WorkerState(PAUSED, Reason("paused by you"))
    assert gate.opens_at(NOW) == NOW + 60
    assert gate.is_open(NOW + 60)
    assert not gate.is_paused(NOW + 60)


def test_an_endless_pause_lasts_until_resumed(gate: Gate) -> None:
    """A pause without end never opens by itself and is ended by resuming."""
    gate.pause(math.inf)
    assert gate.is_paused(NOW + 1e12)
    assert gate.opens_at(NOW) is None
    gate.pause(None)
    assert gate.is_open(NOW)


def test_a_pause_of_zero_is_none(gate: Gate) -> None:
    """A pause until 0 is no pause."""
    gate.pause(0)
    assert not gate.is_paused(NOW)
    assert gate.is_open(NOW)


def test_a_misconfigured_server_gets_canaries_only(gate: Gate) -> None:
    """When the server refuses everything one item may go out at the given time, no more."""
    gate.misconfigured(reasons.quoted("401"), NOW + 30)
    assert not gate.is_open(NOW + 30)
    assert not gate.wants_canary(NOW + 29)
    assert gate.wants_canary(NOW + 30)
    assert gate.opens_at(NOW) == NOW + 30
    assert gate.state(NOW) == WorkerState(ACTION_NEEDED, reasons.quoted("401"))


def test_a_success_ends_misconfiguration(gate: Gate) -> None:
    """After a delivery all may go out again."""
    gate.misconfigured(reasons.quoted("401"), NOW)
    gate.mended()
    assert gate.is_open(NOW)
    assert not gate.wants_canary(NOW)
    assert gate.state(NOW) == WorkerState(HEALTHY)


def test_what_was_wrong_stays_until_a_delivery(gate: Gate) -> None:
    """A break or an outage after it is not the cause; what the server said since is added."""
    gate.misconfigured(reasons.quoted("401."), NOW)
    gate.still_misconfigured(NOW + 30)
    assert not gate.wants_canary(NOW + 29)
    gate.probed(healthy=False, reason=reasons.quoted("down"))
    assert gate.state(NOW) == WorkerState(ACTION_NEEDED, reasons.quoted("401."))
    gate.probed(healthy=True, reason=reasons.NONE)
    gate.still_misconfigured(NOW + 60, "422 odd")
    assert str(gate.state(NOW).reason) == "401. The last try was answered with: 422 odd."
    gate.misconfigured(reasons.quoted("403."), NOW)
    assert str(gate.state(NOW).reason) == "403."
    gate.mended()
    assert gate.state(NOW) == WorkerState(HEALTHY)


@pytest.mark.parametrize(("status", "told"), [(401, "401"), (404, "down"), (405, "down")])
def test_an_outage_after_a_refusal_of_the_address_is_told(
    gate: Gate, status: int, told: str
) -> None:
    """A server that is down now is told of, and no 404 from before; a wrong key stays wrong."""
    gate.misconfigured(refusal(str(status), status), NOW)
    gate.probed(healthy=False, reason=reasons.quoted("down"))
    state = gate.state(NOW)
    assert told in str(state.reason)
    assert state.name == (ACTION_NEEDED if status == 401 else DOWN)
    gate.probed(healthy=True, reason=reasons.NONE)
    assert str(status) in str(gate.state(NOW).reason)


def test_a_good_probe_does_not_end_misconfiguration(gate: Gate) -> None:
    """Health says nothing about whether the server accepts."""
    gate.misconfigured(reasons.quoted("401"), NOW)
    gate.probed(healthy=True, reason=reasons.NONE)
    assert not gate.is_open(NOW)


@pytest.mark.parametrize("obstacle", ["down", "doubt", "paused", "held", "blocked"])
def test_a_canary_respects_every_other_obstacle(gate: Gate, obstacle: str) -> None:
    """No canary is sent while anything else forbids sending."""
    gate.misconfigured(reasons.quoted("401"), NOW)
    obstacles: dict[str, Callable[[], object]] = {
        "down": lambda: gate.probed(healthy=False, reason=reasons.quoted("x")),
        "doubt": gate.suspect_outage,
        "paused": lambda: gate.pause(math.inf),
        "held": lambda: gate.hold(NOW + 1),
        "blocked": lambda: gate.block("worker", reasons.quoted("another worker")),
    }
    obstacles[obstacle]()
    assert not gate.wants_canary(NOW)


def test_an_obstacle_shuts_until_it_is_gone(gate: Gate) -> None:
    """An obstacle of ours needs action and forbids sending."""
    gate.block("settings", reasons.quoted("settings are wrong"))
    assert gate.blocked_by("settings")
    assert not gate.blocked_by("worker")
    assert not gate.is_open(NOW)
    assert gate.state(NOW) == WorkerState(ACTION_NEEDED, reasons.quoted("settings are wrong"))
    gate.unblock("settings")
    gate.unblock("settings")
    assert gate.is_open(NOW)


def test_every_obstacle_must_go(gate: Gate) -> None:
    """Removing one of two obstacles opens nothing."""
    gate.block("settings", reasons.quoted("one"))
    gate.block("worker", reasons.quoted("two"))
    gate.unblock("settings")
    assert not gate.is_open(NOW)
    assert str(gate.state(NOW).reason) == "two"


def test_trouble_is_shown_but_does_not_stop(gate: Gate) -> None:
    """A trouble needs action while deliveries go on; an empty one ends it."""
    gate.trouble("storage", reasons.quoted("the disk is full"))
    assert gate.is_open(NOW)
    assert gate.state(NOW) == WorkerState(ACTION_NEEDED, reasons.quoted("the disk is full"))
    gate.trouble("storage", reasons.NONE)
    gate.trouble("storage", reasons.NONE)
    assert gate.state(NOW) == WorkerState(HEALTHY)


def test_an_obstacle_is_named_before_all_else(gate: Gate) -> None:
    """Action needed comes before a pause, and a pause before an outage."""
    gate.probed(healthy=False, reason=reasons.quoted("refused"))
    gate.pause(math.inf)
    assert gate.state(NOW).name == PAUSED
    gate.misconfigured(reasons.quoted("401"), NOW)
    assert str(gate.state(NOW).reason) == "401"
    gate.block("worker", reasons.quoted("another worker"))
    assert str(gate.state(NOW).reason) == "another worker"


def test_another_server_starts_afresh(gate: Gate) -> None:
    """What was known of the old server is forgotten; pause and obstacles stay."""
    gate.hold(NOW + 100)
    gate.misconfigured(reasons.quoted("401"), NOW)
    gate.forget_server()
    assert gate.state(NOW).name == STARTING
    assert gate.held_for(NOW) == 0
    assert not gate.is_open(NOW)
    assert gate.probed(healthy=True, reason=reasons.NONE)
    assert gate.is_open(NOW)


def test_a_pause_outlives_a_change_of_server(gate: Gate) -> None:
    """The user's pause holds for whichever server."""
    gate.pause(math.inf)
    gate.forget_server()
    gate.probed(healthy=True, reason=reasons.NONE)
    assert not gate.is_open(NOW)


def test_the_next_opening_is_the_earliest(gate: Gate) -> None:
    """Of several times the nearest in the future is told."""
    assert gate.opens_at(NOW) is None
    gate.pause(NOW + 60)
    gate.hold(NOW + 20)
    assert gate.opens_at(NOW) == NOW + 20
    assert gate.opens_at(NOW + 30) == NOW + 60


def test_a_clock_set_back_lengthens_no_break() -> None:
    """The server's break and the next canary come as soon as they were meant to."""
    gate = Gate()
    gate.probed(healthy=True, reason=reasons.NONE)
    gate.hold(NOW + 5)
    gate.clock_set_back(86_400)
    assert gate.held_for(NOW - 86_400) == 5
    gate.misconfigured(reasons.quoted("401"), NOW + 30)
    gate.clock_set_back(86_400)
    assert gate.wants_canary(NOW - 86_400 + 31)
