"""A certificate for the servers of these tests, no proxies, and what each question may take."""

import os
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from mem0tray.server.model import Reply
from mem0tray.server.transport import Transport
from tests.server.calls import LONG
from tests.support.certificates import HOST, Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def certified(authority: Authority) -> ssl.SSLContext:
    """The server's side of TLS, for 127.0.0.1 and mem0.test."""
    return authority.context(HOST, "mem0.test")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def timeouts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The seconds that each question got, of which none gets more than its caller has."""
    found: list[float] = []
    exchange = Transport.exchange

    def noted(self: Transport, *arguments: Any) -> Reply:
        found.append(arguments[4])
        return exchange(self, *arguments)

    monkeypatch.setattr(Transport, "exchange", noted)
    yield found
    assert max(found, default=0.0) <= LONG, "a question got more time than its caller has"
