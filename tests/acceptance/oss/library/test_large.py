"""One memory that is large, on an official server, which repeats it in every answer."""

from pathlib import Path

import pytest

from tests.support import needs
from tests.support.home import Home
from tests.support.large import WAYS, delivered, text
from tests.support.official_server import OfficialServer
from tests.support.official_stores import LIBRARY, POSTGRES

pytestmark = [pytest.mark.row(59), pytest.mark.timeout(600), needs.PROCESSES]
_MOST = 6.0  # times its size


@pytest.mark.parametrize("megabytes", [10, 50])
@pytest.mark.parametrize("kind", LIBRARY)
def test_a_large_memory_is_stored_once(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, megabytes: int
) -> None:
    """As it is, and the worker takes at most six times its size for it."""
    content, settings = text(megabytes), {}
    if kind == POSTGRES:
        database = request.getfixturevalue("database").connection
        settings = {"database": database, "table": f"large_{megabytes}"}
    with (
        OfficialServer(tmp_path / "server", **settings) as server,
        Home(tmp_path / "home", server.url) as home,
    ):
        use = delivered(home, content, WAYS[0], server)
        assert [kept for _, _, kept, _ in server.kept()].count(content) == 1
        assert server.saves() == 2
    assert max(use.times.values()) <= _MOST, use
