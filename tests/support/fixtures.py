"""Fixtures of the tests that drive the real program: one server and one scratch home a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import privileges
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.standin import Standin


@pytest.fixture
def server() -> Iterator[Standin]:
    """Serve: healthy, can be asked, does not honour keys, so that each resend shows."""
    with Standin() as standin:
        yield standin


@pytest.fixture
def home(tmp_path: Path, server: Standin) -> Iterator[Home]:
    """Make a scratch home whose chosen server is `server`."""
    with ForkedHome(tmp_path / "home", server.url) as scratch:
        yield scratch


@pytest.fixture
def bare_home(tmp_path: Path) -> Iterator[Home]:
    """Make a scratch home where no server has been chosen."""
    with ForkedHome(tmp_path / "home") as scratch:
        yield scratch


@pytest.fixture
def humble_home(tmp_path: Path, server: Standin) -> Iterator[Home]:
    """Make a scratch home of a user whom permissions stop, also where tests run as root."""
    with ForkedHome(tmp_path / "home", server.url, wrapper=privileges.wrapper()) as scratch:
        yield scratch
