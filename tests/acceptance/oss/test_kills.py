"""Kills and stops, as with any server, and 50 in a drain of 500: none lost, none twice."""

import pytest

from tests.acceptance.test_kills import (
    check_kills,
    test_a_stop_does_not_wait_for_the_server,
    test_a_stop_publishes_what_is_left,
    test_counters_survive_kills,
    test_kills_among_failures_and_dead_letters_lose_nothing,
)
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.official import OfficialStandin
from tests.support.shapes import Item, entries

__all__ = [
    "test_a_stop_does_not_wait_for_the_server",
    "test_a_stop_publishes_what_is_left",
    "test_counters_survive_kills",
    "test_kills_among_failures_and_dead_letters_lose_nothing",
]


@pytest.mark.row(1)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kills", [6, *(pytest.param(n, marks=pytest.mark.slow) for n in (25, 50))])
def test_kills_in_a_drain_of_500_lose_nothing(
    home: Home, server: OfficialStandin, kills: int
) -> None:
    check_kills(home, server, kills, 500, guarded=True)


@pytest.mark.row(36)
@pytest.mark.parametrize("stores", [True, False], ids=["accepted", "not accepted"])
def test_an_item_on_its_way_when_killed_is_stored_once(
    home: Home, server: OfficialStandin, *, stores: bool
) -> None:
    server.script(Answer(delay=20, stores=stores), content="on its way")
    item: Item = entries(1)[0] | {"content": "on its way"}
    home.write_queue([item])
    worker = home.start("run")
    server.wait_for(lambda: server.has_saves(1), 10)
    worker.kill()
    home.drained()
    assert server.count("on its way") == 1
    assert server.sends("on its way") == (1 if stores else 2)
    assert {save.json["metadata"]["mem0tray_id"] for save in server.saves} == {item["id"]}
