"""A certificate for the servers of these tests, and an environment without proxies."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

from mem0tray.server.model import Reply
from mem0tray.server.transport import Transport
from tests.support.certificates import HOST, Authority


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1 and mem0.test with its key, and who vouches for it (PEM)."""

    cert: Path
    key: Path
    authority: Path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    issued = authority.certificate(HOST, "mem0.test")
    made = Certificate(folder / "cert.pem", folder / "key.pem", authority.file)
    issued.cert_chain_pems[0].write_to_path(made.cert)
    issued.private_key_pem.write_to_path(made.key)
    return made


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def timeouts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    exchange = Transport.exchange

    def noted(self: Transport, *arguments: Any) -> Reply:
        found.append(arguments[4])
        return exchange(self, *arguments)

    monkeypatch.setattr(Transport, "exchange", noted)
    return found
