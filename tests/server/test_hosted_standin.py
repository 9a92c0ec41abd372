"""The stand-in for the hosted service: it says and takes what is published, and nothing else."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from msgspec.structs import replace

from mem0tray.server import (
    Kind,
    Memory,
    Outcome,
    Page,
    Presence,
    ServerAddress,
    Terms,
    connect,
)
from tests.server.calls import LONG
from tests.support.hosted import HostedStandin, Work

KEY = "m0-sesame"


@pytest.fixture
def server() -> Iterator[HostedStandin]:
    with HostedStandin() as standin:
        standin.api_key = KEY
        yield standin


@pytest.mark.parametrize("terms", [Terms(), Terms("Jo Doe"), Terms("Jo Doe", infer=True)])
def test_each_call_of_a_client_fits_what_is_published(server: HostedStandin, terms: Terms) -> None:
    server.works = lambda _: Work(60.0)
    address = ServerAddress.of(server.url, KEY)
    with closing(connect(address, "platform", terms=terms)) as client:
        memory = Memory("my project", "an oak", "key", 1_767_225_600.0)
        outcome = client.save(memory, LONG)
        taken_in = replace(memory, ticket=outcome.ticket)
        still = client.ask(taken_in, LONG)
        server.finish()
        assert outcome.kind is Kind.AT_WORK
        assert isinstance(still, Outcome)
        assert still.kind is Kind.AT_WORK
        assert client.ask(taken_in, LONG) is Presence.PRESENT
        for found in (
            client.page("my project", "", LONG),
            client.search("my project", "oak", 3, LONG),
            client.find("my project", "key", LONG),
        ):
            assert not isinstance(found, Outcome)
            shown = found.memories if isinstance(found, Page) else found
            assert [(each.text, each.key) for each in shown] == [("an oak", "key")]
        client.projects(LONG)
        client.probe(LONG)
        client.check_key(LONG)
    assert server.faults == []
