"""The exchange over the network: nasty answers, deadlines, proxies, TLS."""

import gzip
import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mem0tray.server.destination import Destination
from mem0tray.server.model import Fault, Reply
from mem0tray.server.transport import MAX_ANSWER, Transport
from tests.server.conftest import Certificate
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

SHORT = 0.3  # seconds: for calls that are to time out
LONG = 30.0  # seconds: for calls that must not wait so long
SOON = 10.0  # seconds: a bound for what should take none


@contextmanager
def client(url: str, **more: Any) -> Iterator[Transport]:
    """Make a transport and close it."""
    with closing(Transport(Destination.of(url, **more))) as transport:
        yield transport


def post(transport: Transport, timeout: float = LONG, body: bytes = b"{}") -> Reply:
    """Send a small request."""
    return transport.exchange(b"POST", b"/memory", [], body, timeout)


def reply_of(handler: Handler, timeout: float = LONG, body: bytes = b"{}") -> Reply:
    """Send one request to a server that does `handler`, and say what came of it."""
    with Wire(handler) as server, client(server.url) as transport:
        return post(transport, timeout, body)


# What goes out ----------------------------------------------------------------------------------


def test_requests_share_one_connection() -> None:
    """One connection serves one request after the other."""
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        assert [post(transport).status for _ in range(5)] == [200] * 5
        assert server.connections == 1


def test_the_request_arrives_as_it_was_given() -> None:
    """Path below the prefix, headers, host, length and body are what the server sees."""
    with Wire(answering(DELIVERED)) as server, client(f"{server.url}/base/") as transport:
        transport.exchange(b"POST", b"/a%2Fb?c=%00", [(b"X-Thing", b"7")], b"text", LONG)
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
    assert (reply.fault, reply.detail) == (Fault.UNREACHABLE, "connection refused")
    assert reply.status is None


def test_a_name_that_cannot_be_resolved_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name that nobody knows: nothing was sent."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with client("http://mem0.test") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert "resolved" in reply.detail


@contextmanager
def stuck_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Make every look-up of a name hang; the event tells that one has begun."""
    begun, over = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> None:
        begun.set()
        over.wait(PATIENCE)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        yield begun
    finally:
        over.set()
        for thread in threading.enumerate():
            if thread.name == "mem0tray-connect":
                thread.join(PATIENCE)


def test_a_resolver_that_hangs_does_not_hold_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline holds while a name is looked up."""
    with stuck_resolver(monkeypatch), client("http://mem0.test") as transport:
        assert post(transport, SHORT).fault is Fault.UNREACHABLE


