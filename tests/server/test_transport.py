"""The exchange over the network: nasty answers and deadlines."""

import gzip
import io
import socket
import threading
import time
from typing import Any

import pytest

from mem0tray.server.model import MAX_ANSWER, Fault
from mem0tray.server.transport import _url
from tests.server.calls import (
    LONG,
    SHORT,
    client,
    cut_after_body,
    deaf,
    drip_body,
    drip_head,
    drip_interim,
    full_listener,
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
    in_turn,
    once,
    render,
)
from tests.support import needs
from tests.support.variants import variants

# What goes out ----------------------------------------------------------------------------------


def test_requests_share_one_connection() -> None:
    """One connection serves one request after the other."""
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        assert [post(transport).status for _ in range(5)] == [200] * 5
        assert server.connections == 1


def test_the_request_arrives_as_it_was_given() -> None:
    """Path below the prefix, headers, host, length and body are what the server sees."""
    with Wire(answering(DELIVERED)) as server, client(f"{server.url}/base/") as transport:
        transport.exchange("POST", "/a%2Fb?c=%00", [(b"X-Thing", b"7")], b"text", LONG)
        (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/base/a%2Fb?c=%00")
    assert request.body == b"text"
    expected = {"x-thing": "7", "content-length": "4", "host": f"127.0.0.1:{server.port}"}
    assert request.headers == expected


def test_a_large_request_arrives_whole() -> None:
    """A body that fills every buffer is sent completely."""
    body = bytes(range(256)) * 40_000
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        assert post(transport, body=body).status == 200
        assert server.requests[0].body == body


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    """A server that hangs up after its answer gets the next request on a new connection."""
    with Wire(once(DELIVERED)) as server, client(server.url) as transport:
        for _ in range(3):
            server.finished.clear()
            assert post(transport).status == 200
            assert server.finished.wait(PATIENCE)
        assert server.connections == 3


def test_a_connection_that_is_to_be_closed_is_not_used_again() -> None:
    """A server that says so, and leaves the hanging up to us, gets a connection each time."""
    leaving = answering(render(body={"success": True}, Connection="close"))
    with Wire(leaving) as server, client(server.url) as transport:
        assert [post(transport).status for _ in range(3)] == [200] * 3
        assert server.connections == 3


@pytest.mark.parametrize(("idle", "connections"), [(3.9, 1), (4.1, 2)])
def test_an_idle_connection_ends_before_the_server_hangs_up(
    idle: float, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uvicorn hangs up after five seconds; after four a request takes another connection."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        post(transport)
        monkeypatch.setattr(time, "monotonic", lambda: now + idle)
        post(transport)
        assert server.connections == connections


def test_few_addresses_are_remembered() -> None:
    """Those of listings are as many as there are projects."""
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        for number in range(10):
            transport.exchange("GET", f"/{number}", (), None, LONG)
    assert _url.cache_info().currsize == 8


def test_an_answer_in_chunks_keeps_the_connection() -> None:
    """An answer in chunks is read whole, and its connection serves the next request."""
    head = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b'8\r\n{"succes\r\n8\r\ns":true}\r\n0\r\n\r\n'
    with Wire(answering(head + chunks)) as server, client(server.url) as transport:
        assert [post(transport).body for _ in range(2)] == [b'{"success":true}'] * 2
        assert server.connections == 1


@pytest.mark.parametrize("chunked", [False, True])
def test_what_follows_an_answer_is_not_the_answer_to_the_next_request(*, chunked: bool) -> None:
    """Surplus bytes behind an answer end the connection instead of passing for a delivery."""
    first = b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    first = first if chunked else render(500, {})
    smuggling = answering(first + DELIVERED, render(500, {}))
    with Wire(smuggling) as server, client(server.url) as transport:
        assert [post(transport).status for _ in range(3)] == [500] * 3
        assert server.connections == 3


# Nothing was sent -------------------------------------------------------------------------------


def test_refused_is_unreachable() -> None:
    """A port where nobody listens: nothing was sent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with client(f"http://127.0.0.1:{unused.getsockname()[1]}") as transport:
            reply = post(transport)
    assert (reply.fault, str(reply.detail)) == (Fault.UNREACHABLE, "connection refused")
    assert reply.status is None


def test_a_name_that_cannot_be_resolved_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that nobody knows: nothing was sent."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with client("http://mem0.test") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert "resolved" in str(reply.detail)


def test_a_resolver_that_hangs_does_not_hold_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds while a name is looked up."""
    with stuck_resolver(monkeypatch), client("http://mem0.test") as transport:
        assert post(transport, SHORT).fault is Fault.UNREACHABLE
        asking = [one for one in threading.enumerate() if one.name == "mem0tray-connect"]
        assert [one.daemon for one in asking] == [True]  # the program's end does not wait for it


@needs.linux("others treat a full backlog otherwise")
def test_a_connection_that_is_never_made_is_unreachable() -> None:
    """The deadline holds while connecting, and nothing was sent."""
    with full_listener() as port, client(f"http://127.0.0.1:{port}") as transport:
        reply = post(transport, SHORT)
    assert (reply.fault, str(reply.detail)) == (Fault.UNREACHABLE, "no connection in time")


@pytest.mark.row(37)
@pytest.mark.parametrize("host", ["[::1]", "127.0.0.2", "[::ffff:127.0.0.2]"])
def test_an_address_is_no_other_of_this_computer(host: str) -> None:
    """Where one address is named, nobody who listens at another one is sent anything."""
    with Wire(answering(DELIVERED)) as server, client(f"http://{host}:{server.port}") as transport:
        assert post(transport).fault is Fault.UNREACHABLE
        assert server.connections == 0


@pytest.mark.parametrize("host", ["localhost", "mem0.localhost"])
def test_names_of_this_computer_need_no_resolver(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`localhost` is this computer, whatever a resolver would say."""
    real = socket.getaddrinfo

    def literal_only(name: str, *args: Any, **more: Any) -> Any:
        assert name in ("127.0.0.1", "::1")
        return real(name, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", literal_only)
    with Wire(answering(DELIVERED)) as server, client(f"http://{host}:{server.port}") as transport:
        assert post(transport).status == 200


# Lost, late, wrong ------------------------------------------------------------------------------


def cut_in_body(connection: Connection) -> None:
    """Read the head of a request, not its body, and reset."""
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
    """Once something was sent, a connection that ends too soon is lost, with the status so far."""
    reply = reply_of(handler, body=b"x" * 3_000_000)
    assert (reply.fault, reply.status) == (Fault.LOST, status)


@pytest.mark.parametrize(
    "handler", variants([silent, drip_body, deaf, drip_head, drip_interim], quick=2)
)
def test_the_deadline_covers_the_whole_exchange(handler: Handler) -> None:
    """Neither silence nor a slow drip of head or body outlasts the time-out."""
    reply = reply_of(handler, 1.0, b"x" * 12_000_000)  # or the server would never let it go
    assert reply.fault is Fault.TIMED_OUT
    assert reply.duration >= 1.0


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"\x00\xff\x15\x03\r\n\r\n", b"HTTP/1.1 nine\r\n\r\n"],
)
def test_what_is_not_http_is_told_apart(answer: bytes) -> None:
    """A complete answer in another protocol is no lost connection."""

    def handle(connection: Connection) -> None:
        connection.request()
        connection.send(answer)
        connection.hang()

    assert reply_of(handle).fault is Fault.NOT_HTTP


def endless(start: bytes, more: bytes) -> Handler:
    """Answer without an end, as fast as the client reads."""

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
            (
                endless(b"HTTP/1.1 103 X\r\n\r\n", b"HTTP/1.1 103 X\r\n\r\n" * 999),
                Fault.TOO_LONG,
            ),
        ],
        quick=2,
    ),
    ids=["unframed", "head", "length", "chunks", "interim answers"],
)
def test_an_endless_answer_is_given_up(handler: Handler, fault: Fault) -> None:
    """No part of an answer can go on for ever; what has come of its body by then is kept."""
    reply = reply_of(handler)
    assert reply.fault is fault
    assert len(reply.body) < 2 * MAX_ANSWER
    assert bool(reply.body) is (reply.status is not None)


def test_an_answer_of_almost_a_megabyte_is_read() -> None:
    """The bound leaves room for long listings."""
    body = b" " * (MAX_ANSWER - 1000)
    assert reply_of(answering(render(200, body))).body == body


def test_a_compressed_answer_is_not_unpacked() -> None:
    """A gzip bomb stays as small as it came."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(b" " * 50_000_000)
    bomb = packed.getvalue()
    reply = reply_of(answering(render(200, bomb, Content_Encoding="gzip")))
    assert (reply.fault, len(reply.body)) == (None, len(bomb))


def test_a_wrong_length_does_not_spoil_the_next_answer() -> None:
    """A body longer than its Content-Length is cut, and the rest is thrown away."""
    wrong = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{"success":true}'
    with Wire(answering(wrong, DELIVERED)) as server, client(server.url) as transport:
        assert [post(transport).body for _ in range(2)] == [b'{"su', b'{"su']
        assert server.connections == 2


def test_an_early_refusal_is_read_although_the_body_was_not_taken() -> None:
    """A server that answers and hangs up before it has read the body is heard."""

    def refuse(connection: Connection) -> None:
        connection.socket.recv(100)
        connection.send(render(413, {"detail": "too large"}))
        connection.socket.shutdown(socket.SHUT_WR)
        connection.hang()

    assert reply_of(refuse, body=b"x" * 3_000_000).status == 413


@needs.linux("others drop the answer at a reset")
def test_an_early_refusal_is_read_although_the_connection_was_reset() -> None:
    """An answer is read that came before sending failed."""

    def refuse(connection: Connection) -> None:
        connection.socket.recv(100)
        connection.send(render(413, {"detail": "too large"}))

    assert reply_of(refuse, body=b"x" * 12_000_000).status == 413


def test_after_trouble_the_next_exchange_starts_afresh() -> None:
    """A call that failed leaves nothing behind for the next one."""
    half = once(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    with Wire(in_turn(half, answering(DELIVERED))) as server, client(server.url) as transport:
        assert [post(transport).fault for _ in range(2)] == [Fault.LOST, None]
