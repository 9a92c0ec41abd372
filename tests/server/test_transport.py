"""The exchange over the network: nasty answers and deadlines."""

import errno
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty

import httpcore
import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.server.model import MAX_ANSWER, Fault, Reply
from mem0tray.server.transport import Transport, why
from tests.server.calls import (
    LONG,
    MEMORY,
    SHORT,
    SOON,
    client,
    client_of,
    cut_after_body,
    deaf,
    drip_body,
    drip_head,
    drip_interim,
    post,
    reply_of,
    silent,
    stuck_resolver,
)
from tests.server.wire import (
    DELIVERED,
    PATIENCE,
    Connection,
    Handler,
    Wire,
    answering,
    once,
    render,
)
from tests.support import needs
from tests.support.variants import variants


@pytest.mark.parametrize("body", [b"text", bytes(range(256)) * 40_000], ids=["small", "large"])
def test_the_request_arrives_as_it_was_given(body: bytes) -> None:
    with Wire(answering(DELIVERED)) as server, client(f"{server.url}/base/") as transport:
        transport.exchange("POST", "/a%2Fb?c=%00", [(b"X-Thing", b"7")], body, LONG)
        (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/base/a%2Fb?c=%00", body)
    host = f"127.0.0.1:{server.port}"
    assert request.headers == {"x-thing": "7", "content-length": str(len(body)), "host": host}


@pytest.mark.parametrize(
    "handler", [once(DELIVERED), answering(render(body={"success": True}, Connection="close"))]
)
def test_a_connection_that_is_closed_or_to_be_closed_is_not_used_again(handler: Handler) -> None:
    with Wire(handler) as server, client(server.url) as transport:
        for _ in range(3):
            server.finished.clear()
            assert post(transport).status == 200
            assert server.finished.wait(PATIENCE)
        assert server.connections == 3


@pytest.mark.parametrize(("idle", "connections"), [(3.9, 1), (4.1, 2)])
def test_an_idle_connection_ends_before_the_server_hangs_up(
    idle: float, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        post(transport)
        monkeypatch.setattr(time, "monotonic", lambda: now + idle)
        post(transport)
        assert server.connections == connections


def test_an_answer_in_chunks_keeps_the_connection() -> None:
    head = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b'8\r\n{"succes\r\n8\r\ns":true}\r\n0\r\n\r\n'
    with Wire(answering(head + chunks)) as server, client(server.url) as transport:
        assert [post(transport).body for _ in range(2)] == [b'{"success":true}'] * 2
        assert server.connections == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_what_follows_an_answer_is_not_the_answer_to_the_next_request(*, chunked: bool) -> None:
    first = b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    first = first if chunked else render(500, {})
    smuggling = answering(first + DELIVERED, render(500, {}))
    with Wire(smuggling) as server, client(server.url) as transport:
        assert [post(transport).status for _ in range(3)] == [500] * 3
        assert server.connections == 3


def test_what_cannot_be_reached_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with client(f"http://127.0.0.1:{unused.getsockname()[1]}") as transport:
            reply = post(transport)
    assert (reply.status, reply.fault) == (None, Fault.UNREACHABLE)
    assert str(reply.detail) == "connection refused"


def test_a_resolver_that_hangs_does_not_hold_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with stuck_resolver(monkeypatch), client("http://mem0.test") as transport:
        assert post(transport, SHORT).fault is Fault.UNREACHABLE
        asking = [one for one in threading.enumerate() if one.name == "mem0tray-connect"]
        assert [one.daemon for one in asking] == [True]  # the program's end does not wait for it


@pytest.mark.row(37)
@pytest.mark.parametrize("host", ["[::1]", "127.0.0.2", "[::ffff:127.0.0.2]"])
def test_an_address_is_no_other_of_this_computer(host: str) -> None:
    with Wire(answering(DELIVERED)) as server, client(f"http://{host}:{server.port}") as transport:
        assert post(transport).fault is Fault.UNREACHABLE
        assert server.connections == 0


def cut_in_body(connection: Connection) -> None:
    connection.socket.recv(10)
    connection.reset()


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (cut_in_body, None),
        (cut_after_body, None),
        (once(b""), None),
        (once(b"HTTP/1.1 200 OK\r\nContent-Le"), None),
        (once(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), 200),
        (once(b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), 503),
    ],
    ids=["reset in body", "reset after body", "hung up", "half a head", "half a body", "chunk"],
)
def test_a_connection_that_breaks_off_is_lost(handler: Handler, status: int | None) -> None:
    reply = reply_of(handler, body=b"x" * 3_000_000)
    assert (reply.fault, reply.status) == (Fault.LOST, status)


