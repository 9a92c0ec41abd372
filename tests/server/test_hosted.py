"""The dialect `platform`: what goes out to the hosted service, and what is made of its answers."""

import socket
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from mem0tray.server import (
    Client,
    KeyVerdict,
    Kind,
    Listings,
    Memory,
    Outcome,
    Presence,
    ProjectCount,
    Recognition,
    ServerAddress,
    Terms,
    connect_to_probe,
    http_client,
)
from mem0tray.server.answers import FAILED_LATER, HOLDS_NUL, has_failed_later
from tests.server.calls import LONG, client_of
from tests.server.wire import Connection, Request, Wire, answering, render, routing

KEY = "m0-sesame-4711"
NAME = "2c4d1f44-4f7b-4b2f-9f6e-7b5b4f5a1234"
ADDED = {"id": "m", "event": "ADD", "data": {"memory": "the third oak"}}
STORED = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": [ADDED]})
MEMORY = Memory("alpha", "the third oak", "id-1", 1_767_225_600.5)
FOUND = Memory("alpha", "the third oak", "id-1", ticket=NAME)


hosted = partial(client_of, dialect="platform")


def sent(memory: Memory, terms: Terms | None = None) -> Request:
    """Save a memory; what went out."""
    with Wire(answering(STORED)) as server, hosted(server, KEY, terms=terms) as client:
        client.save(memory, LONG)
        (request,) = server.requests
    return request


def saved(answer: bytes, memory: Memory = MEMORY) -> Outcome:
    with Wire(answering(answer)) as server, hosted(server, KEY) as client:
        return client.save(memory, LONG)


def asked(answer: bytes, memory: Memory = FOUND) -> tuple[Presence | Outcome, list[Request]]:
    """Ask a server that answers so; what it was asked."""
    with Wire(answering(answer)) as server, hosted(server, KEY) as client:
        said = client.ask(memory, LONG)
        return said, list(server.requests)


def event(status: str, **more: Any) -> bytes:
    return render(200, {"id": NAME, "status": status, "event_type": "ADD", **more})


# Saving -------------------------------------------------------------------------------------------


def test_a_save_is_that_of_an_official_server_with_its_time() -> None:
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
    assert "timestamp" not in sent(Memory("alpha", "text", "k", at)).json


@pytest.mark.parametrize("text", ["an oak " * 200_000, '"status": "SUCCEEDED"\n' * 100_000])
def test_a_large_text_that_is_repeated_is_delivered(text: str) -> None:
    memory = Memory("alpha", text, "k")
    for shown, kind in ((text, Kind.DELIVERED), (text.upper(), Kind.OUTAGE)):
        results = [{"id": NAME, "data": {"memory": shown}, "event": "ADD"}]
        done = {"message": "stored", "status": "SUCCEEDED", "event_id": NAME, "results": results}
        assert saved(render(200, done), memory).kind is kind


def test_what_has_failed_at_once_is_an_item_failure() -> None:
    outcome = saved(render(200, {"status": "FAILED", "event_id": NAME, "message": "no model"}))
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert outcome.message == "the server took it in, and could not store it: no model"
    assert has_failed_later(outcome.reason)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (STORED, Kind.DELIVERED, ""),
        (render(401, {"detail": f"no key {KEY}"}), Kind.UNAUTHORIZED, "401 Unauthorized"),
        (
            render(400, {"error": "400 Bad Request", "details": {"message": "Too odd."}}),
            Kind.ITEM_FAILURE,
            "400: Too odd.",
        ),
        (render(429, {"detail": "slow"}), Kind.SLOW_DOWN, "429: slow"),
        (render(503, b""), Kind.OUTAGE, "503 Service Unavailable"),
    ],
)
def test_an_answer_belongs_to_its_class(answer: bytes, kind: Kind, message: str) -> None:
    outcome = saved(answer)
    assert (outcome.kind, outcome.message) == (kind, message)


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_what_is_under_way_has_a_ticket(status: str) -> None:
    for outcome in (saved(event(status, event_id=NAME)), asked(event(status))[0]):
        assert isinstance(outcome, Outcome)
        assert (outcome.kind, outcome.ticket, outcome.may_have_it) == (Kind.AT_WORK, NAME, True)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        *(("PENDING", name) for name in (None, "", 7, "../x", "a b", "x" * 65)),
        *((status, NAME) for status in ("HM", ["PENDING"], {"is": "PENDING"}, None)),
    ],
)
def test_what_is_under_way_without_an_event_is_unknown(status: object, name: object) -> None:
    outcome = saved(render(200, {"status": status, "event_id": name}))
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, True)
    assert outcome.message == "200 OK without success"


