"""The stand-in for the hosted service: it says and takes what is published, and nothing else."""

from collections.abc import Iterator
from contextlib import closing

import httpx
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
from tests.support.hosted import EVENT, LISTING, PING, SAVE, SEARCH, HostedStandin, Work

KEY = "m0-sesame"
MESSAGES = [{"role": "user", "content": "oak"}]
MINE = {"user_id": "me"}


@pytest.fixture
def server() -> Iterator[HostedStandin]:
    """Serve, with a key."""
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


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (SAVE, {"messages": MESSAGES}, 400),
        (SAVE, {"user_id": "me"}, 400),
        (SAVE, {"messages": MESSAGES, **MINE, "timestamp": 1.5}, 400),
        (SAVE, {"messages": [{"role": "tool", "content": "oak"}], **MINE}, 400),
        (SAVE, {"messages": MESSAGES, **MINE, "mood": "good"}, 400),
        (SAVE, {"messages": MESSAGES, "user_id": "two words"}, 400),
        (LISTING, {}, 400),
        (LISTING, {"filters": MINE, **MINE}, 400),
        (LISTING, {"filters": {**MINE, "mem0tray_id": "key"}}, 400),
        (f"{LISTING}?page_size=201", {"filters": MINE}, 400),
        (SEARCH, {"query": "", "filters": MINE}, 400),
        (SEARCH, {"query": "oak", "filters": MINE, "top_k": 1001}, 400),
        (f"{EVENT}2c4d1f44-4f7b-4b2f-9f6e-7b5b4f5a1234/", None, 404),
        (PING, None, 401),
    ],
)
def test_what_does_not_fit_is_refused_as_is_published(
    server: HostedStandin, path: str, body: object, status: int
) -> None:
    headers = {"Authorization": f"Token {KEY}"} if status != 401 else {}
    method = "GET" if body is None else "POST"
    url = server.url + path
    said = httpx.request(method, url, json=body, headers=headers, trust_env=False)
    assert said.status_code == status
    assert len(server.faults) == (status == 400)
