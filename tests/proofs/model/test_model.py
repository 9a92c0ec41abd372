"""Random histories of producers, users, commands, clock, network, server and kills."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proofs.model.machine import Histories

SHORT = settings(
    max_examples=16,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_some_histories_go_as_the_contract_says() -> None:
    run_state_machine_as_test(Histories, settings=SHORT)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_histories_go_as_the_contract_says() -> None:
    many = settings(SHORT, max_examples=1000, stateful_step_count=40, derandomize=False)
    run_state_machine_as_test(Histories, settings=many)
