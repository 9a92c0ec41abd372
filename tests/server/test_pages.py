"""Reading all that a server has: page by page, project by project."""

from functools import partial

import pytest

from mem0tray.core.item import Kind
from mem0tray.server import DIALECTS
from mem0tray.server.model import Page, ProjectCount, Terms
from tests.server.calls import client_of, listing, read_all, spoken
from tests.server.paging import paging
from tests.server.wire import Wire, render, routing

PROJECT = "my project"
REFUSED = render(422, {"detail": "top_k: 1000 or less"})
called = partial(spoken, dialect="oss")


def kept(count: int) -> bytes:
    """Show so many memories of an official server, the oldest first."""
    times = [f"2026-01-01T00:{n // 60:02}:{n % 60:02}" for n in range(count)]
    long = "x" * 2000
    entries = [{"id": str(n), "memory": long, "created_at": at} for n, at in enumerate(times)]
    return render(200, {"results": entries})


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (999, 1), (1000, 2), (2500, 3)])
def test_pages_of_a_server_that_has_them_hold_all_once(count: int, pages: int) -> None:
    texts = [f"oak {number}" for number in range(count)]
    with Wire(paging({PROJECT: texts})) as server, client_of(server) as client:
        assert read_all(client, PROJECT) == (texts[::-1], pages, True)
        asked = [request.target for request in server.requests]
    assert asked[0] == "/memory/my%20project?limit=1000"
    assert all(target.startswith(f"{asked[0]}&before=") for target in asked[1:])


def test_a_page_that_grew_too_large_is_followed_by_the_next() -> None:
    texts = [f"{number:04} " + "x" * 100 for number in range(30)]
    with Wire(paging({PROJECT: texts}, room=1000)) as server, client_of(server) as client:
        found, pages, whole = read_all(client, PROJECT)
    assert (found, whole) == (texts[::-1], True)
    assert pages > 3


def test_a_page_that_is_too_long_is_asked_for_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mem0tray.server.vps.LONGEST_PAGE", 200_000)
    texts = ["one", "x" * 300_000, *(f"{number}" + "x" * 60_000 for number in range(9))]
    with Wire(paging({PROJECT: texts})) as server, client_of(server) as client:
        found, _, whole = read_all(client, PROJECT)
    assert (found, whole) == (texts[::-1], True)


@pytest.mark.parametrize(
    ("shown", "whole"),  # shown: how many when asked for 1,000, and then for 10,000
    [
        ([0], True),
        ([3], True),
        ([100], False),
        ([1000, 1000], False),
        ([1000, 1001], True),
        ([1000, 10_000], False),
    ],
    ids=str,
)
def test_a_server_without_pages_shows_what_it_can_at_once(shown: list[int], *, whole: bool) -> None:
    texts = [str(number) for number in range(10_000)]
    answers = [listing(*texts[:number]) for number in shown]
    page, requests = spoken(answers, "page", PROJECT, "")
    assert [each.text for each in page.memories] == texts[: shown[-1]]
    assert (page.after, page.whole) == ("", whole)
    limits = [request.target.partition("=")[2] for request in requests]
    assert limits == ["1000", "10000"][: len(shown)]


def test_a_server_that_has_no_pages_any_more_is_not_read_twice() -> None:
    assert spoken(listing("new"), "page", "p", "17")[0] == Page([], whole=False)


def test_a_page_that_was_cut_before_its_first_memory_is_not_the_whole() -> None:
    assert spoken(listing(paged=True, truncated=True), "page", "p", "")[0] == Page([], whole=False)


@pytest.mark.parametrize(
    ("count", "then", "asked_for", "whole"),  # then: what it lists if asked for 1, or for 1001
    [
        (0, None, [1000], True),
        (30, 1, [1000, 1], True),
        (100, None, [1000, 1001], True),
        (999, None, [1000], True),
        (1000, None, [1000], False),
        # An older server does not know `top_k`; a proxy may bound it, and not say so.
        (30, 30, [1000, 1], False),
        *((bound, bound, [1000, 1001], False) for bound in (20, 50, 100, 500)),
    ],
)
def test_what_an_official_server_lists_is_the_whole_unless_it_cuts_there(
    count: int, then: int | None, asked_for: list[int], *, whole: bool
) -> None:
    answers = [kept(count), REFUSED if then is None else kept(then)]
    page, requests = called(answers, "page", "p", "")
    assert [each.id for each in page.memories] == [str(n) for n in reversed(range(count))]
    assert (page.after, page.whole) == ("", whole)
    targets = [request.target for request in requests]
    assert targets == [f"/memories?user_id=p&top_k={number}" for number in asked_for]


