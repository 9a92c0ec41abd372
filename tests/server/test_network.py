"""The network below httpx: what it sends when, and how long it waits."""

import errno
import os
import queue
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from queue import Empty
from time import monotonic
from typing import Any

import httpcore
import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.server.transport import Network, why
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
    tried: list[tuple[tuple[str, int], float]] = []

    def refuse(address: tuple[str, int], timeout: float, **_: object) -> None:
        tried.append((address, timeout))
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with network(url) as made, pytest.raises(ConnectionRefusedError):
        made.connect_tcp(host, 9)
    assert tried == [((host, 9), seconds)]


def test_a_connection_that_comes_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
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
    waits: list[float | None] = []

    def wrap(_: object, sock: socket.socket, **__: object) -> Any:
        waits.append(sock.gettimeout())
        raise TimeoutError

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wrap)
    with connected() as (made, _), pytest.raises(Mem0TrayError) as raised:
        made.start_tls(ssl.create_default_context(), "mem0.test")
    assert waits == [15.0]
    assert str(raised.value) == "TLS failed: no connection in time"


def test_a_request_leaves_as_one_packet_unless_it_is_large() -> None:
    with connected() as (made, other):
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PACKET * 4)
        made._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PACKET * 4)
        sent = []
        for piece in (b"head ", b"body", b""):
            made.write(piece)
            sent.append(made.sent)
        assert other.recv(100) == b"head body"
        made.begin(monotonic() + LONG)
        for piece in (bytes(PACKET - 1), b"x"):
            made.write(piece)
            sent.append(made.sent)
    assert sent == [False, False, True, False, True]


IN_TIME = "no connection in time"
LOST = "the connection was lost before anything was sent"
NO_NAME = "the name of the host cannot be resolved"


def untrusted(message: str, code: int = 1) -> ssl.SSLCertVerificationError:
    """Make the error of a certificate, with OpenSSL's code and words."""
    error = ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")
    error.verify_code, error.verify_message = code, message
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "[SSL]")
    error.reason = reason
    return error


@needs.ERRORS
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Mem0TrayError(Reason("stopped")), "stopped"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), NO_NAME),
        ("a" * 64 + ".test", NO_NAME),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Refused"), "connection refused"),
        (TimeoutError(), IN_TIME),
        (Empty(), IN_TIME),
        (ConnectionResetError(errno.ECONNRESET, "Reset"), LOST),
        (httpcore.RemoteProtocolError("Server disconnected."), LOST),
        (httpcore.ProxyError("407\nPassword"), "the proxy answered 407 Password"),
        (untrusted("self-signed\nit is"), "the certificate cannot be trusted: self-signed it is"),
        (
            untrusted("certificate has expired", 10),
            "the certificate cannot be trusted: it has expired",
        ),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), LOST),
        (tls("WRONG_VERSION_NUMBER"), "the server there does not speak TLS"),
        (tls("RECORD_LAYER_FAILURE"), "the server there does not speak TLS"),
        (tls("SOME_OTHER"), "some other"),
        (OSError(errno.ENETDOWN, "Network is down"), "Network is down"),
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), "No route to host"),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), "Network is unreachable"),
        (
            httpcore.LocalProtocolError("a header"),
            "the request cannot be made (LocalProtocolError)",
        ),
    ],
)
def test_each_error_has_its_words(error: Exception | str, words: str) -> None:
    if isinstance(error, str):  # a name that cannot be one
        with pytest.raises(UnicodeError) as raised:
            error.encode("idna")
        error = raised.value
    assert str(why(error)) == words
