"""No way to the server: refused, no name, no certificate that can be trusted."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.proofs.network.matrix import Trial
from tests.support import oracle
from tests.support.certificates import HOST, Authority
from tests.support.machine import Resolver

OTHER = "192.0.2.1"  # for documentation: nobody's address


def outage(trial: Trial, words: str) -> None:
    """See that memories wait uncounted, unsent, and that the state says why."""
    sent = len(trial.server.requests)
    texts = trial.queue(words)
    home = trial.home
    home.wait(lambda: home.state()[0] == "down" and words in home.state()[1], 20, words)
    home.wait(lambda: len(home.queue_items()) == len(texts), 10, "shown")
    assert [item["retries"] for item in home.queue_items()] == [0] * len(texts)
    assert len(trial.server.requests) == sent


def recovered(trial: Trial) -> None:
    """See that all is delivered, once."""
    trial.wait_delivered(trial.accepted)
    assert oracle.faults(trial.home, trial.server, trial.accepted) == []


@pytest.mark.slow
def test_refused_connections_are_an_outage(trial: Trial) -> None:
    trial.start({})
    trial.proxy.close()
    outage(trial, "onnection refused")
    trial.proxy.open()
    recovered(trial)


def test_a_name_that_is_lost_is_an_outage(trial: Trial, tmp_path: Path) -> None:
    resolver = Resolver(tmp_path)
    resolver.know()
    trial.home.env["MEM0TRAY_SERVER_URL"] = trial.proxy.url.replace(HOST, "mem0.invalid")
    trial.start(resolver.env)
    resolver.forget()
    trial.proxy.heal()  # cuts the connections: the next one needs the name
    outage(trial, "cannot be resolved")
    resolver.know()
    recovered(trial)


def self_signed(authority: Authority, folder: Path) -> ssl.SSLContext:
    """Serve with another authority's certificate, which nobody vouches for."""
    del authority
    folder.mkdir()
    return Authority(folder).context(HOST)


def expired(authority: Authority, _: Path) -> ssl.SSLContext:
    """Serve with one that ended an hour ago."""
    return authority.context(HOST, ended=timedelta(hours=1))


def for_another_host(authority: Authority, _: Path) -> ssl.SSLContext:
    """Serve with one that is made out to another host."""
    return authority.context(OTHER, "mem0.example")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "make"),
    [
        ("certificate has expired", expired),
        ("unable to get local issuer", self_signed),
        ("IP address mismatch", for_another_host),
    ],
    ids=["expired", "self-signed", "for another host"],
)
def test_a_bad_certificate_is_an_outage(
    trial: Trial,
    tmp_path: Path,
    words: str,
    make: Callable[[Authority, Path], ssl.SSLContext],
) -> None:
    authority, proxy = Authority(tmp_path), trial.proxy
    proxy.tls = good = authority.context(HOST)
    trial.home.env["MEM0TRAY_SERVER_URL"] = proxy.url
    trial.home.env["MEM0TRAY_SERVER_API_KEY"] = "sesame"
    trial.start({"MEM0TRAY_SERVER_CA_FILE": str(authority.file)})
    proxy.tls = make(authority, tmp_path / "other")
    proxy.heal()  # cuts the connections: the next one meets the other certificate
    outage(trial, words)
    proxy.tls = good
    recovered(trial)
