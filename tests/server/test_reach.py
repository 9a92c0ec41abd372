"""How far one gets towards a server, and what is seen on the way."""

import ssl
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import reasons
from mem0tray.server import transport
from tests.server.calls import LONG
from tests.server.conftest import Certificate
from tests.server.test_tls_and_proxies import encrypted
from tests.server.wire import Connection, Wire


def test_over_tls_the_certificate_is_seen(certificate: Certificate) -> None:
    """Who signed it, and until when it holds; nothing is sent."""
    with Wire(encrypted(certificate, Connection.hang)) as server:
        there = ServerAddress.of(
            f"https://127.0.0.1:{server.port}", ca_file=str(certificate.authority)
        )
        found = transport.reach(there, LONG)
    assert (found.at, found.failure, server.requests) == ("127.0.0.1", reasons.NONE, [])
    assert found.encryption is not None
    assert found.encryption.version == "TLSv1.3"
    assert found.encryption.issuer.startswith("trustme ")
    assert found.encryption.until == datetime(3000, 1, 1, tzinfo=UTC).timestamp()


def test_without_tls_there_is_no_certificate() -> None:
    """A connection is all that is wanted."""
    with Wire(Connection.hang) as server:
        found = transport.reach(ServerAddress.of(server.url), LONG)
    assert (found.at, found.encryption, found.failure) == ("127.0.0.1", None, reasons.NONE)


@pytest.mark.parametrize(
    ("names", "issuer"),
    [
        ({"organizationName": "Oak", "commonName": "oak.test"}, "Oak"),
        ({"commonName": "oak.test"}, "oak.test"),
        ({"countryName": "DE"}, ""),
    ],
)
def test_an_authority_is_named_by_its_organization_or_else_its_own_name(
    names: dict[str, str], issuer: str
) -> None:
    """A certificate need not say either, nor until when it holds."""
    sock: Any = mock.Mock(spec=ssl.SSLSocket)
    sock.getpeercert.return_value = {"issuer": tuple((each,) for each in names.items())}
    sock.version.return_value = None
    assert transport._seen(sock) == transport.Encryption("TLS", issuer, 0.0)
