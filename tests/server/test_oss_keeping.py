"""The dialect `oss`: whether a server has what it says that it stored."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from mem0tray.server import (
    Client,
    Kind,
    Listings,
    Memory,
    Outcome,
    ServerAddress,
    Terms,
    connect,
    mem0_client,
)
from mem0tray.server.answers import NOT_KEPT
from tests.server.calls import LONG
from tests.server.wire import Connection, Wire, render

MEMORY = Memory("alpha", "the third oak", "id-1")
ADDED = render(200, {"results": [{"id": "m", "memory": "the third oak", "event": "ADD"}]})
NONE = render(200, {"results": []})
SHOWN = render(200, {"results": [{"id": "m", "memory": "x", "metadata": {"mem0tray_id": "id-1"}}]})
FULL = render(200, {"results": [{"id": str(n), "memory": "y"} for n in range(1000)]})


@contextmanager
def told(
    *, search: list[bytes], listing: bytes = NONE, checks: int = 3, infer: bool = False
) -> Iterator[tuple[Client, Wire]]:
    """Open a client of a server that stores, and answers questions so, the last for good."""

    def handle(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            if request.target == "/memories":
                answer = ADDED
            elif request.target == "/search":
                answer = search.pop(0) if len(search) > 1 else search[0]
            else:
                answer = listing
            if not connection.send(answer):
                return

    with Wire(handle) as server:
        address, known = ServerAddress.of(server.url), Listings(checks)
        terms = Terms(infer=infer)
        with closing(connect(address, "oss", known=known, terms=terms)) as client:
            yield client, server


def asked(server: Wire) -> list[str]:
    """What was asked for, saves left out."""
    return [each.target.split("?")[0] for each in server.requests if each.target != "/memories"]


def saves(client: Client, number: int = 1) -> list[Outcome]:
    """Save as often."""
    return [client.save(MEMORY, LONG) for _ in range(number)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mem0_client, "_CHECKED", (0.0, 0.001, 0.001))


def test_one_question_shows_that_a_server_keeps_what_it_takes() -> None:
    """What is stored after that costs none."""
    with told(search=[SHOWN]) as (client, server):
        assert [each.kind for each in saves(client, 5)] == [Kind.DELIVERED] * 5
        assert asked(server) == ["/search"]


def test_what_it_neither_finds_nor_lists_is_not_delivered() -> None:
    """The server is to blame: nothing is counted, and it is asked before it is sent again."""
    with told(search=[NONE]) as (client, server):
        (outcome,) = saves(client)
        assert (outcome.kind, outcome.may_have_it) == (Kind.OUTAGE, True)
        assert outcome.message == "200 OK, but the server does not have what it said that it stored"
        assert outcome.reason.find(NOT_KEPT.id) is not None
        assert asked(server) == ["/search", "/memories"] * 3
        assert saves(client)[0].kind is Kind.OUTAGE


def test_a_server_that_is_slow_to_find_it_keeps_it() -> None:
    """It is asked again after a while, and that raises no alarm."""
    with told(search=[NONE, NONE, SHOWN]) as (client, server):
        assert [each.kind for each in saves(client, 2)] == [Kind.DELIVERED] * 2
        assert asked(server).count("/search") == 3


@pytest.mark.parametrize("listing", [SHOWN, FULL, render(500, {})])
def test_a_search_alone_says_nothing_against_it(listing: bytes) -> None:
    """What it lists it has; and a listing that may lack some, or fails, proves nothing."""
    with told(search=[NONE], listing=listing) as (client, _):
        assert saves(client)[0].kind is Kind.DELIVERED


@pytest.mark.parametrize("answer", [render(500, {}), render(404, {}), render(200, ["odd"])])
def test_a_server_that_does_not_say_is_asked_three_times(answer: bytes) -> None:
    """No more deliveries than that are asked for, and all count."""
    with told(search=[answer]) as (client, server):
        assert {each.kind for each in saves(client, 6)} == {Kind.DELIVERED}
        assert len(asked(server)) <= 3


def test_nobody_is_asked_where_nothing_is_to_be_checked() -> None:
    """Not by a command's client, nor where the server keeps what it makes of the texts."""
    with told(search=[NONE], checks=0) as (client, server):
        assert saves(client)[0].kind is Kind.DELIVERED
        assert asked(server) == []
    with told(search=[NONE], infer=True) as (client, server):
        assert saves(client)[0].kind is Kind.DELIVERED
        assert asked(server) == []


def test_a_server_that_cannot_tell_is_not_asked_for_a_delivery() -> None:
    """What it said to the question before the save holds for the one behind it."""
    with told(search=[render(404, {"detail": "Not Found"})]) as (client, server):
        client.ask(MEMORY, LONG)
        saves(client, 3)
        assert asked(server) == ["/search"]
