"""The stand-in for the hosted service: it says and takes what is published, and nothing else."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from mem0tray.server import (
    Client,
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
from tests.support.hosted_facts import fault_of_answer

KEY = "m0-sesame"
MESSAGES = [{"role": "user", "content": "oak"}]
MINE = {"user_id": "me"}


@pytest.fixture
def server() -> Iterator[HostedStandin]:
    """Serve, with a key."""
    with HostedStandin() as standin:
        standin.api_key = KEY
        yield standin


def client_of(server: HostedStandin, terms: Terms) -> Client:
    """Make a client that has the key."""
    return connect(ServerAddress.of(server.url, KEY), "platform", terms=terms)


def asked(server: HostedStandin, method: str, path: str, body: Any = None) -> httpx.Response:
    """Ask it without a client of ours."""
    headers = {"Authorization": f"Token {KEY}"}
    return httpx.request(method, server.url + path, json=body, headers=headers, trust_env=False)


@pytest.mark.parametrize("terms", [Terms(), Terms("Jo Doe"), Terms("Jo Doe", infer=True)])
def test_each_call_of_a_client_fits_what_is_published(server: HostedStandin, terms: Terms) -> None:
    server.works = lambda _: Work(60.0)
    with closing(client_of(server, terms)) as client:
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
    ("path", "body"),
    [
        (SAVE, {"messages": MESSAGES}),
        (SAVE, {"user_id": "me"}),
        (SAVE, {"messages": MESSAGES, **MINE, "timestamp": 1.5}),
        (SAVE, {"messages": [{"role": "tool", "content": "oak"}], **MINE}),
        (SAVE, {"messages": MESSAGES, **MINE, "mood": "good"}),
        (SAVE, {"messages": MESSAGES, "user_id": "two words"}),
        (LISTING, {}),
        (LISTING, {"filters": {}}),
        (LISTING, {"filters": MINE, **MINE}),
        (LISTING, {"filters": {**MINE, "mem0tray_id": "key"}}),
        (f"{LISTING}?page_size=201", {"filters": MINE}),
        (f"{LISTING}?page=0", {"filters": MINE}),
        (SEARCH, {"query": "", "filters": MINE}),
        (SEARCH, {"query": "oak", "filters": MINE, "top_k": 1001}),
    ],
)
def test_what_does_not_fit_is_refused_as_is_published(
    server: HostedStandin, path: str, body: object
) -> None:
    said = asked(server, "POST", path, body)
    assert said.status_code == 400
    assert fault_of_answer(path.partition("?")[0], 400, said.json()) == ""
    assert len(server.faults) == 1


def test_other_refusals_are_those_that_are_published(server: HostedStandin) -> None:
    said = httpx.get(server.url + PING, trust_env=False)
    assert (said.status_code, fault_of_answer(PING, 401, said.json())) == (401, "")
    path = f"{EVENT}2c4d1f44-4f7b-4b2f-9f6e-7b5b4f5a1234/"
    said = asked(server, "GET", path)
    assert (said.status_code, fault_of_answer(path, 404, said.json())) == (404, "")
    assert server.faults == []


def test_another_path_is_a_fault(server: HostedStandin) -> None:
    assert asked(server, "GET", "/v3/memories/").status_code == 404
    assert server.faults == ["GET /v3/memories/"]


def test_an_equal_text_in_a_scope_is_stored_once(server: HostedStandin) -> None:
    with closing(client_of(server, Terms())) as client:
        for project in ("a", "a", "b"):
            assert client.save(Memory(project, "oak", "k"), LONG).kind is Kind.DELIVERED
    assert server.stored == [("a", "oak"), ("b", "oak")]