@pytest.mark.parametrize(
    "handler", variants([silent, drip_body, deaf, drip_head, drip_interim], quick=2)
)
def test_the_deadline_covers_the_whole_exchange(handler: Handler) -> None:
    reply = reply_of(handler, 1.0, b"x" * 12_000_000)  # or the server would never let it go
    assert reply.fault is Fault.TIMED_OUT
    assert reply.duration >= 1.0


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"\x00\xff\x15\x03\r\n\r\n", b"HTTP/1.1 nine\r\n\r\n"],
)
def test_what_is_not_http_is_told_apart(answer: bytes) -> None:
    def handle(connection: Connection) -> None:
        connection.request()
        connection.send(answer)
        connection.hang()

    assert reply_of(handle).fault is Fault.NOT_HTTP


def endless(start: bytes, more: bytes) -> Handler:
    def handle(connection: Connection) -> None:
        connection.request()
        connection.send(start)
        while connection.send(more):
            pass

    return handle


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("handler", "fault"),
    variants(
        [
            (endless(HEAD + b"\r\n", b" " * 9999), Fault.TOO_LONG),
            (endless(HEAD, b"A: b\r\n" * 999), Fault.NOT_HTTP),
            (endless(HEAD + b"Content-Length: 99999999\r\n\r\n", b" " * 9999), Fault.TOO_LONG),
            (
                endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 999),
                Fault.TOO_LONG,
            ),
            (endless(b"HTTP/1.1 103 X\r\n\r\n", b"HTTP/1.1 103 X\r\n\r\n" * 999), Fault.TOO_LONG),
        ],
        quick=2,
    ),
    ids=["unframed", "head", "length", "chunks", "interim answers"],
)
def test_an_endless_answer_is_given_up(handler: Handler, fault: Fault) -> None:
    reply = reply_of(handler)
    assert reply.fault is fault
    assert len(reply.body) < 2 * MAX_ANSWER
    assert bool(reply.body) is (reply.status is not None)


def refuse(connection: Connection, *, stays: bool) -> None:
    connection.socket.recv(100)
    connection.send(render(413, {"detail": "too large"}))
    if stays:
        connection.socket.shutdown(socket.SHUT_WR)
        connection.hang()


@pytest.mark.parametrize(
    ("stays", "size"),
    [
        (True, 3_000_000),
        pytest.param(False, 12_000_000, marks=needs.linux("others drop the answer at a reset")),
    ],
)
def test_an_early_refusal_is_read_although_the_body_was_not_taken(
    *, stays: bool, size: int
) -> None:
    assert reply_of(partial(refuse, stays=stays), body=b"x" * size).status == 413


TOKEN = "s3cr3t-t0ken"  # noqa: S105 - none


def proof(challenge: str) -> str:
    return f"proof of {challenge}"


def proving(answer: Callable[[str], object]) -> Handler:
    """Answer the challenge with what `answer` makes of it, and whatever comes then; hang up."""

    def handle(connection: Connection) -> None:
        request = connection.request()
        assert request is not None
        challenge = request.target.partition("/health?challenge=")[2]
        connection.send(render(200, answer(challenge)))
        if connection.request() is not None:
            connection.send(DELIVERED)

    return handle


