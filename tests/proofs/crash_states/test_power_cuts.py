"""Power cuts on ext4 itself, with default and with the harshest mount options."""

import pytest

from tests.proofs.crash_states import power_cuts


@pytest.mark.slow
@pytest.mark.row(3)
@pytest.mark.timeout(600)
@pytest.mark.skipif(bool(power_cuts.why_not_here()), reason=power_cuts.why_not_here())
@pytest.mark.parametrize("options", power_cuts.OPTIONS)
def test_ext4_cut_at_any_moment_loses_nothing(options: str) -> None:
    result = power_cuts.prove(power_cuts.OPTIONS[options], seconds=5)
    assert result.tried == result.cuts >= 20
    assert result.accepted
    assert result.bad == []
