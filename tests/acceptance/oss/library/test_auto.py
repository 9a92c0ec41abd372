"""A server that is Mem0's own library for a while, and is not said to be."""

from pathlib import Path

from tests.acceptance.test_auto import check_changes_in_a_drain
from tests.support.forked import ForkedHome
from tests.support.official import OfficialStandin, Store
from tests.support.standin import Standin


def test_a_server_that_changes_twice_in_a_drain_loses_nothing(tmp_path: Path, store: Store) -> None:
    with Standin() as server, ForkedHome(tmp_path / "home", server.url) as home:
        check_changes_in_a_drain(home, server, OfficialStandin(store))
