"""The dialect `vps`: where its bounds are, and how a large text goes out."""

import hashlib
from typing import Any

import pytest

from mem0tray.server import (
    DIALECTS,
    Kind,
    Listings,
    Memory,
    Outcome,
    Presence,
    ServerAddress,
    Terms,
    connect,
)
from mem0tray.server.http_client import key_header
from tests.server.calls import LONG, MEMORY, client_of, found, listing
from tests.server.wire import DELIVERED, Wire, answering, render, routing


@pytest.mark.parametrize("length", [512, 513])
def test_a_key_of_more_than_512_bytes_becomes_a_hash(length: int) -> None:
    """The longest key that goes out as it is has 512 bytes."""
    key = "k" * length
    hashed = f"sha256-{hashlib.sha256(key.encode()).hexdigest()}"
    assert key_header(key) == (hashed if length > 512 else key)


@pytest.mark.parametrize(
    ("count", "presence"),
    [
        (0, Presence.ABSENT),
        (99, Presence.ABSENT),
        (100, Presence.CANNOT_TELL),
        (101, Presence.ABSENT),
        (300, Presence.CANNOT_TELL),
        (9_999, Presence.ABSENT),
        (10_000, Presence.CANNOT_TELL),
    ],
)
def test_a_round_number_may_be_cut(count: int, presence: Presence) -> None:
    """A listing of hundreds, or of as many as were asked for, may not be all."""
    routes = {"GET": listing(*map(str, range(count))), "POST": found()}
    with Wire(routing(routes)) as server, client_of(server) as client:
        assert client.ask(MEMORY, LONG) is presence


def test_entries_that_are_no_texts_make_a_listing_incomplete() -> None:
    """What is not understood may be the memory."""
    odd = listing(memories=[{"memory": "an oak"}, {"memory": 7}])
    with Wire(routing({"GET": odd, "POST": found()})) as server, client_of(server) as client:
        assert client.ask(MEMORY, LONG) is Presence.CANNOT_TELL


def test_an_answer_without_memories_is_told_as_such() -> None:
    """A success that lists nothing at all is no answer to the question."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        asked = client.ask(MEMORY, LONG)
    assert isinstance(asked, Outcome)
    assert (asked.kind, asked.may_have_it) == (Kind.NO_ANSWER, True)
    assert asked.message == "the answer names no memories"


def test_a_server_that_cannot_list_is_not_asked_again() -> None:
    """Nor is one that cannot search: each question is put once in a project."""
    routes = {"GET": listing(*map(str, range(100))), "POST": render(404, {})}
    with Wire(routing(routes)) as server, client_of(server) as client:
        assert [client.ask(MEMORY, LONG) for _ in range(2)] == [Presence.CANNOT_TELL] * 2
        assert [request.method for request in server.requests] == ["GET", "POST"]
    with Wire(answering(render(405, {}))) as server, client_of(server) as client:
        assert [client.ask(MEMORY, LONG) for _ in range(2)] == [Presence.CANNOT_TELL] * 2
        assert len(server.requests) == 1


def test_what_a_search_has_found_is_remembered() -> None:
    """A text that a search has shown need not be searched for again."""
    routes = {"GET": listing(*map(str, range(100))), "POST": found("an oak", "a pine")}
    with Wire(routing(routes)) as server, client_of(server) as client:
        assert client.ask(Memory("alpha", "an oak", "k"), LONG) is Presence.PRESENT
        assert client.ask(Memory("alpha", "a pine", "k"), LONG) is Presence.PRESENT
        assert [request.method for request in server.requests] == ["GET", "POST"]


def test_a_large_text_arrives_whole_and_is_not_searched_for() -> None:
    """Its body is JSON like that of any other, with its length; no search takes such a query."""
    text = 'a "quoted" oak\n' * 100_000
    memory = Memory("beta", text, "k")
    routes = {"POST": DELIVERED, "GET": listing(*map(str, range(100)))}
    with Wire(routing(routes)) as server, client_of(server) as client:
        assert client.save(memory, LONG).kind is Kind.DELIVERED
        assert client.ask(memory, LONG) is Presence.CANNOT_TELL
        saved, asked = server.requests
    assert saved.json == {"user_id": "beta", "content": text}
    assert saved.headers["content-length"] == str(len(saved.body))
    assert asked.method == "GET"


def test_a_dialect_is_handed_all_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Address, proof, what is known of the server and terms reach the client, by default `vps`."""
    handed: list[Any] = []

    def make(*given: Any) -> Any:
        handed.append(given)

    monkeypatch.setitem(DIALECTS, "vps", make)
    address, known = ServerAddress.of("http://127.0.0.1:9"), Listings()
    connect(address, proof=str.upper, known=known, terms=Terms("me"))
    connect(address)
    assert handed == [(address, str.upper, known, Terms("me")), (address, None, None, Terms())]
