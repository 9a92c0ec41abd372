"""Who is trusted, and which way requests go."""

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from mem0tray.server.model import NO_TLS, Fault
from tests.server.calls import SHORT, client, cut_after_body, post
from tests.server.wire import DELIVERED, Connection, Handler, Wire, answering, once, render
from tests.support import needs
from tests.support.certificates import Authority


def encrypted(context: ssl.SSLContext, handler: Handler) -> Handler:
    def handle(connection: Connection) -> None:
        connection.encrypt(context)
        handler(connection)

    return handle


@pytest.mark.parametrize(("host", "is_trusted"), [("127.0.0.1", False), ("localhost", True)])
def test_an_untrusted_certificate_or_one_for_another_name_gets_nothing(
    authority: Authority, certified: ssl.SSLContext, host: str, *, is_trusted: bool
) -> None:
    ca_file = str(authority.file) if is_trusted else ""
    with (
        Wire(encrypted(certified, answering(DELIVERED))) as server,
        client(f"https://{host}:{server.port}", ca_file=ca_file) as transport,
    ):
        reply = post(transport)
    assert (reply.fault, server.requests) == (Fault.UNREACHABLE, [])
    assert "certificate" in str(reply.detail)


@needs.RESETS
def test_a_server_without_tls_at_an_https_address_is_unreachable() -> None:
    def plain(connection: Connection) -> None:
        connection.socket.recv(1)
        connection.send(render(400, b"plain"))

    with Wire(plain) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert reply.detail.find(NO_TLS.id) is not None


def test_the_deadline_covers_the_tls_handshake() -> None:
    with Wire(Connection.hang) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        assert post(transport, SHORT).fault is Fault.UNREACHABLE


def test_a_file_of_authorities_that_vanished_or_was_renewed_is_noticed(
    authority: Authority, certified: ssl.SSLContext, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    folder = tmp_path / "other"
    folder.mkdir()
    file.write_bytes(Authority(folder).file.read_bytes())
    with (
        Wire(encrypted(certified, answering(DELIVERED))) as server,
        client(f"https://127.0.0.1:{server.port}", ca_file=str(file)) as transport,
    ):
        assert "certificate" in str(post(transport).detail)
        file.unlink()
        assert str(post(transport).detail) == "the file of server.ca_file cannot be read"
        file.write_bytes(authority.file.read_bytes())
        assert post(transport).status == 200


def test_this_computer_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire(answering(render(502, {}))) as proxy, Wire(answering(DELIVERED)) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):  # noqa: S104  (nothing listens)
            with client(f"http://{host}:{server.port}") as transport:
                assert post(transport).status == 200
        assert proxy.connections == 0


def test_another_machine_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with Wire(answering(DELIVERED)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:a%40b@127.0.0.1:{proxy.port}")
        with client("http://mem0.test") as transport:
            assert [post(transport).status for _ in range(2)] == [200] * 2
        request = proxy.requests[0]
        assert request.target == "http://mem0.test/memory"
        assert request.headers["proxy-authorization"] == "Basic bWU6YUBi"
        assert proxy.connections == 1


def tunnel(certified: ssl.SSLContext) -> Handler:
    def handle(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        encrypted(certified, answering(DELIVERED))(connection)

    return handle


def test_tls_goes_through_a_tunnel_of_the_proxy(
    authority: Authority, certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Wire(tunnel(certified)) as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        with client("https://mem0.test", ca_file=str(authority.file)) as transport:
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
    with Wire(handler) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with client("https://mem0.test") as transport:
            reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert words in str(reply.detail)


def test_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setenv("all_proxy", proxy)
    with client("http://mem0.test") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    words = "the proxy of this computer's settings is not an http:// proxy"
    assert str(reply.detail) == words
