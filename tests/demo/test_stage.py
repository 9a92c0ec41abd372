"""The scratch home, its worker and its server, and that no other server fails on demand."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.demo.stage import DemoServer, StoryMemory, staged
from tests.demo.viewer import Viewer


@pytest.fixture
def server() -> Iterator[DemoServer]:
    server = DemoServer()
    server.start()
    yield server
    server.stop()


def post(server: DemoServer, project: str, key: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    document = json.dumps({"user_id": project, "content": "text"})
    connection.request("POST", "/memory", document, {"Idempotency-Key": key})
    status = connection.getresponse().status
    connection.close()
    return status


def test_only_the_refused_project_is_refused_and_only_as_long_as_it_is(server: DemoServer) -> None:
    server.refused = "alpha"
    assert [post(server, "alpha", "1"), post(server, "beta", "2")] == [500, 200]
    server.refused = ""
    assert post(server, "alpha", "1") == 200
    assert list(server.stored.values()) == [
        StoryMemory("beta", "text"),
        StoryMemory("alpha", "text"),
    ]


def test_stopped_it_refuses_connections_and_comes_back_with_what_it_had(server: DemoServer) -> None:
    post(server, "alpha", "1")
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
    server.start()
    assert post(server, "alpha", "2") == 200
    assert len(server.stored) == 2


@pytest.mark.parametrize("module", ["worker.thread", "localserver.serve"])
def test_neither_worker_nor_embedded_server_imports_the_faults(module: str) -> None:
    script = (
        f"import sys, mem0tray.{module};"
        "sys.exit(any(name.startswith('mem0tray.demo') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done


def test_a_worker_that_ends_by_itself_is_said_with_its_words(viewer: Viewer) -> None:
    with staged(0.1, ("run", "--nonsense")) as stage:
        stage._worker.wait(60)
        with pytest.raises(Mem0TrayError, match=r"ended by itself, after saying: .*--nonsense"):
            stage.check()
    viewer.nothing_is_left()


@pytest.mark.usefixtures("viewer")
def test_a_command_that_fails_is_said_with_its_words() -> None:
    with staged(0.1) as stage:
        assert os.getsid(stage._worker.pid) == stage._worker.pid  # Ctrl-C is for the demo alone
        with pytest.raises(Mem0TrayError, match=r"`mem0tray retry` failed: .*zzz"):
            stage.command("retry", "zzz")
