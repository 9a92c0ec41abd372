"""A world for each test that wants one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proofs.model.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Begin a history: a worker runs, and the server can be asked."""
    with World(tmp_path / "home", honours_keys=False, can_be_asked=True) as world:
        world.start()
        yield world
