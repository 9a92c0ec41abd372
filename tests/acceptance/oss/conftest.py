"""The program against an official server, in whose library the memories are counted at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.official import OfficialStandin, SimpleStore, Store
from tests.support.official_stores import LIBRARY, SIMPLE, opened
from tests.support.postgres import Postgres


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    """Run a real Postgres with pgvector."""
    with Postgres() as running:
        yield running


@pytest.fixture(params=[SIMPLE, *LIBRARY])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Keep memories as Mem0's own library does, or in it."""
    with opened(request.param, request, tmp_path) as made:
        yield made


@pytest.fixture
def server(store: Store) -> Iterator[OfficialStandin]:
    """Serve; at the end the store holds what was saved, and nothing else."""
    with OfficialStandin(store) as standin:
        yield standin
        with standin.held() as stored:  # a worker may still be sending
            assert standin.kept() == sorted(text for _, text in stored)


@pytest.fixture
def fail(store: Store) -> Iterator[Callable[[str], None]]:
    """Have the server's model fail with an exception of this name, or with none, from now on."""
    target: Any = store
    if not isinstance(store, SimpleStore):
        from tests.support.official_library import WordEmbedder

        target = WordEmbedder
    yield lambda name: setattr(target, "fails", type(name, (Exception,), {})() if name else None)
    target.fails = None


@pytest.fixture
def home(tmp_path: Path, server: OfficialStandin) -> Iterator[Home]:
    """Make a scratch home whose chosen server is `server`."""
    with ForkedHome(tmp_path / "home", server.url) as scratch:
        scratch.env["MEM0TRAY_SERVER_DIALECT"] = "oss"
        yield scratch
