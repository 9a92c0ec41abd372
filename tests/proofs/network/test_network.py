"""Every fault of the matrix: a few in one run of the worker, and all of them, each alone."""

import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.proofs.network.faults import RateLimit
from tests.proofs.network.matrix import CASES, Trial
from tests.support import oracle
from tests.support.certificates import HOST, Authority
from tests.support.fault_proxy import FaultProxy
from tests.support.home import Home
from tests.support.machine import Resolver
from tests.support.standin import Standin

# One of each kind; what a time-out ends takes its time.
SOME_EVERYWHERE = ["lost in the middle of the request", "portal: 302 to its page"]
SOME_SAVES = ["reset after the server accepted", "endless body", "504 after the server accepted"]


@pytest.fixture
def trial(home: Home, server: Standin) -> Iterator[Trial]:
    """A home whose server can be reached through the proxy alone; no worker is started yet."""
    with FaultProxy(server.url) as proxy:
        yield Trial(home, server, proxy)


@pytest.mark.row(36, 37)
def test_one_worker_outlives_faults_of_each_kind(trial: Trial) -> None:
    trial.start({})
    for name in SOME_EVERYWHERE:
        assert trial.everything(name) == [], name
    for name in SOME_SAVES:
        assert trial.saves_alone(name) == [], name


@pytest.mark.slow
@pytest.mark.row(36, 37)
@pytest.mark.parametrize("keys", [False, True], ids=["asked", "keys"])
@pytest.mark.parametrize("name", CASES)
def test_every_fault_is_outlived(trial: Trial, server: Standin, name: str, *, keys: bool) -> None:
    server.honours_keys, server.can_be_asked = keys, not keys
    trial.start(CASES[name].env)
    assert trial.everything(name) == []
    assert trial.saves_alone(name) == []


SEED = 20261124
# Ten minutes and the usual intervals, ten times as fast.
SCALED = {
    "MEM0TRAY_SYNC_PROBE_INTERVAL": "3",
    "MEM0TRAY_SYNC_RETRY_INTERVAL": "3",
    "MEM0TRAY_SYNC_TIMEOUT": "6",
}


@pytest.mark.parametrize(
    ("env", "memories", "burst", "seconds"),
    [
        pytest.param({}, 45, 10, 0.3, id="ten at a time"),
        pytest.param(SCALED, 300, 1, 0.1, id="storm", marks=pytest.mark.slow),
    ],
)
def test_a_rate_limit_moves_nothing_to_the_dlq(
    trial: Trial, env: dict[str, str], memories: int, burst: int, seconds: float
) -> None:
    trial.start(env)
    limit = RateLimit(burst, seconds)
    trial.proxy.strike(limit, saves_only=True)
    texts = trial.queue("storm", memories)
    trial.server.wait_for(lambda: not trial.server.missing(texts), 100, "all taken")
    assert limit.refused  # or it was no storm
    recovered(trial)
    assert trial.home.log_lines("Moved to DLQ") == []
    assert env or trial.home.log_lines("failed:") == []


@pytest.mark.parametrize(
    ("env", "times", "period"),
    [
        pytest.param({}, 15, 0.03, id="15 times"),
        pytest.param(SCALED, 300, 0.1, id="for ten minutes", marks=pytest.mark.slow),
    ],
)
def test_a_network_that_flaps_loses_and_doubles_nothing(
    trial: Trial, env: dict[str, str], times: int, period: float
) -> None:
    """Take it away in other ways each time, and give it back, while memories come in."""
    trial.start(env)
    before = trial.worker.memory()
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
    trial.home.ok("retry", "--all")
    recovered(trial)
    assert trial.worker.alive
    assert trial.worker.memory() < before + 20_000_000


def outage(trial: Trial, words: str) -> None:
    sent = len(trial.server.requests)
    texts = trial.queue(words)
    home = trial.home
    home.wait(lambda: home.state()[0] == "down" and words in home.state()[1], what=words)
    home.wait(lambda: len(home.queue_items()) == len(texts), what="shown")
    assert [item["retries"] for item in home.queue_items()] == [0] * len(texts)
    assert len(trial.server.requests) == sent


def recovered(trial: Trial) -> None:
    trial.wait_delivered(trial.accepted)
    assert oracle.faults(trial.home, trial.server, trial.accepted) == []


def test_a_name_that_is_lost_is_an_outage(trial: Trial, tmp_path: Path) -> None:
    resolver = Resolver(tmp_path)
    resolver.know()
    trial.home.env["MEM0TRAY_SERVER_URL"] = trial.proxy.url.replace(HOST, "mem0.invalid")
    trial.start(resolver.env)
    resolver.forget()
    trial.proxy.heal()  # cuts the connections: the next one needs the name
    outage(trial, "cannot be resolved")
    resolver.know()
    recovered(trial)


@pytest.mark.slow
def test_a_certificate_that_expires_is_an_outage(trial: Trial, tmp_path: Path) -> None:
    authority, proxy = Authority(tmp_path), trial.proxy
    proxy.tls = good = authority.context(HOST)
    trial.home.env["MEM0TRAY_SERVER_URL"] = proxy.url
    trial.home.env["MEM0TRAY_SERVER_API_KEY"] = "sesame"
    trial.start({"MEM0TRAY_SERVER_CA_FILE": str(authority.file)})
    proxy.tls = authority.context(HOST, ended=timedelta(hours=1))
    proxy.heal()  # cuts the connections: the next one meets the other certificate
    outage(trial, "certificate has expired")
    proxy.tls = good
    recovered(trial)
