"""The dialect `platform`: what goes out to the hosted service, and what is made of its answers."""

import socket
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.item import Kind
from mem0tray.server import Recognition, connect_to_probe, http_client
from mem0tray.server.answers import FAILED_LATER, HOLDS_NUL, has_failed_later
from mem0tray.server.listings import Listings
from mem0tray.server.model import (
    KeyVerdict,
    Memory,
    Outcome,
    Page,
    Presence,
    ProjectCount,
    ServerMemory,
    Terms,
)
from mem0tray.server.platform import PlatformClient
from tests.server.calls import LONG, client_of, read_all, spoken
from tests.server.wire import Wire, answering, render, routing
from tests.support.hosted import HostedStandin, Work

KEY = "m0-sesame-4711"
NAME = "2c4d1f44-4f7b-4b2f-9f6e-7b5b4f5a1234"
ADDED = {"id": "m", "event": "ADD", "data": {"memory": "the third oak"}}
STORED = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": [ADDED]})
MEMORY = Memory("alpha", "the third oak", "id-1", 1_767_225_600.5)
FOUND = Memory("alpha", "the third oak", "id-1", ticket=NAME)

hosted = partial(client_of, dialect="platform")
called = partial(spoken, token=KEY, dialect="platform")


def saved(answer: bytes, memory: Memory = MEMORY) -> Outcome:
    outcome: Outcome = called(answer, "save", memory)[0]
    return outcome


def event(status: str, **more: Any) -> bytes:
    return render(200, {"id": NAME, "status": status, "event_type": "ADD", **more})


@pytest.mark.parametrize("terms", [Terms(), Terms("Jo Doe"), Terms("Jo Doe", infer=True)])
def test_each_call_of_a_client_fits_what_is_published(terms: Terms) -> None:
    memory = Memory("my project", "an oak", "key", 1_767_225_600.0)
    with HostedStandin() as server, hosted(server, KEY, terms=terms) as client:
        server.api_key = KEY
        server.works = lambda _: Work(60.0)
        outcome = client.save(memory, LONG)
        taken_in = replace(memory, ticket=outcome.ticket)
        still = client.ask(taken_in, LONG)
        server.finish()
        assert isinstance(still, Outcome)
        assert outcome.kind is still.kind is Kind.AT_WORK
        assert client.ask(taken_in, LONG) is Presence.PRESENT
        page = client.page("my project", "", LONG)
        assert isinstance(page, Page)
        searched = client.search("my project", "oak", 3, LONG)
        for found in (page.memories, searched, client.find("my project", "key", LONG)):
            assert not isinstance(found, Outcome)
            assert [(each.text, each.key) for each in found] == [("an oak", "key")]
        client.projects(LONG)
        client.probe(LONG)
        client.check_key(LONG)
        assert server.faults == []


def test_a_save_is_that_of_an_official_server_with_its_time() -> None:
    _, (request,) = called(STORED, "save", MEMORY)
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


@pytest.mark.parametrize("at", [0.0, -5.0, 12.0, 1e11])
def test_a_time_that_makes_no_sense_is_left_out(at: float) -> None:
    _, (request,) = called(STORED, "save", Memory("alpha", "text", "k", at))
    assert "timestamp" not in request.json


@pytest.mark.parametrize("text", ["an oak " * 200_000, '"status": "SUCCEEDED"\n' * 100_000])
def test_a_large_text_that_is_repeated_is_delivered(text: str) -> None:
    memory = Memory("alpha", text, "k")
    for shown, kind in ((text, Kind.DELIVERED), (text.upper(), Kind.OUTAGE)):
        results = [{"id": NAME, "data": {"memory": shown}, "event": "ADD"}]
        done = {"message": "stored", "status": "SUCCEEDED", "event_id": NAME, "results": results}
        outcome = saved(render(200, done), memory)
        assert (outcome.kind, outcome.duration > 0) == (kind, True)


def test_a_success_that_lists_nothing_is_one() -> None:
    assert saved(event("SUCCEEDED", event_id=NAME)).kind is Kind.DELIVERED


def test_what_has_failed_at_once_is_an_item_failure() -> None:
    outcome = saved(render(200, {"status": "FAILED", "event_id": NAME, "message": "no model"}))
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert outcome.message == "the server took it in, and could not store it: no model"
    assert has_failed_later(outcome.reason)


