"""Troubles that go on and on: a server that takes so many a second, a network that flaps."""

import random
import time

import pytest

from tests.proofs.network.faults import RateLimit
from tests.proofs.network.matrix import CASES, Trial
from tests.support import oracle

SEED = 20261124
# Ten minutes and the usual intervals, ten times as fast.
SCALED = {
    "MEM0TRAY_SYNC_PROBE_INTERVAL": "3",
    "MEM0TRAY_SYNC_RETRY_INTERVAL": "3",
    "MEM0TRAY_SYNC_TIMEOUT": "6",
}


def storm(trial: Trial, memories: int, limit: RateLimit) -> None:
    """Deliver so many through a server that keeps to its limit."""
    trial.proxy.strike(limit, saves_only=True)
    texts = trial.queue("storm", memories)
    trial.server.wait_for(lambda: not trial.server.missing(texts), 100, "all taken")
    trial.wait_delivered(texts)
    assert limit.refused  # or it was no storm
    assert trial.home.log_lines("Moved to DLQ") == []
    assert oracle.faults(trial.home, trial.server, trial.accepted) == []


def test_a_rate_limit_moves_nothing_to_the_dlq(trial: Trial) -> None:
    trial.start({})
    storm(trial, 45, RateLimit(10, 0.3))
    assert trial.home.log_lines("failed:") == []


@pytest.mark.slow
def test_a_storm_of_429_moves_nothing_to_the_dlq(trial: Trial) -> None:
    trial.start(SCALED)
    storm(trial, 300, RateLimit(1, 0.1))


def flap(trial: Trial, times: int, period: float) -> None:
    """Take the network away and give it back, memories coming in all the while.

    Each time away it goes in another way: refused, or one of the matrix.
    """
    chance = random.Random(SEED)  # noqa: S311  (a chance that can be had again)
    ways = [case for case in CASES.values() if not case.silent]
    for number in range(times):
        trial.queue(f"flap {number}", 1)
        if chance.random() < 0.5:
            trial.proxy.close()
        else:
            trial.proxy.strike(chance.choice(ways).fault)
        time.sleep(period)  # the period of the flapping is the fault
        trial.proxy.heal()
        time.sleep(period)


def after_flapping(trial: Trial) -> None:
    """See that all is delivered once the network holds, once each."""
    trial.home.ok("retry", "--all")
    trial.wait_delivered(trial.accepted)
    assert oracle.faults(trial.home, trial.server, trial.accepted) == []
    assert trial.worker.alive


def test_a_network_that_flaps_loses_and_doubles_nothing(trial: Trial) -> None:
    trial.start({})
    flap(trial, 15, 0.03)
    after_flapping(trial)


@pytest.mark.slow
def test_a_network_that_flaps_for_ten_minutes_loses_and_doubles_nothing(trial: Trial) -> None:
    trial.start(SCALED)
    before = trial.worker.memory()
    flap(trial, 300, 0.1)
    after_flapping(trial)
    assert trial.worker.memory() < before + 20_000_000
