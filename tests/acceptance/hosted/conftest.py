"""The program against a stand-in for the hosted service, which says what is published alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.hosted import HostedStandin, Work


@pytest.fixture(params=["at once", pytest.param("later", marks=pytest.mark.slow)])
def server(request: pytest.FixtureRequest) -> Iterator[HostedStandin]:
    """Serve, and store at once, or a moment after a memory was taken in.

    At the end nothing was asked that is not published, and no text is there twice.
    """
    with HostedStandin() as standin:
        if request.param == "later":
            standin.works = lambda _: Work(0.05)
        yield standin
        assert standin.faults == []
        assert standin.surplus() == {}


@pytest.fixture
def home(tmp_path: Path, server: HostedStandin) -> Iterator[Home]:
    """Make a scratch home whose chosen server is `server`."""
    with ForkedHome(tmp_path / "home", server.url) as scratch:
        scratch.env["MEM0TRAY_SERVER_DIALECT"] = "platform"
        yield scratch
