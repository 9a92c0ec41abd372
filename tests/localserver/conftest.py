"""An embedded server for a module of tests, and processes that are always ended."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from mem0tray.localserver import child
from mem0tray.localserver.child import LocalServer
from mem0tray.localserver.endpoint import LOCK, Endpoint
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
    """Start `python -m mem0tray.localserver.serve` for the test's own folder."""
    started: list[Serving] = []

    def start(port: int = 0, *, lifeline: bool = False) -> Serving:
        command = [sys.executable, "-m", "mem0tray.localserver.serve"]
        command += [str(tmp_path / "local-server"), str(port)]
        command += ["--lifeline"] if lifeline else []
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        serving = Serving(process, tmp_path / "local-server")
        started.append(serving)
        return serving

    yield start
    for each in started:
        each.end()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "local-server" / LOCK
