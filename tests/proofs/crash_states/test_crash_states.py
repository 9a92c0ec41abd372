"""Nothing is lost, whatever a power cut leaves of the files."""

import pytest

from tests.proofs.crash_states.proof import prove
from tests.proofs.crash_states.protocols import PROTOCOLS

pytestmark = pytest.mark.row(3)

FEW = 20  # states of each protocol in the suite; the command and the slow test try all


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_power_cut_loses_nothing(protocol: str) -> None:
    """From states spread over all that a cut may leave, the program recovers all it took."""
    result = prove(protocol, at_most=FEW)
    assert result.tried >= 10
    assert result.bad == []


def test_the_first_memory_of_all_outlasts_a_power_cut() -> None:
    """What the first `add` acknowledged lasts, though it had to make the folder for it."""
    result = prove("add")
    assert result.tried == result.states
    assert result.bad == []


def test_the_first_setting_outlasts_a_power_cut() -> None:
    """What the first `config set` wrote lasts, though it had to make the folder for it."""
    result = prove("settings")
    assert result.tried == result.states
    assert result.bad == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_state_that_a_power_cut_may_leave_loses_anything(protocol: str) -> None:
    """From every state that a cut may leave, the program recovers all it took."""
    result = prove(protocol)
    assert result.tried == result.states
    assert result.bad == []
