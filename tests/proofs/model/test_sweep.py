"""A kill at each point of a short story, in this process."""

from pathlib import Path

import pytest

from tests.proofs.model.sweep import deliver, kills

pytestmark = pytest.mark.row(1)


def test_a_kill_at_points_of_a_short_story_loses_nothing(tmp_path: Path) -> None:
    assert list(kills(tmp_path, deliver, every=23)) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys", "neither"])
def test_a_kill_at_each_point_of_a_short_story_loses_nothing(
    tmp_path: Path, *, honours_keys: bool
) -> None:
    assert list(kills(tmp_path, deliver, honours_keys=honours_keys)) == []