def test_the_details_of_an_error_are_its_message() -> None:
    error = {"error": "400 Bad Request", "details": {"message": "Too odd."}}
    outcome = saved(render(400, error))
    assert (outcome.kind, outcome.message) == (Kind.ITEM_FAILURE, "400: Too odd.")


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_what_is_under_way_has_a_ticket(status: str) -> None:
    for outcome in (saved(event(status, event_id=NAME)), called(event(status), "ask", FOUND)[0]):
        assert (outcome.kind, outcome.ticket, outcome.may_have_it) == (Kind.AT_WORK, NAME, True)
        assert outcome.status == 200


@pytest.mark.parametrize(
    ("status", "name"),
    [
        *(("PENDING", name) for name in (None, "", 7, "../x", "x" * 65)),
        *((status, NAME) for status in ("HM", ["PENDING"], None)),
    ],
)
def test_what_is_under_way_without_an_event_is_unknown(status: object, name: object) -> None:
    outcome = saved(render(200, {"status": status, "event_id": name}))
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, True)
    assert outcome.message == "200 OK without success"


@pytest.mark.parametrize("status", [400, 500])
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
        routes = routing({SAVE: done, EVENT: done, SEARCH: search, LISTING: listing})
        call, memory = ("ask", FOUND) if is_event else ("save", MEMORY)
        said, requests = called(routes, call, memory, known=Listings(1))
        asked = [each.json["filters"] for each in requests if each.target == "/v3/memories/"]
        assert all({"metadata": {"mem0tray_id": "id-1"}} in each["AND"] for each in asked)
        if kind is Kind.DELIVERED and is_event:
            assert said is Presence.PRESENT
        elif kind is Kind.DELIVERED:
            assert said.kind is kind
        else:  # what is wrong with an event is its memory's failure
            assert said.kind is (Kind.ITEM_FAILURE if is_event else kind)
            assert said.may_have_it


def test_facts_are_believed_without_a_look() -> None:
    done = render(200, {"status": "SUCCEEDED", "event_id": NAME, "results": []})
    outcome, requests = called(done, "save", MEMORY, terms=Terms(infer=True))
    assert (outcome.kind, outcome.status, len(requests)) == (Kind.DELIVERED, 200, 1)


def test_a_ticket_is_asked_for() -> None:
    said, (request,) = called(event("SUCCEEDED", results=[ADDED]), "ask", FOUND)
    assert said is Presence.PRESENT
    assert (request.method, request.target) == ("GET", f"/v1/event/{NAME}/")
    assert request.body == b""


def test_without_a_ticket_or_a_user_and_a_key_nobody_is_asked() -> None:
    assert called(STORED, "ask", MEMORY) == (Presence.CANNOT_TELL, [])
    keyless = replace(MEMORY, key="")
    assert called(STORED, "ask", keyless, terms=VERBATIM) == (Presence.CANNOT_TELL, [])


