"""What a short command speaks to the embedded server by: the promises of every exchange."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from subprocess import run

import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.server.loopback import Loopback
from mem0tray.server.model import Fault, Reply
from tests.server.calls import LONG, SHORT, SOON, drip_body, drip_head, post
from tests.server.wire import DELIVERED, Connection, Handler, Wire, render


def proof(challenge: str) -> str:
    """Answer as only the right server can."""
    return f"proof of {challenge}"


def proven(handler: Handler) -> Handler:
    """Prove it, and then do `handler`."""

    def handle(connection: Connection) -> None:
        request = connection.request()
        assert request is not None
        connection.send(render(200, {"proof": proof(request.target.partition("=")[2])}))
        handler(connection)

    return handle


@contextmanager
def loopback(url: str) -> Iterator[Loopback]:
    """Make one and close it."""
    with closing(Loopback(ServerAddress.of(url), proof)) as made:
        yield made


def reply_of(handler: Handler, timeout: float = LONG) -> Reply:
    """Send one request to a server that proves itself and does `handler`."""
    with Wire(proven(handler)) as server, loopback(server.url) as exchange:
        return post(exchange, timeout)


def delivering(connection: Connection) -> None:
    """Answer whatever comes."""
    while connection.request() is not None:
        connection.send(DELIVERED)


def test_requests_share_one_connection() -> None:
    """It is opened and proved once, and a request arrives as it was given."""
    with Wire(proven(delivering)) as server, loopback(server.url) as exchange:
        replies = [post(exchange) for _ in range(3)]
        headers = [(b"X-Odd", b"\xe9"), (b"Content-Length", b"4")]
        replies.append(exchange.exchange("POST", "/pieces?a=1", headers, [b"ab", b"cd"], LONG))
        *_, first, last = server.requests
        assert server.connections == 1
    assert [(reply.status, reply.fault) for reply in replies] == [(200, None)] * 4
    assert json.loads(replies[0].body) == {"success": True}
    assert (first.method, first.target, first.body) == ("POST", "/memory", b"{}")
    assert (last.target, last.body, last.headers["x-odd"]) == ("/pieces?a=1", b"abcd", "\xe9")


def test_names_of_headers_are_in_lower_case() -> None:
    """As those who read an answer look for them."""
    reply = reply_of(lambda connection: answered(connection, b"Retry-After: 7\r\n"))
    assert reply.headers["retry-after"] == "7"


def answered(connection: Connection, head: bytes) -> None:
    """Answer one request with these headers."""
    connection.request()
    connection.send(b"HTTP/1.1 429 Slow\r\n" + head + b"Content-Length: 0\r\n\r\n")


def broken_off(connection: Connection) -> None:
    """Hang up in the middle of an answer."""
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


def hung_up(connection: Connection) -> None:
    """Hang up without an answer."""
    connection.request()


def garbage(connection: Connection) -> None:
    """Answer something else."""
    connection.request()
    connection.send(b"220 mail.example ESMTP\r\n\r\n")


def endless(connection: Connection) -> None:
    """Answer more than anybody wants."""
    connection.request()
    connection.send(render(200, b" " * 1_200_000))


def endless_head(connection: Connection) -> None:
    """Never come to the body."""
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300_000)


@pytest.mark.parametrize(
    ("handler", "faults"),
    [
        (broken_off, {Fault.LOST}),
        (hung_up, {Fault.LOST}),
        (garbage, {Fault.NOT_HTTP}),
        (endless, {Fault.TOO_LONG}),
        (endless_head, {Fault.TOO_LONG, Fault.LOST}),  # Python's client takes a hundred headers
    ],
)
def test_an_answer_that_is_none_is_told_apart(handler: Handler, faults: set[Fault]) -> None:
    """What is wrong with it is named, and it is over soon."""
    reply = reply_of(handler, SOON)
    assert reply.fault in faults


@pytest.mark.parametrize("handler", [drip_head, drip_body, Connection.hang])
def test_the_deadline_covers_the_whole_exchange(handler: Handler) -> None:
    """A slow drip is no way around it."""
    reply = reply_of(handler, SHORT)
    assert reply.fault is Fault.TIMED_OUT
    assert reply.duration < SOON


def test_a_proof_that_drips_is_no_way_around_it() -> None:
    """Nothing was sent to whoever answered so slowly."""
    with Wire(drip_head) as server, loopback(server.url) as exchange:
        reply = post(exchange, SHORT)
    assert reply.fault is Fault.UNREACHABLE
    assert reply.duration < SOON


def test_refused_is_unreachable() -> None:
    """Nothing was sent where nobody listens, and that is said."""
    with Wire(delivering) as server:
        url = server.url
    with loopback(url) as exchange:
        reply = post(exchange)
    assert (reply.fault, str(reply.detail)) == (Fault.UNREACHABLE, "connection refused")


def test_after_trouble_the_next_exchange_starts_afresh() -> None:
    """With a connection of its own, which has proved itself."""
    turns: list[Handler] = [hung_up, delivering]

    def next_one(connection: Connection) -> None:
        turns.pop(0)(connection)

    with Wire(proven(next_one)) as server, loopback(server.url) as exchange:
        assert post(exchange).fault is Fault.LOST
        assert post(exchange).status == 200
        assert server.connections == 2


def test_an_idle_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may be about to hang up on it."""
    monkeypatch.setattr("mem0tray.server.loopback._IDLE_SECONDS", 0.0)
    with Wire(proven(delivering)) as server, loopback(server.url) as exchange:
        assert [post(exchange).status for _ in range(2)] == [200, 200]
        assert server.connections == 2


def test_abort_ends_the_wait_for_an_answer() -> None:
    """From another thread, and promptly."""
    with Wire(proven(Connection.hang)) as server, loopback(server.url) as exchange:
        replies: list[Reply] = []
        thread = threading.Thread(target=lambda: replies.append(post(exchange)))
        thread.start()
        server.wait_for_requests(1)
        while thread.is_alive():
            exchange.abort()
            thread.join(0.01)
    assert replies[0].fault in {Fault.LOST, Fault.UNREACHABLE}


def test_it_does_without_what_is_slow_to_import() -> None:
    """Neither httpx nor its engine is imported for a client of the embedded server."""
    code = (
        "import sys; from mem0tray.server import ServerAddress, connect_briefly;"
        "connect_briefly(ServerAddress.of('http://127.0.0.1:1', 'token'), str);"
        "print(*(sys.modules.keys() & {'httpx', 'httpcore', 'h11', 'anyio'}))"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("\n", "")