@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_nul_is_named_where_it_is_not_taken(status: int) -> None:
    outcome = saved(render(status, {}), Memory("alpha", "an\0oak", "k"))
    assert outcome.kind is Kind.ITEM_FAILURE
    assert outcome.reason.find(HOLDS_NUL.id) is not None


SAVE, LISTING = "POST /v3/memories/add/", "POST /v3/memories/"
SEARCH, EVENT = "POST /v3/memories/search/", f"GET /v1/event/{NAME}/"
BY_KEY: dict[str, Any] = {"memory": "an oak", "metadata": {"mem0tray_id": "id-1"}}
BY_TEXT: dict[str, Any] = {"memory": "the third oak", "metadata": {"mem0tray_id": "another"}}
OTHERS: dict[str, Any] = {**BY_TEXT, "memory": "the fourth oak"}


def there(*shown: dict[str, Any]) -> bytes:
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
    monkeypatch.setattr(http_client, "_CHECKED", (0.0,))
    for results, kind in zip(([], [ADDED]), kinds, strict=True):
        done = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": results})
        routes = {SAVE: done, EVENT: done, SEARCH: search, LISTING: listing}
        with Wire(routing(routes)) as server, hosted(server, KEY, known=Listings(1)) as client:
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
    done = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": []})
    with Wire(answering(done)) as server, hosted(server, KEY, terms=Terms(infer=True)) as client:
        assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
        assert len(server.requests) == 1


# What became of it --------------------------------------------------------------------------------


def test_a_ticket_is_asked_for() -> None:
    said, (request,) = asked(event("SUCCEEDED", results=[ADDED]))
    assert said is Presence.PRESENT
    assert (request.method, request.target) == ("GET", f"/v1/event/{NAME}/")
    assert request.body == b""


def test_without_a_ticket_nobody_is_asked() -> None:
    assert asked(STORED, MEMORY) == (Presence.CANNOT_TELL, [])


@pytest.mark.parametrize("error", ["no facts in the third oak", None, ""])
def test_an_event_that_failed_says_so_without_the_text(error: str | None) -> None:
    said, _ = asked(event("FAILED", error=error))
    assert isinstance(said, Outcome)
    assert (said.kind, said.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert said.message == str(FAILED_LATER)


@pytest.mark.parametrize("status", [404, 405])
def test_an_event_that_is_gone_tells_nothing(status: int) -> None:
    assert asked(render(status, {"error": "Event not found"}))[0] is Presence.CANNOT_TELL


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (render(401, {}), Kind.UNAUTHORIZED),
        (render(429, {}), Kind.SLOW_DOWN),
        (render(503, {}), Kind.OUTAGE),
        (render(500, {}), Kind.NO_ANSWER),
        (event("CANCELLED"), Kind.NO_ANSWER),
        (render(200, {}), Kind.NO_ANSWER),
    ],
)
def test_whatever_else_comes_is_no_answer(answer: bytes, kind: Kind) -> None:
    said, _ = asked(answer)
    assert isinstance(said, Outcome)
    assert said.kind is kind


