"""The embedded server has to prove itself on each connection before it gets anything."""

import json
from collections.abc import Callable
from contextlib import closing

import pytest

from mem0tray.server import Client, Kind, ServerAddress, connect
from tests.server.calls import LONG, MEMORY
from tests.server.wire import DELIVERED, PATIENCE, Connection, Handler, Wire, render

TOKEN = "s3cr3t-t0ken"  # noqa: S105 - none


def proof(challenge: str) -> str:
    """Answer as only the right server can."""
    return f"proof of {challenge}"


def connected(address: ServerAddress) -> Client:
    """Make a client of a server that has to prove itself."""
    return connect(address, proof=proof)


def proving(answer: Callable[[str], object]) -> Handler:
    """Answer the challenge with what `answer` makes of it, and whatever comes then; hang up."""

    def handle(connection: Connection) -> None:
        request = connection.request()
        assert request is not None
        challenge = request.target.partition("/health?challenge=")[2]
        connection.send(render(200, answer(challenge)))
        if connection.request() is not None:
            connection.send(DELIVERED)

    return handle


def test_a_server_that_proves_itself_is_sent_the_memory() -> None:
    """Each new connection begins with another challenge, without token, and then carries saves."""
    with Wire(proving(lambda challenge: {"proof": proof(challenge)})) as server:
        address = ServerAddress.of(server.url, TOKEN)
        with closing(connected(address)) as client:
            for _ in range(2):
                server.finished.clear()
                assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
                assert server.finished.wait(PATIENCE)
        asked = server.requests[::2]
        saved = server.requests[1::2]
    assert [request.method for request in asked] == ["GET"] * 2
    assert len({request.target for request in asked}) == 2
    assert all(len(request.target) == len("/health?challenge=") + 32 for request in asked)
    assert [request.headers for request in asked] == [{"host": address.host}] * 2
    assert [(request.method, request.target) for request in saved] == [("POST", "/memory")] * 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: {"proof": proof("another")},
        lambda _: {"proof": 7},
        lambda _: {"ok": True},
        lambda _: b"<html>",
        lambda _: json.dumps({"proof": "\u00e9"}).encode(),
        lambda _: b" " * 1_200_000,
    ],
    ids=["another's", "a number", "none", "a page", "no ASCII", "too much"],
)
def test_a_server_that_cannot_prove_itself_gets_nothing(
    answer: Callable[[str], object],
) -> None:
    """Without the right proof neither token nor memory goes out, and nothing counts as sent."""
    with Wire(proving(answer)) as server:
        with closing(connected(ServerAddress.of(server.url, TOKEN))) as client:
            outcome = client.save(MEMORY, LONG)
        assert server.finished.wait(PATIENCE)
        (request,) = server.requests
    assert outcome.kind is Kind.OUTAGE
    assert not outcome.may_have_it
    assert outcome.message == "another program has taken the server's place"
    assert "authorization" not in request.headers


def test_without_a_proof_nothing_is_asked() -> None:
    """A server that was chosen by its address is sent the memory at once."""
    with Wire(proving(lambda _: {"success": True})) as server:
        with closing(connect(ServerAddress.of(server.url, TOKEN))) as client:
            assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
        (request,) = server.requests
    assert request.target == "/memory"