def test_a_server_that_proves_itself_is_sent_the_memory() -> None:
    with Wire(proving(lambda challenge: {"proof": proof(challenge)})) as server:
        with client_of(server, TOKEN, proof=proof) as client:
            for _ in range(2):
                server.finished.clear()
                assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
                assert server.finished.wait(PATIENCE)
        asked = server.requests[::2]
        saved = server.requests[1::2]
    assert [request.method for request in asked] == ["GET"] * 2
    assert len({request.target for request in asked}) == 2
    assert all(len(request.target) == len("/health?challenge=") + 32 for request in asked)
    assert [request.headers for request in asked] == [{"host": f"127.0.0.1:{server.port}"}] * 2
    assert [(request.method, request.target) for request in saved] == [("POST", "/memory")] * 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: {"proof": proof("another")},
        lambda _: {"ok": True},
        lambda _: json.dumps({"proof": "\u00e9"}).encode(),
        lambda _: b" " * 1_200_000,
    ],
    ids=["another's", "none", "no ASCII", "too much"],
)
def test_a_server_that_cannot_prove_itself_gets_nothing(answer: Callable[[str], object]) -> None:
    with Wire(proving(answer)) as server:
        with client_of(server, TOKEN, proof=proof) as client:
            outcome = client.save(MEMORY, LONG)
        assert server.finished.wait(PATIENCE)
        (request,) = server.requests
    assert outcome.kind is Kind.OUTAGE
    assert not outcome.may_have_it
    assert outcome.message == "another program has taken the server's place"
    assert "authorization" not in request.headers


def aborted(transport: Transport, begun: threading.Event) -> Reply:
    """Start a call in a thread, abort it once that has `begun`, and return its reply."""
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(post(transport)))
    thread.start()
    assert begun.wait(PATIENCE)
    for _ in range(round(SOON / 0.05)):
        transport.abort()
        thread.join(0.05)
        if not thread.is_alive():
            return replies[0]
    raise AssertionError(f"The call goes on, {SOON} s after it was aborted.")


@pytest.mark.parametrize("handler", [silent, drip_head, drip_body, drip_interim])
def test_abort_ends_the_wait_for_an_answer(handler: Handler) -> None:
    with Wire(handler) as server, client(server.url) as transport:
        assert aborted(transport, server.asked).fault is Fault.LOST


def test_abort_ends_the_look_up_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with stuck_resolver(monkeypatch) as begun, client("http://mem0.test") as transport:
        reply = aborted(transport, begun)
    assert (reply.fault, str(reply.detail)) == (Fault.UNREACHABLE, "stopped")


def test_an_abort_between_calls_does_not_touch_the_next_one() -> None:
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        for _ in range(3):
            assert post(transport).status == 200
            transport.abort()


IN_TIME = "no connection in time"
LOST = "the connection was lost before anything was sent"
NO_NAME = "the name of the host cannot be resolved"


def untrusted(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")
    error.verify_code, error.verify_message = 1, message
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
        (UnicodeError("label too long"), NO_NAME),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Refused"), "connection refused"),
        (TimeoutError(), IN_TIME),
        (Empty(), IN_TIME),
        (ConnectionResetError(errno.ECONNRESET, "Reset"), LOST),
        (httpcore.RemoteProtocolError("Server disconnected."), LOST),
        (httpcore.ProxyError("407\nPassword"), "the proxy answered 407 Password"),
        (untrusted("self-signed\nit is"), "the certificate cannot be trusted: self-signed it is"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), LOST),
        (tls("WRONG_VERSION_NUMBER"), "the server there does not speak TLS"),
        (tls("RECORD_LAYER_FAILURE"), "the server there does not speak TLS"),
        (tls("SOME_OTHER"), "some other"),
        (OSError(errno.ENETDOWN, "Network is down"), "Network is down"),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), "Network is unreachable"),
        (
            httpcore.LocalProtocolError("a header"),
            "the request cannot be made (LocalProtocolError)",
        ),
    ],
)
def test_each_error_has_its_words(error: Exception, words: str) -> None:
    assert str(why(error)) == words