# Health, key, host --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "healthy"), [(200, True), (401, True), (403, True), (404, False), (500, False)]
)
def test_a_server_that_refuses_the_key_is_well(status: int, *, healthy: bool) -> None:
    with Wire(answering(render(status, {"status": "ok"}))) as server, hosted(server) as client:
        health = client.probe(LONG)
        (request,) = server.requests
    assert (request.target, health.healthy) == ("/v1/ping/", healthy)


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
@pytest.mark.parametrize("status", [200, 401])
def test_the_host_s_name_alone_says_which_it_is(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    learnt: list[str] = []
    with Wire(answering(render(status, {"status": "ok"}))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        address = ServerAddress.of("http://API.mem0.ai", KEY, allow_plain_key=True)
        with closing(connect_to_probe(address, Recognition(note=learnt.append))) as made:
            assert made.probe(LONG).healthy
            refused = made.check_key(LONG).verdict is KeyVerdict.REFUSED
    assert refused is (status == 401)
    assert {each.target for each in proxy.requests} == {"http://api.mem0.ai/v1/ping/"}
    assert proxy.requests[0].headers["authorization"] == f"Token {KEY}"
    assert learnt == ["platform"]


# Reading ------------------------------------------------------------------------------------------


def listing(*numbers: int, count: int | None = None, following: str | None = None) -> bytes:
    """Make a page of a listing, of memories with these numbers."""
    times = {n: f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z" for n in numbers}
    found = [{"memory": f"oak {n}", "created_at": at, "metadata": None} for n, at in times.items()]
    body = {"count": count or len(found), "next": following, "previous": None, "results": found}
    return render(200, body)


def test_a_page_is_asked_for_with_filters() -> None:
    with Wire(answering(listing(2, 1))) as server, hosted(server) as client:
        page = client.page("my project", "", LONG)
        (request,) = server.requests
    assert not isinstance(page, Outcome)
    assert (page.after, page.whole) == ("", True)
    assert [each.text for each in page.memories] == ["oak 2", "oak 1"]
    assert request.target == "/v3/memories/?page=1&page_size=200"
    assert request.json == {"filters": {"user_id": "my%20project"}}


def all_pages(client: Client) -> list[str]:
    found, after = [], ""
    while True:
        page = client.page("alpha", after, LONG)
        assert not isinstance(page, Outcome)
        found += [each.text for each in page.memories]
        after = page.after
        if not after:
            return found


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_go_from_the_newest_to_the_oldest(*, newest_first: bool) -> None:
    numbers = [*range(450)]
    there = numbers[::-1] if newest_first else numbers
    more = "http://elsewhere.test/v3/memories/?page=9"
    pages = {
        f"POST /v3/memories/?page={n + 1}&page_size=200": listing(
            *there[n * 200 : n * 200 + 200], count=450, following=more if n < 2 else None
        )
        for n in range(3)
    }
    with Wire(routing(pages)) as server, hosted(server) as client:
        assert all_pages(client) == [f"oak {n}" for n in reversed(numbers)]


def test_a_page_that_is_gone_ends_the_listing() -> None:
    first = listing(*range(200, 0, -1), count=201, following="http://x.test/?page=2")
    with (
        Wire(answering(first, render(404, {"detail": "Invalid page."}))) as server,
        hosted(server) as client,
    ):
        page = client.page("alpha", "", LONG)
        assert not isinstance(page, Outcome)
        last = client.page("alpha", page.after, LONG)
    assert not isinstance(last, Outcome)
    assert (last.memories, last.after, last.whole) == ([], "", False)


def entities(*names: tuple[str, str], following: str | None = None) -> bytes:
    found = [{"id": name, "name": name, "type": kind} for kind, name in names]
    body = {"count": 9, "next": following, "previous": None, "results": found}
    return render(200, body)


def test_projects_that_are_named_again_and_again_come_to_an_end() -> None:
    asked: list[str] = []

    def handle(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            asked.append(request.target)
            if not connection.send(entities(("user", "a"), following=f"/?page={len(asked) + 1}")):
                return

    with Wire(handle) as wire, hosted(wire) as client:
        assert client.projects(LONG) == [ProjectCount("a")]
    assert len(asked) == 2


def test_projects_are_the_users_or_those_of_one_user_its_agents() -> None:
    pages = {
        "GET /v1/entities/?page=2": entities(
            ("user", "two%20words"), ("user", "50%25"), ("run", "r")
        ),
        "GET /v1/entities/": entities(
            ("user", "a"), ("agent", "b"), following="https://elsewhere.test/v1/entities/?page=2"
        ),
    }
    with Wire(routing(pages)) as server:
        with hosted(server) as client:
            users = client.projects(LONG)
        with hosted(server, terms=Terms("me")) as client:
            agents = client.projects(LONG)
        with hosted(server, terms=Terms("me", infer=True)) as client:
            neither = client.projects(LONG)
    assert not isinstance(users, Outcome)
    assert not isinstance(agents, Outcome)
    assert [each.project for each in users] == ["a", "two words", "50%"]
    assert [each.project for each in agents] == ["b"]
    assert isinstance(neither, Outcome)
    assert neither.status == 404


def test_a_user_s_facts_are_told_apart_by_their_metadata() -> None:
    terms = Terms("Jo Doe", infer=True)
    body = sent(Memory("alpha", "text", "k"), terms).json
    assert (body["user_id"], body["agent_id"]) == ("Jo%20Doe", "alpha")
    assert body["metadata"]["mem0tray_project"] == "alpha"
    with Wire(answering(listing())) as server, hosted(server, terms=terms) as client:
        client.read("alpha", 5, LONG)
        (request,) = server.requests
    assert request.json == {
        "filters": {"AND": [{"user_id": "Jo%20Doe"}, {"metadata": {"mem0tray_project": "alpha"}}]}
    }
