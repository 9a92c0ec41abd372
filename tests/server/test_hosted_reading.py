"""The dialect `platform`: what is read from the hosted service, page by page."""

from typing import TYPE_CHECKING

import pytest

from mem0tray.server import (
    Client,
    Kind,
    Memory,
    Outcome,
    ProjectCount,
    Terms,
)
from tests.server.calls import LONG
from tests.server.hosted_service import hosted, sent
from tests.server.wire import Connection, Wire, answering, render, routing

if TYPE_CHECKING:
    from collections.abc import Callable


def listing(*numbers: int, count: int | None = None, following: str | None = None) -> bytes:
    """Make a page of a listing, of memories with these numbers."""
    found = [
        {
            "id": f"m{n}",
            "memory": f"oak {n}",
            "created_at": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z",
            "metadata": None,
        }
        for n in numbers
    ]
    body = {"count": count or len(found), "next": following, "previous": None, "results": found}
    return render(200, body)


def test_a_page_is_asked_for_with_filters() -> None:
    """The project stands nowhere else; what is shown has no further page."""
    with Wire(answering(listing(2, 1))) as server, hosted(server) as client:
        page = client.page("my project", "", LONG)
        (request,) = server.requests
    assert not isinstance(page, Outcome)
    assert (page.after, page.whole) == ("", True)
    assert [each.text for each in page.memories] == ["oak 2", "oak 1"]
    assert request.target == "/v3/memories/?page=1&page_size=200"
    assert request.json == {"filters": {"user_id": "my%20project"}}


def all_pages(client: Client) -> list[str]:
    """Read a project page by page."""
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
    """In whichever order the service has them, each is shown once."""
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


def test_a_page_that_is_too_long_is_asked_for_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of long texts fewer are asked for at once, and none is left out."""
    monkeypatch.setattr("mem0tray.server.hosted.LONGEST_PAGE", 3000)
    there = [*range(45)][::-1]
    pages = {"POST /v3/memories/?page=1&page_size=200": listing(*there)}
    for n in range(3):
        following = "http://x.test/?page=2" if n < 2 else None
        rows = there[n * 20 : n * 20 + 20]
        page = listing(*rows, count=45, following=following)
        pages[f"POST /v3/memories/?page={n + 1}&page_size=20"] = page
    with Wire(routing(pages)) as server, hosted(server) as client:
        assert all_pages(client) == [f"oak {n}" for n in there]


def test_a_page_that_is_gone_ends_the_listing() -> None:
    """Some were deleted meanwhile: that is all, and it may not be the whole."""
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


@pytest.mark.parametrize("call", ["read", "search", "page", "projects"])
def test_a_server_that_does_not_show_says_why(call: str) -> None:
    """Its key is refused, say."""
    with Wire(answering(render(401, {"detail": "no"}))) as server, hosted(server) as client:
        calls: dict[str, Callable[[], object]] = {
            "read": lambda: client.read("p", 1, LONG),
            "search": lambda: client.search("p", "q", 1, LONG),
            "page": lambda: client.page("p", "", LONG),
            "projects": lambda: client.projects(LONG),
        }
        said = calls[call]()
    assert isinstance(said, Outcome)
    assert (said.kind, said.message) == (Kind.UNAUTHORIZED, "401: no")


def test_a_search_asks_for_no_more_than_is_given() -> None:
    """The query goes out as it is, and the service's order comes back."""
    found = {"results": [{"id": "a", "memory": "oak", "created_at": "2026", "score": 0.9}]}
    with Wire(answering(render(200, found))) as server, hosted(server) as client:
        said = client.search("alpha", "trees", 5000, LONG)
        (request,) = server.requests
    assert not isinstance(said, Outcome)
    assert [(each.text, each.score) for each in said] == [("oak", 0.9)]
    wanted = {"query": "trees", "filters": {"user_id": "alpha"}, "top_k": 1000}
    assert (request.target, request.json) == ("/v3/memories/search/", wanted)


def entities(*names: tuple[str, str], following: str | None = None) -> bytes:
    """Make a page of the names under which memories are kept."""
    found = [{"id": name, "name": name, "type": kind} for kind, name in names]
    body = {"count": 9, "next": following, "previous": None, "results": found}
    return render(200, body)


def test_projects_that_are_named_again_and_again_come_to_an_end() -> None:
    """Whatever the service says of a further page."""
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
    """Of every page; the address of the next one is that of the server, whatever it says."""
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
    """A fact of a user's text has no agent there: the project stands beside it."""
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


def test_a_memory_is_found_by_our_key() -> None:
    """Among those of its project; one that shows others does not go by keys."""
    entry = {"id": "m", "memory": "oak", "created_at": "2026", "metadata": {"mem0tray_id": "id-1"}}
    other = {**entry, "metadata": {"mem0tray_id": "id-2"}}
    found = {"count": 2, "next": None, "previous": None, "results": [entry, other]}
    with Wire(answering(render(200, found))) as server, hosted(server) as client:
        said = client.find("alpha", "id-1", LONG)
        (request,) = server.requests
    assert not isinstance(said, Outcome)
    assert [each.key for each in said] == ["id-1"]
    assert request.target == "/v3/memories/"
    wanted = [{"user_id": "alpha"}, {"metadata": {"mem0tray_id": "id-1"}}]
    assert request.json == {"filters": {"AND": wanted}}
