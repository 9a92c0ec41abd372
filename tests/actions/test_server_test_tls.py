"""The server test over TLS: the exact words for each fault of a certificate."""

from datetime import timedelta
from pathlib import Path

import pytest

from mem0tray.actions.server_test import FAILED, OK, SKIPPED
from tests.actions.examining import Test, results, words
from tests.server.wire import Connection, Wire, render
from tests.support import needs
from tests.support.certificates import HOST, Authority
from tests.support.standin import Standin

UNTRUSTED = "the certificate cannot be trusted: "


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_server_over_tls_is_tested_like_any(steps: Test, authority: Authority) -> None:
    with Standin(tls=authority.context(HOST)) as server:
        assert results(steps(server.url, ca_file=str(authority.file))) == [OK] * 3


@pytest.mark.parametrize(
    ("name", "ended", "known", "said", "remedy"),
    [
        (HOST, None, False, "none of the authorities", "config set server.ca_file FILE`"),
        ("mem0.test", None, True, "it is for another name", "config set server.url ADDRESS`"),
        (HOST, timedelta(days=3), True, "it has expired", "Renew it on the server."),
    ],
    ids=["authority", "name", "time"],
)
def test_a_certificate_that_cannot_be_trusted_is_no_server_that_is_down(
    steps: Test,
    authority: Authority,
    name: str,
    ended: timedelta | None,
    known: bool,  # noqa: FBT001  (a parameter of the test)
    said: str,
    remedy: str,
) -> None:
    more = {"ca_file": str(authority.file)} if known else {}
    with Standin(tls=authority.context(name, ended=ended)) as server:
        found = steps(server.url, api_key="sesame", **more)
        assert server.requests == []
    assert results(found) == [FAILED, SKIPPED, SKIPPED]
    assert f"{UNTRUSTED}{said}" in found["server"].seen
    assert remedy in found["server"].remedy


@needs.RESETS
def test_plain_http_is_spoken_at_an_https_address(steps: Test) -> None:
    def plain(connection: Connection) -> None:
        connection.socket.recv(1)
        connection.send(render(400, b"plain"))

    with Wire(plain) as server:
        found = steps(f"https://127.0.0.1:{server.port}", api_key="sesame")
        assert server.requests == []
    assert "does not speak TLS" in words(found["server"])
    assert f"`mem0tray config set server.url {server.url}`" in words(found["server"])