def test_a_listing_that_nobody_knows_to_be_whole_is_no_page() -> None:
    assert called([kept(30), render(503, {})], "page", "p", "")[0].kind is Kind.OUTAGE


def test_what_an_official_server_says_to_be_another_project_s_is_left_out() -> None:
    entries = [
        {"id": "1", "memory": "oak", "user_id": "my%20project"},
        {"id": "2", "memory": "elm", "user_id": "another"},
        {"id": "3", "memory": "ash"},
        {"id": "4", "memory": "yew", "user_id": "My%20Project"},
    ]
    answer = render(200, {"results": entries})
    page, _ = called(answer, "page", "my project", "")
    found, _ = called(answer, "search", "my project", "tree", 9)
    assert [each.text for each in page.memories] == [each.text for each in found]
    assert sorted(each.text for each in found) == ["ash", "oak", "yew"]
    assert not page.whole


def test_projects_come_with_their_counts() -> None:
    projects = [
        {"user_id": "half \ud83d", "count": 3},
        {"user_id": "p"},
        {"user_id": "q", "count": "many"},
        {"user_id": ""},
        {"count": 4},
        "odd",
    ]
    answer = render(200, {"success": True, "projects": projects})
    found, _ = spoken(routing({"GET /memory": answer}), "projects")
    assert found == [ProjectCount("half \ud83d", 3), ProjectCount("p"), ProjectCount("q")]


def entity(name: str, total: int, kind: str = "user") -> dict[str, object]:
    return {"id": name, "type": kind, "total_memories": total, "created_at": None}


@pytest.mark.parametrize(
    ("entities", "user", "found"),
    [
        (
            [entity("my%20project", 2), entity("a%41", 1), entity("50%", 1), entity("x", 9, "run")],
            "",
            [ProjectCount("my project", 2), ProjectCount("a%41", 1), ProjectCount("50%", 1)],
        ),
        ([entity("p", 9_999), entity("q", 1)], "", [ProjectCount("p"), ProjectCount("q")]),
        ([entity("Jo", 3), entity("p%20q", 3, "agent")], "Jo", [ProjectCount("p q")]),
        ([], "", []),
    ],
)
def test_an_official_server_s_users_are_its_projects(
    entities: list[dict[str, object]], user: str, found: list[ProjectCount]
) -> None:
    routes = routing({"GET /entities": render(200, entities)})
    assert called(routes, "projects", terms=Terms(user))[0] == found


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (render(404, {"detail": "Not Found"}), (Kind.FORBIDDEN, 404, "404: Not Found")),
        (render(405, {}), (Kind.FORBIDDEN, 405, "405 Method Not Allowed")),
        (render(503, {}), (Kind.OUTAGE, 503, "503 Service Unavailable")),
        (render(200, {"success": True}), (Kind.NO_ANSWER, 200, "the answer names no projects")),
    ],
)
@pytest.mark.parametrize("dialect", ["vps", "oss"])
def test_a_server_that_does_not_name_its_projects_says_why(
    answer: bytes, said: tuple[Kind, int, str], dialect: str
) -> None:
    outcome, _ = spoken(answer, "projects", dialect=dialect)
    assert (outcome.kind, outcome.status, outcome.message) == said


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "call", [("read", "p", 1), ("search", "p", "q", 1), ("page", "p", ""), ("projects",)]
)
def test_a_server_that_does_not_show_says_why(dialect: str, call: tuple[str, ...]) -> None:
    said, _ = spoken(render(401, {"detail": "no key"}), *call, dialect=dialect)
    assert (said.kind, said.message) == (Kind.UNAUTHORIZED, "401: no key")
