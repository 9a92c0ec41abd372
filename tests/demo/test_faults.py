"""The demo's server, and that no other has its faults."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.demo.server import DemoServer
from mem0tray.demo.story import Faults, StoryMemory

PROJECTS = ("alpha", "beta")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DemoServer]:
    """Serve without faults."""
    server = DemoServer(tmp_path / "server")
    server.start()
    yield server
    server.stop()


def address(server: DemoServer) -> tuple[str, int]:
    """Host and port."""
    host, port = server.url.removeprefix("http://").split(":")
    return host, int(port)


def post(server: DemoServer, project: str, body: str | None = None) -> int:
    """Save a memory; the status of the answer."""
    connection = http.client.HTTPConnection(*address(server), timeout=5)
    try:
        document = json.dumps({"user_id": project, "content": "text"})
        headers = {"Authorization": f"Bearer {server.token}"}
        connection.request("POST", "/memory", document if body is None else body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_the_refused_project_is_refused(server: DemoServer) -> None:
    """Others are stored as ever, and so is that one once the fault is gone."""
    server.inject(Faults(refused="alpha"))
    assert [post(server, project) for project in PROJECTS] == [500, 200]
    assert post(server, "alpha", "nonsense") == 400
    assert server.stored(PROJECTS) == (StoryMemory("beta", "text"),)
    server.inject(Faults())
    assert post(server, "alpha") == 200


def test_down_is_a_connection_that_is_refused(server: DemoServer) -> None:
    """It comes back at the same address, with what it had."""
    assert post(server, "alpha") == 200
    before = server.url
    server.inject(Faults(down=True))
    assert server.stored(PROJECTS) is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address(server), timeout=5)
    server.inject(Faults())
    assert server.url == before
    assert server.stored(PROJECTS) == (StoryMemory("alpha", "text"),)


def test_a_port_that_somebody_took_is_said(server: DemoServer) -> None:
    """It does not come back elsewhere, where nobody would look for it."""
    server.inject(Faults(down=True))
    with socket.socket() as thief:
        thief.bind(address(server))
        thief.listen()
        with pytest.raises(Mem0TrayError, match="Another program has taken port"):
            server.inject(Faults())


def test_a_database_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """What goes wrong on the server's thread is told on ours."""
    (tmp_path / "memories.sqlite3").mkdir()
    server = DemoServer(tmp_path)
    with pytest.raises(Mem0TrayError, match="could not be started"):
        server.start()
    server.stop()


@pytest.mark.parametrize("module", ["worker.thread", "localserver.__main__", "localserver.serve"])
def test_the_ordinary_server_knows_no_faults(module: str) -> None:
    """Neither the worker nor the server that it starts imports anything of the demo."""
    script = (
        f"import sys, mem0tray.{module};"
        "sys.exit(any(name.startswith('mem0tray.demo') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done
