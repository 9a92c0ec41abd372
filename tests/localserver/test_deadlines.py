"""Requests that never end: each has a deadline, and nobody else waits for them."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from uvicorn import Server

from mem0tray.localserver import serve
from mem0tray.localserver.app import build
from mem0tray.localserver.connections import Connection
from mem0tray.localserver.serve import config, listen
from mem0tray.localserver.store import Arrival, Store
from tests.localserver.support import PATIENCE
from tests.support import needs

_TOKEN = "token"  # noqa: S105  (of this test's own server)
_HEAD = f"POST /memory HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {_TOKEN}\r\n"
_BODY = '{"user_id":"p","content":"text"}'
_WHOLE = f"{_HEAD}Content-Length: {len(_BODY)}\r\n\r\n{_BODY}"
_LAST = _WHOLE.replace("Host:", "Connection: close\r\nHost:")
_HALVES = {
    "a head that is cut": _HEAD[:30],
    "a head without its end": _HEAD,
    "a body that never comes": f"{_HEAD}Content-Length: 100\r\n\r\n",
    "a body that is cut": f"{_HEAD}Content-Length: 100\r\n\r\n{_BODY}",
    "a chunk that is cut": f"{_HEAD}Transfer-Encoding: chunked\r\n\r\n20\r\n{{",
    "a second request that is cut": f"{_WHOLE}{_HEAD}",
    "a refused one whose body never comes": _HEAD.replace(_TOKEN, "wrong")
    + "Content-Length: 100\r\n\r\n",
}


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep no idle connection for longer than a moment; set up before `port`."""
    monkeypatch.setattr(serve, "_KEEP_ALIVE_SECONDS", 0.05)


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Serve in this process, with deadlines of a moment; the port."""
    monkeypatch.setattr(Connection, "head_seconds", 0.05)
    monkeypatch.setattr(Connection, "request_seconds", 0.1)
    with listen(0) as listener, closing(_Anywhere(tmp_path / "memories.sqlite3")) as store:
        server = Server(config(build(store, _TOKEN)))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


class _Anywhere(Store):
    """A store whose one thread is not that of the test."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.close()
        self._path = path
        self._own = threading.local()

    def save(self, *arrivals: Arrival) -> list[int]:
        """Open it anew in the thread that uses it."""
        with closing(Store(self._path)) as store:
            return store.save(*arrivals)


def _answer(connection: socket.socket) -> bytes:
    """Read one whole answer, in however many pieces it comes."""
    answer = b""
    while not answer.endswith(b"}") and (more := connection.recv(4096)):
        answer += more
    return answer


def _connected(port: int, sent: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.sendall(sent.encode())
    return connection


def _rest(connection: socket.socket) -> bytes:
    """Read until the server hangs up."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(4096):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("half", _HALVES.values(), ids=_HALVES)
def test_a_request_that_does_not_end_is_cut(port: int, half: str) -> None:
    """Head or body that do not come in time end the connection, with a 408 if nothing was said."""
    with _connected(port, half) as connection:
        answer = _rest(connection)
    if "wrong" in half:
        assert answer.split()[1] == b"401"
    else:
        assert answer.count(b"HTTP/1.1 408 Request Timeout") == 1
        assert answer.endswith(b'{"detail":"The request did not come in time."}')


@needs.RESETS
@pytest.mark.parametrize("begin", ["POST /memory HTTP/1.1\r\nX: ", _HALVES["a body that is cut"]])
def test_a_slow_drip_does_not_put_it_off(port: int, begin: str) -> None:
    """Bytes that come one by one, for ever, do not make the deadline a later one."""
    with _connected(port, begin) as connection:
        connection.settimeout(0.005)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while True:
                connection.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    answer = connection.recv(4096)
                    break
    assert answer.startswith(b"HTTP/1.1 408")


def test_an_idle_connection_stays(port: int) -> None:
    """Between two requests there is no such deadline, nor before the first."""
    with _connected(port, _WHOLE) as used, _connected(port, "") as unused:
        assert b"200 OK" in _answer(used)
        with _connected(port, _HALVES["a body that never comes"]) as slow:
            _rest(slow)  # longer than any deadline
        for each in (used, unused):
            each.sendall(_WHOLE.encode())
            assert b"200 OK" in _answer(each)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("sent", ["", _WHOLE], ids=["silent", "idle"])
def test_but_not_for_ever(port: int, sent: str) -> None:
    """One that never says anything is closed when uvicorn's keep-alive is over, as an idle one."""
    with _connected(port, sent) as connection:
        answer = _rest(connection)
    assert bool(answer) == bool(sent)
    assert not Connection.waiting


@pytest.mark.row(43)
def test_many_that_do_not_end_keep_nobody_out(port: int) -> None:
    """While 150 requests are half sent another is answered; then all of them are cut."""
    halves = list(_HALVES.values())
    with ExitStack() as stack:
        slow = [
            stack.enter_context(_connected(port, halves[number % len(halves)]))
            for number in range(150)
        ]
        with _connected(port, _LAST) as connection:
            assert b"200 OK" in _rest(connection)  # and the server has let go of it
        for each in slow:
            _rest(each)
    assert not Connection.waiting
