"""Bringing 10,000 memories over from this computer to an official server, killed ten times."""

import pytest

from tests.acceptance import test_migrate
from tests.support.home import Home
from tests.support.official import OfficialStandin


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_kills_leave_each_of_10_000_there_once(home: Home, server: OfficialStandin) -> None:
    test_migrate.check_kills(home, server, 10_000, 10)
