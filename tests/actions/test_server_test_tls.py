"""The server test over TLS: the exact words for each fault of a certificate."""

from datetime import timedelta
from pathlib import Path

import pytest

from mem0tray.actions.server_test import FAILED, OK, SKIPPED, WARNING
from tests.actions.examining import Test, results, words
from tests.server.wire import Connection, Wire, render
from tests.support import needs
from tests.support.certificates import HOST, Authority
from tests.support.standin import Standin

UNTRUSTED = "TLS failed: the certificate cannot be trusted: "


def test_a_server_over_tls_says_who_vouches_for_it(steps: Test, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Standin(tls=authority.context(HOST)) as server:
        found = steps(server.url, ca_file=str(authority.file))
    assert results(found) == [OK] * 5
    begin, _, end = found["server TLS"].seen.partition(", signed by trustme ")
    assert begin == "TLSv1.3; the certificate"
    assert end.endswith(", is trusted by server.ca_file, and holds until 3000-01-01.")


def test_a_certificate_that_ends_soon_is_a_warning(steps: Test, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Standin(tls=authority.context(HOST, ended=-timedelta(days=3))) as server:
        found = steps(server.url, ca_file=str(authority.file))
    assert results(found) == [OK, WARNING, OK, OK, OK]
    assert found["server TLS"].remedy == (
        "Renew it on the server: memories wait once it has ended."
    )


@pytest.mark.parametrize("known", [True, False], ids=["another authority", "none set"])
def test_an_authority_that_nobody_here_knows(steps: Test, tmp_path: Path, *, known: bool) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    more = {"ca_file": str(Authority(tmp_path / "other").file)} if known else {}
    with Standin(tls=authority.context(HOST)) as server:
        found = steps(server.url, api_key="sesame", **more)
        assert server.requests == []
    assert results(found) == [OK, FAILED, SKIPPED, SKIPPED, SKIPPED]
    assert words(found["server TLS"]) == (
        f"{UNTRUSTED}none of the authorities that are trusted here has signed it."
        " If an authority of your own has signed it, name the file of that:"
        " `mem0tray config set server.ca_file FILE`."
    )


def test_a_certificate_for_another_name(steps: Test, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Standin(tls=authority.context("mem0.test")) as server:
        found = steps(server.url, ca_file=str(authority.file))
    assert words(found["server TLS"]) == (
        f"{UNTRUSTED}it is for another name. Set the address with the name that the certificate"
        " is for: `mem0tray config set server.url ADDRESS`."
    )


def test_a_certificate_that_has_expired(steps: Test, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with Standin(tls=authority.context(HOST, ended=timedelta(days=3))) as server:
        found = steps(server.url, ca_file=str(authority.file))
    assert words(found["server TLS"]) == f"{UNTRUSTED}it has expired. Renew it on the server."


@needs.RESETS
def test_plain_http_is_spoken_at_an_https_address(steps: Test) -> None:
    def plain(connection: Connection) -> None:
        connection.socket.recv(1)
        connection.send(render(400, b"plain"))

    with Wire(plain) as server:
        found = steps(f"https://127.0.0.1:{server.port}", api_key="sesame")
        assert server.requests == []
    assert results(found) == [OK, FAILED, SKIPPED, SKIPPED, SKIPPED]
    assert words(found["server TLS"]) == (
        "TLS failed: the server there does not speak TLS. If it speaks plain http, set that:"
        f" `mem0tray config set server.url {server.url}`."
    )
