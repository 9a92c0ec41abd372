"""The dialect `platform`: what goes out to the hosted service, and what is made of its answers."""

import socket
from contextlib import closing
from typing import Any

import pytest

from mem0tray.server import (
    KeyVerdict,
    Kind,
    Listings,
    Memory,
    Outcome,
    Presence,
    Recognition,
    ServerAddress,
    Terms,
    connect,
    connect_to_probe,
    mem0_client,
)
from mem0tray.server.answers import FAILED_LATER, HOLDS_NUL, has_failed_later
from mem0tray.server.hosted import HostedClient
from tests.server.calls import LONG
from tests.server.hosted_service import ADDED, KEY, NAME, STORED, hosted, sent
from tests.server.wire import Request, Wire, answering, render, routing

MEMORY = Memory("alpha", "the third oak", "id-1", 1_767_225_600.5)
PENDING = render(200, {"status": "PENDING", "event_id": NAME})
FOUND = Memory("alpha", "the third oak", "id-1", ticket=NAME)


def saved(answer: bytes, memory: Memory = MEMORY) -> Outcome:
    """Save a memory to a server that answers so."""
    with Wire(answering(answer)) as server, hosted(server, KEY) as client:
        return client.save(memory, LONG)


def asked(answer: bytes, memory: Memory = FOUND) -> tuple[Presence | Outcome, list[Request]]:
    """Ask a server that answers so; what it was asked."""
    with Wire(answering(answer)) as server, hosted(server, KEY) as client:
        said = client.ask(memory, LONG)
        return said, list(server.requests)


def event(status: str, **more: Any) -> bytes:
    """Make the answer to a question for an event."""
    return render(200, {"id": NAME, "status": status, "event_type": "ADD", **more})


# Saving -------------------------------------------------------------------------------------------


def test_a_save_is_that_of_an_official_server_with_its_time() -> None:
    """The text as it is, under the service's own path, with the key as a token."""
    request = sent(MEMORY)
    assert (request.method, request.target) == ("POST", "/v3/memories/add/")
    assert request.json == {
        "messages": [{"role": "user", "content": "the third oak"}],
        "user_id": "alpha",
        "infer": False,
        "metadata": {"mem0tray_id": "id-1"},
        "timestamp": 1_767_225_600,
    }
    assert request.headers["authorization"] == f"Token {KEY}"
    assert request.headers["idempotency-key"] == "id-1"


@pytest.mark.parametrize("at", [0.0, -5.0, 12.0, 1e18, 1e11])
def test_a_time_that_makes_no_sense_is_left_out(at: float) -> None:
    """That of the memory's arrival holds then."""
    assert "timestamp" not in sent(Memory("alpha", "text", "k", at)).json


def test_stored_is_what_has_succeeded() -> None:
    """Anything else is no delivery."""
    assert saved(STORED).kind is Kind.DELIVERED
    assert saved(render(200, {"results": []})).kind is Kind.ITEM_FAILURE
    for status in ("HM", ["PENDING"], {"is": "PENDING"}, None):
        answer = render(200, {"status": status, "event_id": NAME})
        assert saved(answer).kind is Kind.ITEM_FAILURE
    assert saved(render(200, b"<html>")).kind is Kind.OUTAGE
    assert saved(render(401, {"detail": f"no key {KEY}"})).message == "401 Unauthorized"


@pytest.mark.parametrize("text", ["an oak " * 200_000, '"status": "SUCCEEDED"\n' * 100_000])
def test_a_large_text_that_is_repeated_is_delivered(text: str) -> None:
    """The answer is too long to be read whole; one that repeats another text says nothing."""
    memory = Memory("alpha", text, "k")
    for shown, kind in ((text, Kind.DELIVERED), (text.upper(), Kind.OUTAGE)):
        results = [{"id": NAME, "data": {"memory": shown}, "event": "ADD"}]
        done = {"message": "stored", "status": "SUCCEEDED", "event_id": NAME, "results": results}
        assert saved(render(200, done), memory).kind is kind


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_what_is_under_way_has_a_ticket(status: str) -> None:
    """The event by which it can be asked; what it may have is unknown until then."""
    outcome = saved(render(200, {"status": status, "event_id": NAME}))
    assert (outcome.kind, outcome.ticket, outcome.may_have_it) == (Kind.AT_WORK, NAME, True)


@pytest.mark.parametrize("name", [None, "", 7, "../x", "a b", "x" * 65])
def test_what_is_under_way_without_an_event_is_unknown(name: object) -> None:
    """There is nothing to ask for: it is sent again."""
    outcome = saved(render(200, {"status": "PENDING", "event_id": name}))
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, True)
    assert outcome.message == "200 OK without success"


