"""Every fault of the matrix: a few in one run of the worker, and all of them, each alone."""

import pytest

from tests.proofs.network.matrix import CASES, Trial, check
from tests.support.standin import Standin

# One of each kind; what a time-out ends takes its time.
SOME_EVERYWHERE = ["lost in the middle of the request", "portal: 302 to its page"]
SOME_SAVES = ["reset after the server accepted", "endless body", "504 after the server accepted"]


@pytest.mark.row(36, 37)
def test_one_worker_outlives_faults_of_each_kind(trial: Trial) -> None:
    trial.start({})
    for name in SOME_EVERYWHERE:
        case = CASES[name]
        assert check(case, trial.everything(name, case), alone=False) == [], name


@pytest.mark.row(36, 37)
def test_one_worker_asks_about_saves_that_were_struck(trial: Trial) -> None:
    trial.start({})
    for name in SOME_SAVES:
        case = CASES[name]
        assert check(case, trial.saves_alone(name, case), alone=True) == [], name
    assert trial.server.surplus() == {}


@pytest.mark.slow
@pytest.mark.row(36, 37)
@pytest.mark.parametrize("keys", [False, True], ids=["asked", "keys"])
@pytest.mark.parametrize("name", CASES)
def test_every_fault_is_outlived(trial: Trial, server: Standin, name: str, *, keys: bool) -> None:
    server.honours_keys, server.can_be_asked = keys, not keys
    case = CASES[name]
    trial.start(case.env)
    assert check(case, trial.everything(name, case), alone=False) == []
    assert check(case, trial.saves_alone(name, case), alone=True) == []
