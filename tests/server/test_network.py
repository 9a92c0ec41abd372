"""The network below httpx: what it sends when, and how long it waits."""

import queue
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import Any

import httpcore
import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.server import ServerAddress
from mem0tray.server.network import Network
from tests.server.calls import LONG
from tests.server.wire import PATIENCE
from tests.support import needs

PACKET = 1 << 20


@contextmanager
def network(url: str) -> Iterator[Network]:
    """Make one that has nothing to prove, begin a request, and close it."""
    with closing(Network(ServerAddress.of(url), None)) as made:
        made.begin(monotonic() + LONG)
        yield made


@contextmanager
def connected() -> Iterator[tuple[Network, socket.socket]]:
    """Connect one, and hold the server's end in hand."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with network(f"http://127.0.0.1:{port}") as made:
            made.connect_tcp("127.0.0.1", port)
            other, _ = listener.accept()
            other.settimeout(PATIENCE)
            with other:
                yield made, other


@pytest.mark.parametrize(
    ("url", "host", "seconds"),
    [
        ("http://127.0.0.1:9", "127.0.0.1", 0.5),
        ("http://mem0.test:9", "mem0.test", 7.5),
        ("http://mem0.test:9", "proxy.test", 7.5),
    ],
    ids=["here", "elsewhere", "proxy"],
)
def test_a_connection_has_its_time(
    url: str, host: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting takes fifteen seconds, here one, of which each address has half."""
    tried: list[tuple[tuple[str, int], float]] = []

    def refuse(address: tuple[str, int], timeout: float, **_: object) -> None:
        tried.append((address, timeout))
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with network(url) as made, pytest.raises(ConnectionRefusedError):
        made.connect_tcp(host, 9)
    assert tried == [((host, 9), seconds)]


def test_each_address_of_this_computer_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is both addresses of this computer, and the first one's error counts."""
    errors = [ConnectionRefusedError(), OSError(101, "Network is unreachable")]
    tried: list[str] = []

    def fail(address: tuple[str, int], *_: object, **__: object) -> None:
        tried.append(address[0])
        raise errors[len(tried) - 1]

    monkeypatch.setattr(socket, "create_connection", fail)
    with network("http://localhost:9") as made, pytest.raises(ConnectionRefusedError):
        made.connect_tcp("localhost", 9)
    assert tried == ["127.0.0.1", "::1"]


def test_without_time_left_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose deadline is over connects nowhere."""
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("tried"))
    with network("http://127.0.0.1:9") as made:
        made.begin(monotonic())
        with pytest.raises(TimeoutError):
            made.connect_tcp("127.0.0.1", 9)


def test_a_connection_that_comes_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody waits any more for a slow resolver, what comes is closed with the client."""
    real, over = socket.create_connection, threading.Event()

    def slow(_: object, *__: object, **___: object) -> socket.socket:
        assert over.wait(PATIENCE)
        return real(listener.getsockname())

    monkeypatch.setattr(socket, "create_connection", slow)
    with socket.create_server(("127.0.0.1", 0)) as listener, network("http://mem0.test") as made:
        made.begin(monotonic() + 0.1)
        with pytest.raises(queue.Empty):
            made.connect_tcp("mem0.test", 80)
        (slow_one,) = [one for one in threading.enumerate() if one.name == "mem0tray-connect"]
        made.close()
        over.set()
        other, _ = listener.accept()
        slow_one.join(PATIENCE)
        made.close()
        other.settimeout(PATIENCE)
        with other:
            assert other.recv(1) == b""