def test_what_has_failed_at_once_is_an_item_failure() -> None:
    """It has not stored it, and its words are told."""
    outcome = saved(render(200, {"status": "FAILED", "event_id": NAME, "message": "no model"}))
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert outcome.message == "the server took it in, and could not store it: no model"
    assert has_failed_later(outcome.reason)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (
            render(400, {"error": "400 Bad Request", "details": {"message": "Too odd."}}),
            Kind.ITEM_FAILURE,
            "400: Too odd.",
        ),
        (render(400, {"error": "400 Bad Request"}), Kind.ITEM_FAILURE, "400 Bad Request"),
        (render(403, b""), Kind.FORBIDDEN, "403 Forbidden"),
        (render(429, {"detail": "slow"}), Kind.SLOW_DOWN, "429: slow"),
        (render(500, {"error": "hm"}), Kind.ITEM_FAILURE, "500: hm"),
        (render(503, b""), Kind.OUTAGE, "503 Service Unavailable"),
    ],
)
def test_other_answers_belong_to_the_usual_classes(answer: bytes, kind: Kind, message: str) -> None:
    """A message that only repeats the status is not told twice."""
    outcome = saved(answer)
    assert (outcome.kind, outcome.message) == (kind, message)


def test_a_429_says_how_long() -> None:
    """As everywhere."""
    assert saved(render(429, {}, Retry_After="7")).retry_after == 7.0


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_nul_is_named_where_it_is_not_taken(status: int) -> None:
    """It is the item that fails, for a reason that is known again."""
    outcome = saved(render(status, {}), Memory("alpha", "an\0oak", "k"))
    assert outcome.kind is Kind.ITEM_FAILURE
    assert outcome.reason.find(HOLDS_NUL.id) is not None


SAVE, LISTING = "POST /v3/memories/add/", "POST /v3/memories/"
SEARCH, EVENT = "POST /v3/memories/search/", f"GET /v1/event/{NAME}/"
BY_KEY: dict[str, Any] = {"id": "m", "memory": "an oak", "metadata": {"mem0tray_id": "id-1"}}
BY_TEXT: dict[str, Any] = {
    "id": "m",
    "memory": "the third oak",
    "metadata": {"mem0tray_id": "another"},
}
OTHERS: dict[str, Any] = {
    "id": "m",
    "memory": "the fourth oak",
    "metadata": {"mem0tray_id": "another"},
}


def there(*shown: dict[str, Any]) -> bytes:
    """Make a listing or the result of a search."""
    return render(200, {"results": shown})


@pytest.mark.parametrize(
    ("listing", "search", "kinds"),
    [
        (there(BY_KEY), there(), (Kind.DELIVERED, Kind.DELIVERED)),
        (there(), there(OTHERS, BY_TEXT), (Kind.DELIVERED, Kind.DELIVERED)),
        (there(), there(OTHERS), (Kind.ITEM_FAILURE, Kind.OUTAGE)),
        (there(), render(500, {}), (Kind.ITEM_FAILURE, Kind.DELIVERED)),
    ],
    ids=["has its key", "has an equal text", "lacks it", "does not say"],
)
@pytest.mark.parametrize("is_event", [False, True])
def test_a_success_is_believed_once_the_memory_is_seen_there(
    monkeypatch: pytest.MonkeyPatch,
    listing: bytes,
    search: bytes,
    kinds: tuple[Kind, Kind],
    *,
    is_event: bool,
) -> None:
    """Each without results, which may be an equal text, and the first of the others."""
    monkeypatch.setattr(mem0_client, "_CHECKED", (0.0,))
    for results, kind in zip(([], [ADDED]), kinds, strict=True):
        done = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": results})
        routes = {SAVE: done, EVENT: done, SEARCH: search, LISTING: listing}
        with Wire(routing(routes)) as server:
            address = ServerAddress.of(server.url, KEY)
            with closing(connect(address, "platform", known=Listings(1))) as client:
                said = client.ask(FOUND, LONG) if is_event else client.save(MEMORY, LONG)
        if kind is Kind.DELIVERED and is_event:
            assert said is Presence.PRESENT
        elif kind is Kind.DELIVERED:
            assert isinstance(said, Outcome)
            assert said.kind is kind
        else:  # what is wrong with an event is its memory's failure
            assert isinstance(said, Outcome)
            assert said.kind is (Kind.ITEM_FAILURE if is_event else kind)
            assert said.may_have_it


def test_facts_are_believed_without_a_look() -> None:
    """With `infer` a text may hold none."""
    done = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": []})
    with Wire(answering(done)) as server, hosted(server, KEY, Terms(infer=True)) as client:
        assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
        assert len(server.requests) == 1


# What became of it --------------------------------------------------------------------------------


def test_a_ticket_is_asked_for() -> None:
    """By a GET that carries no memory."""
    said, (request,) = asked(event("SUCCEEDED", results=[ADDED]))
    assert said is Presence.PRESENT
    assert (request.method, request.target) == ("GET", f"/v1/event/{NAME}/")
    assert request.body == b""


