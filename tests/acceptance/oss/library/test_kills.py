"""Kills while the worker recovers from kills."""

import pytest

from tests.acceptance.test_kills import kill_while_starting
from tests.support.home import Home
from tests.support.official import OfficialStandin
from tests.support.shapes import entries, texts


@pytest.mark.row(2)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("times", [6, 25])
def test_kills_during_the_recovery_lose_nothing(
    home: Home, server: OfficialStandin, times: int
) -> None:
    queue = entries(500)
    home.write_queue(queue)
    kill_while_starting(home, times)
    home.drained()
    assert server.missing(texts(queue)) == []
    assert server.surplus() == {}