def test_tls_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypting takes fifteen seconds at most, and what fails in it says so."""
    waits: list[float | None] = []

    def wrap(_: object, sock: socket.socket, **__: object) -> Any:
        waits.append(sock.gettimeout())
        raise TimeoutError

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with connected() as (made, _), pytest.raises(Mem0TrayError) as raised:
        made.start_tls(ssl.create_default_context(), "mem0.test")
    assert waits == [15.0]
    assert str(raised.value) == "TLS failed: no connection in time"


def test_head_and_body_leave_together() -> None:
    """Nothing leaves before the request has ended, so that it is one packet."""
    with connected() as (made, other):
        sent = []
        for piece in (b"head ", b"body", b""):
            made.write(piece)
            sent.append(made.sent)
        assert sent == [False, False, True]
        assert other.recv(100) == b"head body"


def test_a_large_body_leaves_as_it_comes() -> None:
    """A megabyte is not kept back."""
    with connected() as (made, other):
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PACKET * 4)
        made._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PACKET * 4)
        sent = []
        for piece in (bytes(PACKET - 1), b"x"):
            made.write(piece)
            sent.append(made.sent)
    assert sent == [False, True]


def test_an_answer_has_room_for_a_megabyte_and_no_more() -> None:
    """What comes in is kept as it came, and what is too long ends the request."""
    with connected() as (made, other):
        other.sendall(b"abc")
        assert made.read(3) == b"abc"
        assert made.raw == b"abc"
        made.raw += bytes(1_000_000 - 4)
        other.sendall(b"de")
        assert made.read(1) == b"d"
        with pytest.raises(httpcore.ReadError):
            made.read(1)
        made.begin(monotonic() + LONG)
        assert made.raw == b""
        assert not made.sent


def test_an_answer_is_that_to_the_last_request() -> None:
    """What came before a request has gone out does not count for it."""
    with connected() as (made, other):
        other.sendall(b"a")
        made.read(1)
        made.write(b"x")
        made.write(b"")
        other.sendall(b"b")
        made.read(1)
        assert made.raw == b"b"


@needs.posix("a wait is taken in pieces, to see whether it was cut")
@pytest.mark.parametrize(
    ("left", "waits"),
    [(60.0, 60.0), (59.96, 60.0), (59.94, 59.95), (0.01, 0.05)],
)
def test_a_wait_ends_with_the_deadline_or_just_after(
    left: float, waits: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is rounded up to a twentieth of a second, for sending and for reading."""
    with connected() as (made, other):
        monkeypatch.setattr("mem0tray.server.network.monotonic", lambda: 100.0)
        made.begin(100.0 + left)
        made.write(b"x")
        made.write(b"")
        found = [made._sock.gettimeout()]
        other.sendall(b"a")
        made._sock.settimeout(9.0)
        made.read(9)
        assert [*found, made._sock.gettimeout()] == [waits, waits]


def test_a_farewell_is_noticed() -> None:
    """Whether the other side has hung up shows where it is read, and is forgotten."""
    with connected() as (made, other):
        other.sendall(b"a")
        made.read(9)
        hung_up = [made.hung_up]
        other.shutdown(socket.SHUT_WR)
        assert made.read(9) == b""
        hung_up.append(made.hung_up)
        made.begin(monotonic() + LONG)
        assert [*hung_up, made.hung_up] == [False, True, False]


def test_whether_an_idle_connection_was_hung_up_can_be_asked() -> None:
    """It can be read then, and is not encrypted here."""
    with connected() as (made, other):
        assert made.get_extra_info("is_readable") is False
        other.close()
        assert made._sock.recv(1, socket.MSG_PEEK) == b""  # the farewell has come
        assert made.get_extra_info("is_readable") is True
        assert made.get_extra_info("ssl_object") is None


def test_what_could_not_leave_is_not_sent_with_the_next_request() -> None:
    """A request begins with nothing of the one before."""
    with connected() as (made, other):
        made.write(b"old")
        made.begin(monotonic() + LONG)
        made.write(b"new")
        made.write(b"")
        assert other.recv(100) == b"new"


def test_an_abort_holds_until_the_next_request() -> None:
    """It is known that a request was cut, and not of the next one."""
    with connected() as (made, _):
        cut = [made.cut]
        made.abort()
        cut.append(made.cut)
        made.begin(1.0)
        assert [*cut, made.cut] == [False, True, False]


def test_a_closed_connection_is_cut_no_more() -> None:
    """An abort after the end touches nothing, and closing twice is closing once."""
    with connected() as (made, other):
        made.close()
        made.close()
        made.abort()
        assert other.recv(1) == b""
