"""An embedded server for a module of tests, and processes that are always ended."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from mem0tray.localserver import child
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import DATABASE, LOCK, Endpoint
from mem0tray.localserver.store import Store
from tests.localserver.support import Serving, client_of
from tests.support.processes import LONGEST


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Give a child as long to start as a busy machine may need."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "READY_SECONDS", LONGEST)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("module") / "local-server"


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Endpoint]:
    """Run one server for the module; tests keep apart by their projects."""
    server = LocalServer(folder, 0)
    yield server.ensure()
    server.stop()


@pytest.fixture
def client(running: Endpoint) -> Iterator[httpx.Client]:
    with client_of(running) as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalServer]:
    """Make an embedded server of the test's own folder, not started yet."""
    server = LocalServer(tmp_path / "local-server", 0)
    yield server
    server.stop()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    """Start servers of the test's own folder, each in a process."""
    started: list[Serving] = []

    def start(port: int = 0, *options: str) -> Serving:
        output = tmp_path / f"output-{len(started)}"
        started.append(Serving(tmp_path / "local-server", output, str(port), *options))
        return started[-1]

    yield start
    for each in started:
        each.kill()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "local-server" / LOCK


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / DATABASE


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with closing(Store(database)) as opened:
        yield opened
