"""One server and one scratch home a test, no fixed ports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import kinds
from tests.support.fixtures import bare_home, humble_home
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.hosted import HostedStandin
from tests.support.official import OfficialStandin
from tests.support.postgres import Postgres
from tests.support.standin import Standin

__all__ = ["bare_home", "humble_home"]
DIALECTS = {HostedStandin: "platform", OfficialStandin: "oss"}


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Standin]:
    """Serve: healthy, can be asked, does not honour keys, so that each resend shows."""
    with kinds.served(getattr(request, "param", kinds.VPS), request, tmp_path) as standin:
        yield standin


@pytest.fixture
def home(tmp_path: Path, server: Standin) -> Iterator[Home]:
    with ForkedHome(tmp_path / "home", server.url) as scratch:
        if type(server) in DIALECTS:
            scratch.env["MEM0TRAY_SERVER_DIALECT"] = DIALECTS[type(server)]
        yield scratch