def test_without_a_ticket_nobody_is_asked() -> None:
    """The service has no other question; an equal text is stored once."""
    assert asked(STORED, MEMORY) == (Presence.CANNOT_TELL, [])


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_an_event_may_be_under_way_still(status: str) -> None:
    """Its ticket is the same."""
    said, _ = asked(event(status))
    assert isinstance(said, Outcome)
    assert (said.kind, said.ticket, said.may_have_it) == (Kind.AT_WORK, NAME, True)


@pytest.mark.parametrize("error", ["no facts in the third oak", None, ""])
def test_an_event_that_failed_says_so_without_the_text(error: str | None) -> None:
    """The item has failed, and is not there."""
    said, _ = asked(event("FAILED", error=error))
    assert isinstance(said, Outcome)
    assert (said.kind, said.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert said.message == str(FAILED_LATER)


@pytest.mark.parametrize("status", [404, 405])
def test_an_event_that_is_gone_tells_nothing(status: int) -> None:
    """Then the memory is sent again."""
    assert asked(render(status, {"error": "Event not found"}))[0] is Presence.CANNOT_TELL


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (render(401, {}), Kind.UNAUTHORIZED),
        (render(429, {}), Kind.SLOW_DOWN),
        (render(503, {}), Kind.OUTAGE),
        (render(400, {}), Kind.NO_ANSWER),
        (render(403, {}), Kind.NO_ANSWER),
        (render(500, {}), Kind.NO_ANSWER),
        (event("CANCELLED"), Kind.NO_ANSWER),
        (render(200, {}), Kind.NO_ANSWER),
    ],
)
def test_whatever_else_comes_is_no_answer(answer: bytes, kind: Kind) -> None:
    """The question stands."""
    said, _ = asked(answer)
    assert isinstance(said, Outcome)
    assert said.kind is kind


# Health, key, host --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "healthy"), [(200, True), (401, True), (403, True), (404, False), (500, False)]
)
def test_a_server_that_refuses_the_key_is_well(status: int, *, healthy: bool) -> None:
    """What is wrong with the key a delivery tells, and the look at it."""
    with Wire(answering(render(status, {"status": "ok"}))) as server, hosted(server) as client:
        health = client.probe(LONG)
        (request,) = server.requests
    assert (request.target, health.healthy) == ("/v1/ping/", healthy)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([render(200, {}), render(401, {})], KeyVerdict.TAKEN),
        ([render(200, {}), render(200, {})], KeyVerdict.OPEN),
        ([render(401, {"detail": "Invalid API key."})], KeyVerdict.REFUSED),
    ],
)
def test_a_key_is_looked_at_by_the_ping(answers: list[bytes], verdict: KeyVerdict) -> None:
    """Once with it, once without."""
    with Wire(answering(*answers)) as server, hosted(server, KEY) as client:
        assert client.check_key(LONG).verdict is verdict
        assert {request.target for request in server.requests} == {"/v1/ping/"}


@pytest.fixture
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no name resolved: nothing leaves this computer."""
    resolve = socket.getaddrinfo

    def resolve_here(host: str, *more: Any, **named: Any) -> list[Any]:
        if host != "127.0.0.1":
            raise socket.gaierror
        return resolve(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)


@pytest.mark.usefixtures("only_here")
def test_the_host_s_name_alone_says_which_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of `auto` nothing goes there but what is the service's own; here through a proxy of ours."""
    learnt: list[str] = []
    ping = render(200, {"status": "ok"})
    with Wire(answering(ping)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        address = ServerAddress.of("http://API.mem0.ai")
        with closing(connect_to_probe(address, Recognition(note=learnt.append))) as made:
            assert made.probe(LONG).healthy
        asked_for = [f"{each.method} {each.target}" for each in proxy.requests]
    assert asked_for == ["GET http://api.mem0.ai/v1/ping/"]
    assert learnt == ["platform"]


@pytest.mark.usefixtures("only_here")
def test_a_key_that_a_known_host_refuses_is_looked_at_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As that dialect does, also before anything was recognised."""
    with Wire(answering(render(401, {}))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        address = ServerAddress.of("http://api.mem0.ai", KEY, allow_plain_key=True)
        with closing(connect_to_probe(address, Recognition())) as made:
            assert made.check_key(LONG).verdict is KeyVerdict.REFUSED
        (request,) = proxy.requests
    assert request.target == "http://api.mem0.ai/v1/ping/"
    assert request.headers["authorization"] == f"Token {KEY}"


def test_the_dialect_is_known_by_its_name() -> None:
    """As people set it."""
    with closing(connect(ServerAddress.of("http://127.0.0.1:1"), "platform")) as client:
        assert isinstance(client, HostedClient)