@pytest.mark.row(42)
@pytest.mark.parametrize("error", ["no facts in the third oak", None, ""])
def test_an_event_that_failed_says_so_without_the_text(error: str | None) -> None:
    said, _ = called(event("FAILED", error=error), "ask", FOUND)
    assert (said.kind, said.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert said.message == str(FAILED_LATER)


@pytest.mark.parametrize(
    ("status", "healthy"), [(200, True), (401, True), (403, True), (404, False), (500, False)]
)
def test_a_server_that_refuses_the_key_is_well(status: int, *, healthy: bool) -> None:
    health, (request,) = called(render(status, {"status": "ok"}), "probe")
    assert (request.target, health.healthy) == ("/v1/ping/", healthy)


@pytest.fixture
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
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


def listing(*numbers: int, count: int | None = None, following: str | None = None) -> bytes:
    times = {n: f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z" for n in numbers}
    found = [{"memory": f"oak {n}", "created_at": at, "metadata": None} for n, at in times.items()]
    body = {"count": count or len(found), "next": following, "previous": None, "results": found}
    return render(200, body)


def test_a_page_is_asked_for_with_filters() -> None:
    page, (request,) = called(listing(2, 1), "page", "my project", "")
    assert (page.after, page.whole) == ("", True)
    assert [each.text for each in page.memories] == ["oak 2", "oak 1"]
    assert request.target == "/v3/memories/?page=1&page_size=200"
    assert request.json == {"filters": {"user_id": "my%20project"}}


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
        assert read_all(client, "alpha")[0] == [f"oak {n}" for n in reversed(numbers)]


def test_a_page_that_is_gone_ends_the_listing() -> None:
    page, _ = called(render(404, {"detail": "Invalid page."}), "page", "alpha", "0:200")
    assert page == Page([], whole=False)


def entities(*names: tuple[str, str], following: str | None = None) -> bytes:
    found = [{"id": name, "name": name, "type": kind} for kind, name in names]
    body = {"count": 9, "next": following, "previous": None, "results": found}
    return render(200, body)


def test_projects_that_are_named_again_and_again_come_to_an_end() -> None:
    projects, requests = called(entities(("user", "a"), following="/?page=9"), "projects")
    assert (projects, len(requests)) == ([ProjectCount("a")], 2)


@pytest.mark.parametrize(
    ("terms", "projects"),
    [
        (Terms(), ["a", "two words", "50%"]),
        (Terms("me"), ["b", "c d"]),
        (Terms("me", infer=True), ["b", "c d"]),
    ],
)
def test_projects_are_the_users_or_those_of_one_user_its_apps_and_agents(
    terms: Terms, projects: list[str]
) -> None:
    more = ("user", "two%20words"), ("user", "50%25"), ("run", "r"), ("app", "c%20d")
    elsewhere = "https://elsewhere.test/v1/entities/?page=2"
    pages = {
        "GET /v1/entities/?page=2": entities(*more),
        "GET /v1/entities/": entities(("user", "a"), ("agent", "b"), following=elsewhere),
    }
    found, _ = called(routing(pages), "projects", terms=terms)
    assert [each.project for each in found] == projects


# With a user -------------------------------------------------------------------------------------

VERBATIM, FACTS = Terms("Jo Doe"), Terms("Jo Doe", infer=True)
USER = {"user_id": "Jo%20Doe"}
APP, AGENT = {"app_id": "alpha"}, {"agent_id": "alpha"}
IN_METADATA = {"mem0tray_project": "alpha"}
each_terms = pytest.mark.parametrize("terms", [VERBATIM, FACTS], ids=["verbatim", "facts"])


def body_of(memory: Memory, terms: Terms) -> dict[str, Any]:
    body: dict[str, Any] = called(STORED, "save", memory, terms=terms)[1][0].json
    return body


@pytest.mark.parametrize(
    ("as_agent", "terms", "more", "metadata"),
    [
        (False, VERBATIM, APP, {}),
        (False, FACTS, APP, {}),
        (True, VERBATIM, AGENT, {}),
        (True, FACTS, AGENT, IN_METADATA),
    ],
    ids=["as mem0's own plug-in", "facts", "as a former version may have sent it", "such facts"],
)
def test_a_project_is_an_app_or_as_before_an_agent(
    terms: Terms, more: dict[str, str], metadata: dict[str, str], *, as_agent: bool
) -> None:
    body = body_of(Memory("alpha", "text", "k", as_agent=as_agent), terms)
    scope = {name: each for name, each in body.items() if name.endswith("_id")}
    assert (scope, body["metadata"]) == (USER | more, {"mem0tray_id": "k"} | metadata)


@pytest.mark.row(36)
@each_terms
@pytest.mark.parametrize("as_agent", [False, True], ids=["as we do", "as before"])
@pytest.mark.parametrize("is_strict", [False, True], ids=["any entity", "no other entity"])
@pytest.mark.parametrize("project", ["alpha", "my project"])
def test_what_is_kept_in_either_way_is_found_once_whatever_filters_mean(
    terms: Terms, project: str, *, as_agent: bool, is_strict: bool
) -> None:
    memory = Memory(project, "an oak", "key", as_agent=as_agent)
    with HostedStandin() as server:
        server.is_strict = is_strict
        for other in (memory, Memory("beta", "an oak of another", "key-2", as_agent=as_agent)):
            server.keep(body_of(other, terms))
        with hosted(server, terms=terms) as client:
            assert client.ask(memory, LONG) is Presence.PRESENT
            assert client.ask(replace(memory, key="unknown"), LONG) is Presence.CANNOT_TELL
            page, read = client.page(project, "", LONG), client.read(project, 9, LONG)
            assert isinstance(page, Page)
            assert isinstance(read, Page)
            after = client.page(project, page.after, LONG) if page.after else Page([])
            assert isinstance(after, Page)
            listed = page.memories + after.memories
            searched = client.search(project, "an oak", 9, LONG)
            for found in (listed, read.memories, searched, client.find(project, "key", LONG)):
                assert not isinstance(found, Outcome)
                assert [(each.project, each.text) for each in found] == [(project, "an oak")]
            one = client.one(listed[0].id, LONG)
            assert one == replace(listed[0], score=None)
        assert server.faults == []


def test_what_lost_its_agent_is_found_by_its_key() -> None:
    memory = Memory("alpha", "an oak", "key", as_agent=True)
    with HostedStandin() as server:
        server.drops_agents = server.is_strict = True
        server.keep(body_of(memory, VERBATIM))
        with hosted(server, terms=VERBATIM) as client:
            assert client.ask(memory, LONG) is Presence.PRESENT


def test_what_was_deleted_meanwhile_is_not_moved() -> None:
    former = ServerMemory("alpha", "an oak", NAME, key="key")
    said, (asked,) = called(render(404, {}), "move", former, terms=VERBATIM)
    assert (said, asked.method) == (True, "GET")


@pytest.mark.parametrize(("seconds", "is_moved"), [(0.0, True), (0.2, True), (LONG, False)])
def test_what_was_corrected_meanwhile_is_moved_as_it_is_now(
    seconds: float, *, is_moved: bool
) -> None:
    with HostedStandin() as server, hosted(server, terms=VERBATIM) as client:
        assert isinstance(client, PlatformClient)
        server.keep(body_of(Memory("alpha", "an oak", "key", as_agent=True), VERBATIM))
        listed = client.find("alpha", "key", LONG)
        assert isinstance(listed, list)
        server.kept()[0]["memory"] = "an elm"
        server.works = lambda _: Work(seconds)
        assert client.move(listed[0], 1.0 if is_moved else 0.3) is is_moved
        assert [("app_id" in each, each["memory"]) for each in server.kept()] == [
            (is_moved, "an elm")
        ]


@pytest.mark.parametrize("memory", [FOUND, MEMORY], ids=["by its ticket", "by its key"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (render(404, {}), Presence.CANNOT_TELL),
        (render(429, {}), Kind.SLOW_DOWN),
        (render(500, {}), Kind.NO_ANSWER),
        (event("CANCELLED"), Kind.NO_ANSWER),
    ],
    ids=["404", "429", "500", "nonsense"],
)
def test_whatever_else_comes_is_no_answer(memory: Memory, answer: bytes, said: Any) -> None:
    found, _ = called(answer, "ask", memory, terms=VERBATIM)
    assert said == (found.kind if isinstance(found, Outcome) else found)


@each_terms
@pytest.mark.parametrize("is_strict", [False, True])
def test_both_ways_together_are_read_newest_first_and_paged_to_the_end(
    terms: Terms, *, is_strict: bool
) -> None:
    with HostedStandin() as server:
        server.is_strict = is_strict
        as_now, as_before = (
            body_of(Memory("my project", "", "key", as_agent=each), terms) for each in (False, True)
        )
        for n in range(330):
            its = {"messages": [{"role": "user", "content": f"oak {n}"}], "timestamp": 10**9 + n}
            server.keep((as_before if n % 3 else as_now) | its)
        with hosted(server, terms=terms) as client:
            read = client.read("my project", 320, LONG)
            assert isinstance(read, Page)
            assert [each.text for each in read.memories] == [f"oak {329 - n}" for n in range(320)]
            searched = client.search("my project", "oak 328", 3, LONG)
            assert isinstance(searched, list)
            assert searched[0].text == "oak 328"
            listed, _, _ = read_all(client, "my project")
    assert sorted(listed) == sorted(f"oak {n}" for n in range(330))
