"""The matrix of the network's faults (`tests/proofs/network`), with an official server behind."""

import pytest

from tests.proofs.network.conftest import proxy, trial
from tests.proofs.network.matrix import CASES, Trial, check

__all__ = ["proxy", "trial"]


@pytest.mark.row(36, 37)
@pytest.mark.parametrize("name", CASES)
def test_every_fault_is_outlived(trial: Trial, name: str) -> None:
    case = CASES[name]
    trial.start(case.env)
    assert check(case, trial.everything(name, case), alone=False) == []
    assert check(case, trial.saves_alone(name, case), alone=True) == []
    assert trial.server.surplus() == {}