@contextmanager
def full_listener() -> Iterator[int]:
    """Listen on a port whose backlog is full, so that connecting takes for ever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.skipif(sys.platform != "linux", reason="others treat a full backlog otherwise")
def test_a_connection_that_is_never_made_is_unreachable() -> None:
    """The deadline holds while connecting, and nothing was sent."""
    with full_listener() as port, client(f"http://127.0.0.1:{port}") as transport:
        reply = post(transport, SHORT)
    assert (reply.fault, reply.detail) == (Fault.UNREACHABLE, "no connection in time")


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


def cut_after_body(connection: Connection) -> None:
    """Read a request and reset."""
    connection.request()
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


def silent(connection: Connection) -> None:
    """Read the request and never answer."""
    connection.request()
    connection.hang()


def deaf(connection: Connection) -> None:
    """Do not even read the request."""
    connection.server.closing.wait(PATIENCE)


def drip_head(connection: Connection) -> None:
    """Send an endless head, slowly."""
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\n")
    connection.drip(b"A: b\r\n")


def drip_body(connection: Connection) -> None:
    """Send a body slowly."""
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n")
    connection.drip(b" ")


def drip_interim(connection: Connection) -> None:
    """Send one interim answer after the other, slowly."""
    connection.request()
    connection.drip(b"HTTP/1.1 102 Processing\r\n\r\n", pause=0.001)


@pytest.mark.parametrize("handler", [silent, deaf, drip_head, drip_body, drip_interim])
def test_the_deadline_covers_the_whole_exchange(handler: Handler) -> None:
    """Neither silence nor a slow drip of head or body outlasts the time-out."""
    reply = reply_of(handler, SHORT, b"x" * 12_000_000)
    assert reply.fault is Fault.TIMED_OUT
    assert SHORT <= reply.duration < SOON


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
    [
        (endless(HEAD + b"\r\n", b" " * 9999), Fault.TOO_LONG),
        (endless(HEAD + b"Content-Length: 99999999\r\n\r\n", b" " * 9999), Fault.TOO_LONG),
        (
            endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 999),
            Fault.TOO_LONG,
        ),
        (endless(b"HTTP/1.1 103 X\r\n\r\n", b"HTTP/1.1 103 X\r\n\r\n" * 999), Fault.TOO_LONG),
        (endless(HEAD, b"A: b\r\n" * 999), Fault.NOT_HTTP),
    ],
    ids=["unframed", "length", "chunks", "interim answers", "head"],
)
def test_an_endless_answer_is_given_up(handler: Handler, fault: Fault) -> None:
    """No part of an answer can go on for ever."""
    reply = reply_of(handler)
    assert (reply.fault, reply.body) == (fault, b"")


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


def test_after_trouble_the_next_exchange_starts_afresh() -> None:
    """A call that failed leaves nothing behind for the next one."""
    half = once(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    with Wire(in_turn(half, answering(DELIVERED))) as server, client(server.url) as transport:
        assert [post(transport).fault for _ in range(2)] == [Fault.LOST, None]


# Abort from another thread ----------------------------------------------------------------------


def aborted(
    transport: Transport, wait: Callable[[], object], call: Callable[[], Reply] | None = None
) -> Reply:
    """Start a call in a thread, abort it once `wait` is over, and return its reply."""
    replies: list[Reply] = []
    call = call or (lambda: post(transport))
    thread = threading.Thread(target=lambda: replies.append(call()))
    thread.start()
    wait()
    started = monotonic()
    while thread.is_alive() and monotonic() - started < SOON:
        transport.abort()
        thread.join(0.05)
    thread.join(PATIENCE)
    assert replies[0].duration < LONG / 2
    return replies[0]


@pytest.mark.parametrize("handler", [silent, drip_head, drip_body, drip_interim])
def test_abort_ends_the_wait_for_an_answer(handler: Handler) -> None:
    """An abort makes a call return whose request has been sent; its outcome is unknown."""
    with Wire(handler) as server, client(server.url) as transport:
        assert aborted(transport, server.wait_for_requests).fault is Fault.LOST


def test_abort_ends_sending() -> None:
    """An abort makes a call return whose body the server does not take."""
    with Wire(deaf) as server, client(server.url) as transport:

        def send() -> Reply:
            return post(transport, body=b"x" * 12_000_000)

        assert aborted(transport, server.wait_for_connections, send).fault in (
            Fault.LOST,
            Fault.UNREACHABLE,
        )


def test_abort_ends_a_tls_handshake(certificate: Certificate) -> None:
    """An abort makes a call return that has sent nothing yet but TLS's first words."""

    def mute(connection: Connection) -> None:
        connection.socket.recv(1)
        started.set()
        connection.hang()

    started = threading.Event()
    with Wire(mute) as server:
        url = f"https://127.0.0.1:{server.port}"
        with client(url, ca_file=str(certificate.cert)) as transport:
            reply = aborted(transport, lambda: started.wait(PATIENCE))
    assert (reply.fault, reply.detail) == (Fault.UNREACHABLE, "stopped")


def test_abort_ends_the_look_up_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An abort makes a call return although the resolver hangs."""
    with stuck_resolver(monkeypatch) as begun, client("http://mem0.test") as transport:
        reply = aborted(transport, lambda: begun.wait(PATIENCE))
    assert (reply.fault, reply.detail) == (Fault.UNREACHABLE, "stopped")


def test_an_abort_between_calls_does_not_touch_the_next_one() -> None:
    """Without a call in progress an abort is forgotten."""
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        for _ in range(3):
            assert post(transport).status == 200
            transport.abort()


def test_an_abort_within_a_call_of_two_requests_stops_the_second() -> None:
    """An abort that comes between two requests of one call still holds."""
    with Wire(answering(DELIVERED)) as server, client(server.url) as transport:
        post(transport)
        transport.abort()
        reply = transport.exchange(b"GET", b"/", [], None, LONG, continues=True)
        assert (reply.fault, len(server.requests)) == (Fault.UNREACHABLE, 1)


# TLS --------------------------------------------------------------------------------------------


def encrypted(certificate: Certificate, handler: Handler) -> Handler:
    """Do the same over TLS."""

    def handle(connection: Connection) -> None:
        connection.encrypt(str(certificate.cert), str(certificate.key))
        handler(connection)

    return handle


def test_a_private_authority_is_trusted_by_its_file(certificate: Certificate) -> None:
    """With `ca_file` a server with a certificate of one's own is reached, on one connection."""
    with Wire(encrypted(certificate, answering(DELIVERED))) as server:
        url = f"https://127.0.0.1:{server.port}"
        with client(url, ca_file=str(certificate.cert)) as transport:
            assert [post(transport).status for _ in range(3)] == [200] * 3
            assert server.connections == 1


