"""Who is trusted, and which way requests go."""

import socket
from pathlib import Path
from typing import Any

import pytest

from mem0tray.server.model import NO_TLS, Fault
from tests.server.calls import SHORT, client, cut_after_body, post
from tests.server.conftest import Certificate
from tests.server.wire import DELIVERED, Connection, Handler, Wire, answering, once, render
from tests.support import needs
from tests.support.certificates import Authority

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
        with client(url, ca_file=str(certificate.authority)) as transport:
            assert [post(transport).status for _ in range(3)] == [200] * 3
            assert server.connections == 1


def test_an_untrusted_certificate_gets_nothing(certificate: Certificate) -> None:
    """Without `ca_file` such a server is not trusted, and no request is sent."""
    handler = encrypted(certificate, answering(DELIVERED))
    with Wire(handler) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert "certificate" in str(reply.detail)
    assert server.requests == []


def test_a_certificate_for_another_name_gets_nothing(certificate: Certificate) -> None:
    """A trusted certificate that is made out to another host is not trusted."""
    with Wire(encrypted(certificate, answering(DELIVERED))) as server:
        url = f"https://localhost:{server.port}"
        with client(url, ca_file=str(certificate.authority)) as transport:
            reply = post(transport)
    assert (reply.fault, server.requests) == (Fault.UNREACHABLE, [])


@needs.RESETS
def test_a_server_without_tls_at_an_https_address_is_unreachable() -> None:
    """Where no TLS is spoken nothing is sent."""

    def plain(connection: Connection) -> None:
        connection.socket.recv(1)
        connection.send(render(400, b"plain"))

    with Wire(plain) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert reply.detail.find(NO_TLS.id) is not None


def test_the_deadline_covers_the_tls_handshake() -> None:
    """A server that accepts and says nothing does not hold up TLS for ever."""
    with Wire(Connection.hang) as server, client(f"https://127.0.0.1:{server.port}") as transport:
        assert post(transport, SHORT).fault is Fault.UNREACHABLE


def test_a_file_of_authorities_that_vanished_is_named(
    certificate: Certificate, tmp_path: Path
) -> None:
    """When `ca_file` cannot be read any more nothing is sent, and the setting is named."""
    file = tmp_path / "ca.pem"
    file.write_bytes(certificate.authority.read_bytes())
    with client("https://127.0.0.1:9", ca_file=str(file)) as transport:
        file.unlink()
        reply = post(transport)
    assert reply.fault is Fault.UNREACHABLE
    assert str(reply.detail) == "the file of server.ca_file cannot be read"


def test_a_renewed_file_of_authorities_is_read(certificate: Certificate, tmp_path: Path) -> None:
    """Once `ca_file` names the right authority the same client reaches the server."""
    file = tmp_path / "ca.pem"
    folder = tmp_path / "other"
    folder.mkdir()
    file.write_bytes(Authority(folder).file.read_bytes())
    with (
        Wire(encrypted(certificate, answering(DELIVERED))) as server,
        client(f"https://127.0.0.1:{server.port}", ca_file=str(file)) as transport,
    ):
        assert "certificate" in str(post(transport).detail)
        file.write_bytes(certificate.authority.read_bytes())
        assert post(transport).status == 200


# Proxies ----------------------------------------------------------------------------------------


def test_this_computer_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not see what goes to loopback."""
    with Wire(answering(render(502, {}))) as proxy, Wire(answering(DELIVERED)) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):  # noqa: S104  (nothing listens)
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
        assert request.target == "http://mem0.test/memory"
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
        with client("https://mem0.test", ca_file=str(certificate.authority)) as transport:
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
    assert words in str(reply.detail)


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
    words = "the proxy of this computer's settings is not an http:// proxy"
    assert str(reply.detail) == words
