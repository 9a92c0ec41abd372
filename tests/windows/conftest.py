"""Shared fixtures: one server, and a scratch home whose name people on Windows have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import server
from tests.support.home import Home
from tests.support.standin import Standin

__all__ = ["home", "server"]


@pytest.fixture
def home(tmp_path: Path, server: Standin) -> Iterator[Home]:
    """Make a scratch home with a space and an umlaut in its path; its server is `server`."""
    with Home(tmp_path / "Jürgen Müller", server.url) as scratch:
        yield scratch