def test_an_untrusted_certificate_gets_nothing(certificate: Certificate) -> None:
    """Without `ca_file` such a server is not trusted, and no request is sent."""
    handler = encrypted(certificate, answering(DELIVERED))
    with Wire(handler) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert "certificate" in reply.detail
    assert server.requests == []


def test_a_certificate_for_another_name_gets_nothing(certificate: Certificate) -> None:
    """A trusted certificate that is made out to another host is not trusted."""
    with Wire(encrypted(certificate, answering(DELIVERED))) as server:
        url = f"https://localhost:{server.port}"
        with client(url, ca_file=str(certificate.cert)) as transport:
            reply = post(transport)
    assert (reply.fault, server.requests) == (Fault.UNREACHABLE, [])


def test_a_server_without_tls_at_an_https_address_is_unreachable() -> None:
    """Where no TLS is spoken nothing is sent."""

    def plain(connection: Connection) -> None:
        connection.socket.recv(1)
        connection.send(render(400, b"plain"))

    with Wire(plain) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert "TLS" in reply.detail


def test_the_deadline_covers_the_tls_handshake() -> None:
    """A server that accepts and says nothing does not hold up TLS for ever."""
    with Wire(Connection.hang) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        assert post(transport, SHORT).fault is Fault.UNREACHABLE


def test_a_file_of_authorities_that_vanished_is_named(
    certificate: Certificate, tmp_path: Path
) -> None:
    """When `ca_file` cannot be read any more nothing is sent, and the setting is named."""
    file = tmp_path / "ca.pem"
    file.write_bytes(certificate.cert.read_bytes())
    with client("https://127.0.0.1:9", ca_file=str(file)) as transport:
        file.unlink()
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert "server.ca_file" in reply.detail


# Proxies ----------------------------------------------------------------------------------------


def test_this_computer_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not see what goes to loopback."""
    with Wire(answering(render(502, {}))) as proxy, Wire(answering(DELIVERED)) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for host in ("127.0.0.1", "localhost"):
            with client(f"http://{host}:{server.port}") as transport:
                assert post(transport).status == 200
        assert proxy.connections == 0


def test_another_machine_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment, with its password, carries requests to other machines."""
    with Wire(answering(DELIVERED)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:a%40b@127.0.0.1:{proxy.port}")
        with client("http://mem0.test") as transport:
            assert [post(transport).status for _ in range(2)] == [200] * 2
        request = proxy.requests[0]
        assert request.target == "http://mem0.test:80/memory"
        assert request.headers["proxy-authorization"] == "Basic bWU6YUBi"
        assert proxy.connections == 1


def tunnel(certificate: Certificate) -> Handler:
    """Be a proxy, and the server behind it as well."""

    def handle(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        encrypted(certificate, answering(DELIVERED))(connection)

    return handle


def test_tls_goes_through_a_tunnel_of_the_proxy(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For https the proxy is asked for a tunnel, which serves several requests."""
    with Wire(tunnel(certificate)) as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        with client("https://mem0.test", ca_file=str(certificate.cert)) as transport:
            assert [post(transport).status for _ in range(3)] == [200] * 3
        methods = [(request.method, request.target) for request in proxy.requests]
        assert methods == [("CONNECT", "mem0.test:443"), *[("POST", "/memory")] * 3]


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (once(render(407, {})), "proxy answered 407"),
        (once(b""), "before anything was sent"),
        (cut_after_body, "before anything was sent"),
    ],
)
def test_a_proxy_that_makes_no_tunnel_got_nothing(
    handler: Handler, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the tunnel was not made, the request was not sent."""
    with Wire(handler) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with client("https://mem0.test") as transport:
            reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert words in reply.detail


def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that the environment excepts is reached directly."""
    real = socket.getaddrinfo

    def here(name: str, *args: Any, **more: Any) -> Any:
        return real("127.0.0.1" if name == "mem0.test" else name, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with Wire(answering(render(502, {}))) as proxy, Wire(answering(DELIVERED)) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "example.com,mem0.test")
        with client(f"http://mem0.test:{server.port}") as transport:
            assert post(transport).status == 200
        assert proxy.connections == 0


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "https://127.0.0.1:9", "http://[::1"])
def test_a_proxy_of_another_kind_is_an_error_and_not_bypassed(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot go through the proxy does not go around it."""
    monkeypatch.setenv("all_proxy", proxy)
    with client("http://mem0.test") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert "proxy" in reply.detail
