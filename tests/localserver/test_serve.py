"""The server as a process: its files, its port, its end."""

import contextlib
import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mem0tray.core.errors import AlreadyRunningError, LockTimeoutError
from mem0tray.files.lock import FileLock
from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import EXIT_ALREADY_RUNNING, Endpoint
from mem0tray.localserver.serve import listen
from mem0tray.localserver.serve import serve as serve_here
from tests.localserver.support import Serving, client_of, save
from tests.support import needs
from tests.support.needs import has_mode
from tests.support.processes import LONGEST
from tests.support.variants import variants

Serve = Callable[..., Serving]


def test_its_address_stands_in_a_private_file(serve: Serve) -> None:
    serving = serve()
    ready = serving.ready()
    file = serving.folder / endpoint.FILE
    document = json.loads(file.read_text())
    assert document["port"] == ready.port
    assert document["pid"] == serving.pid
    assert document["url"] == f"http://127.0.0.1:{ready.port}"
    assert len(document["token"]) >= 32
    assert has_mode(file, 0o600)
    assert has_mode(serving.folder, 0o700)
    assert document["token"] not in repr(ready)


@needs.SIGNALS
@pytest.mark.parametrize("name", variants(["SIGHUP", "SIGTERM", "SIGINT"]))
def test_a_signal_ends_it_quietly(serve: Serve, name: str) -> None:
    serving = serve()
    with client_of(serving.ready()) as idle:
        assert save(idle, "p", "text").status_code == 200
        serving.signal(getattr(signal, name))
        assert serving.wait() == 0
    assert serving.out + serving.err == ""
    assert not (serving.folder / endpoint.FILE).exists()


@needs.SIGNALS
def test_a_request_half_sent_does_not_hold_it(serve: Serve) -> None:
    serving = serve()
    ready = serving.ready()
    with socket.create_connection(("127.0.0.1", ready.port), timeout=LONGEST) as slow:
        slow.sendall(
            b"POST /memory HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
            b"Content-Length: 100\r\nAuthorization: Bearer " + ready.token.encode() + b"\r\n\r\n"
        )
        assert slow.recv(4096).startswith(b"HTTP/1.1 100")  # its body is waited for
        assert serving.stop() == 0


def test_it_ends_with_its_lifeline(serve: Serve) -> None:
    held = serve(0, "--lifeline")
    held.ready()
    held.end_input()
    assert held.wait() == 0
    assert held.out + held.err == ""
    free = serve()
    ready = free.ready()
    free.end_input()
    with client_of(ready) as client:
        assert client.get("/health").is_success


def test_a_second_server_names_the_first(serve: Serve) -> None:
    first = serve()
    ready = first.ready()
    second = serve()
    assert second.wait() == EXIT_ALREADY_RUNNING
    assert f"{ready.url} (process {ready.pid})" in second.err
    with pytest.raises(AlreadyRunningError, match=ready.url):
        serve_here(first.folder, 0)
    assert endpoint.read(first.folder) == ready


@needs.SIGNALS
def test_one_that_is_leaving_is_waited_for(serve: Serve, lock: Path) -> None:
    with FileLock(lock).held(LONGEST):
        serving = serve()
        time.sleep(0.5)
        assert endpoint.read(lock.parent) is None
    assert serving.ready().pid == serving.pid


def test_a_lock_held_by_something_else_is_an_error(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mem0tray.localserver.serve._LEAVING_SECONDS", 0.0)
    with FileLock(lock).held(LONGEST), pytest.raises(LockTimeoutError):
        serve_here(lock.parent, 0)


def test_a_taken_port_means_the_next_free_one(serve: Serve) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        ready = serve(port).ready()
        assert port < ready.port <= port + 20 or port > 65515


@needs.SIGNALS
def test_a_free_port_is_taken_as_asked(serve: Serve) -> None:
    with listen(0) as probe:
        port = probe.getsockname()[1]
    for _ in range(2):
        serving = serve(port)
        with client_of(serving.ready()) as client:
            assert client.get("/health").is_success
        assert serving.ready().port == port
        assert serving.stop() == 0


def test_when_all_ports_nearby_are_taken_any_will_do() -> None:
    with listen(65535) as first, listen(65535) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
        assert second.getsockname()[0] == "127.0.0.1"
        assert second.proto == socket.IPPROTO_TCP


@needs.SIGNALS
def test_it_removes_only_its_own_address(serve: Serve) -> None:
    serving = serve()
    serving.ready()
    foreign = Endpoint(1, 1, "token", 0.0)
    endpoint.write(serving.folder, foreign)
    assert serving.stop() == 0
    assert endpoint.read(serving.folder) == foreign


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"port": 1}',
        '{"url": "u", "port": "1", "pid": 1, "token": "t", "started": 0}',
        '{"url": "u", "port": 70000, "pid": 1, "token": "t", "started": 0}',
        '{"url": "u", "port": 1, "pid": 1, "token": "\\u00fc", "started": 0}',
    ],
)
def test_an_address_that_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / endpoint.FILE).write_text(text)
    assert endpoint.read(tmp_path) is None


def test_the_address_is_always_this_computer(tmp_path: Path) -> None:
    document = {"port": 9, "pid": 1, "token": "t", "started": 0, "url": "http://evil.example"}
    (tmp_path / endpoint.FILE).write_text(json.dumps(document))
    read = endpoint.read(tmp_path)
    assert read is not None
    assert read.url == "http://127.0.0.1:9"


_ASKS = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as there:
    there.sendall(b"GET /health HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    try:
        print(len(there.recv(100)))
    except ConnectionResetError:
        print(0)
"""


@needs.linux("only its kernel names the user of a connection")
@needs.root("only root starts a program as somebody else")
@pytest.mark.parametrize(("user", "answered"), [(0, True), (65534, False)])
def test_another_user_gets_no_answer(serve: Serve, user: int, *, answered: bool) -> None:
    port = serve().ready().port
    command = ["/usr/bin/python3", "-c", _ASKS, str(port)]
    said = subprocess.run(command, user=user, capture_output=True, text=True, check=True).stdout
    assert (int(said) > 0) == answered


def test_connections_that_say_nothing_keep_nobody_out(serve: Serve) -> None:
    ready = serve().ready()
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", ready.port)))
            for _ in range(200)
        ]
        client = stack.enter_context(client_of(ready))
        assert save(client, "p", "text").status_code == 200
        silent[0].settimeout(LONGEST)
        with contextlib.suppress(ConnectionResetError):  # the oldest is cut
            assert silent[0].recv(1) == b""
