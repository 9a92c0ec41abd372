"""The dialect `oss`: asking for a memory by our key, and reading back."""

import json

import pytest

from mem0tray.server import Kind, Listings, Memory, Outcome, Page, Presence, ServerMemory
from mem0tray.server.http_client import id_of
from tests.server.calls import LONG, MEMORY
from tests.server.test_oss import NOTHING, official, upstream
from tests.server.wire import Request, Wire, answering, render

OTHERS = [f"other {n}" for n in range(20)]  # as many as a server shows that cuts there
THIRTY = [f"other {n}" for n in range(30)]  # a number at which no server is known to cut
REFUSED = render(422, {"detail": "top_k: 1000 or less"})
LARGE = Memory("alpha", "x" * 1_000_001, "id-1")


def shown(*keys: str) -> bytes:
    """Make the answer to a search that finds memories with these keys of ours."""
    entries = [{"id": "m", "memory": "oak", "metadata": {"mem0tray_id": key}} for key in keys]
    return render(200, {"results": entries})


def asked(answer: bytes, memory: Memory = MEMORY) -> tuple[Presence | Outcome, Request]:
    """Ask a server that answers so; what it was asked."""
    with Wire(answering(answer)) as server, official(server) as client:
        said = client.ask(memory, LONG)
        (request,) = server.requests
    return said, request


def sought(request: Request) -> str:
    """See that it searches for the one memory of alpha with our key id-1; what it searches by."""
    assert (request.method, request.target) == ("POST", "/search")
    body = dict(request.json)
    query = body.pop("query")
    filters = {"user_id": "alpha", "mem0tray_id": "id-1"}
    assert body == {"filters": filters, "threshold": 0, "top_k": 1}
    return str(query)


def test_a_memory_is_asked_for_by_our_key() -> None:
    said, request = asked(shown("id-1"))
    assert said is Presence.PRESENT
    assert sought(request) == "the third oak"
    assert asked(NOTHING)[0] is Presence.ABSENT


def test_a_memory_is_found_by_our_key_alone() -> None:
    with Wire(answering(shown("id-1", "id-2"))) as server, official(server) as client:
        said = client.find("alpha", "id-1", LONG)
        (request,) = server.requests
    assert said == [ServerMemory("alpha", "oak", "m", key="id-1")]
    assert sought(request) == "id-1"


@pytest.mark.row(59)
@pytest.mark.parametrize("escaped", [False, True])
def test_a_large_text_that_is_shown_is_there(*, escaped: bool) -> None:
    text = '"Eiche" ä\n\U0001f333 ' * 150_000
    memory = Memory("alpha", text, "id-1")

    def answer(shown: str) -> bytes:
        results = [{"id": "m", "memory": shown, "metadata": {"mem0tray_id": "id-1"}}]
        return render(200, json.dumps({"results": results}, ensure_ascii=escaped).encode())

    assert asked(answer(text), memory)[0] is Presence.PRESENT
    for other in ("x" + text, text[:100_000] + "x" + text[100_000:], "y" * 2_000_000):
        said, _ = asked(answer(other), memory)
        assert isinstance(said, Outcome)
        assert said.kind is Kind.OUTAGE


@pytest.mark.parametrize(
    "answer",
    [shown("id-2"), render(200, {"results": [{"memory": "the third oak"}, 7]})],
)
def test_a_server_that_shows_others_does_not_go_by_keys(answer: bytes) -> None:
    assert asked(answer)[0] is Presence.CANNOT_TELL


@pytest.mark.parametrize(
    ("memory", "query"),
    [(Memory("alpha", " \n", "id-1"), "id-1"), (LARGE, "x" * 1000)],
    ids=["blank", "large"],
)
def test_what_no_search_takes_is_looked_for_otherwise(memory: Memory, query: str) -> None:
    said, request = asked(shown("id-1"), memory)
    assert (said, request.json["query"]) == (Presence.PRESENT, query)
    assert asked(NOTHING, memory)[0] is Presence.CANNOT_TELL


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("3f2a-b_c", "3f2a-b_c"),
        ("*", "%2A"),
        ("Zürich", "Z%C3%BCrich"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_any_key_is_a_name_that_stands_for_itself_alone(key: str, kept: str) -> None:
    assert id_of(key) == kept
    assert len(id_of("k" * 1_000_000)) < 100
    said, request = asked(shown(kept), Memory("p", "t", key))
    assert (said, request.json["filters"]["mem0tray_id"]) == (Presence.PRESENT, kept)


def test_without_a_key_nobody_is_asked() -> None:
    with Wire(answering(NOTHING)) as server, official(server) as client:
        assert client.ask(Memory("p", "t", ""), LONG) is Presence.CANNOT_TELL
        assert server.requests == []


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_that_cannot_tell_is_not_asked_again(status: int) -> None:
    known = Listings()
    with Wire(answering(render(status, {}))) as server:
        for number in (1, 1, 2):
            if number == 2:
                known.forget()
            with official(server, known=known) as client:
                assert client.ask(MEMORY, LONG) is Presence.CANNOT_TELL
            assert len(server.requests) == number


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (render(401, {}), Kind.UNAUTHORIZED),
        (render(429, {}), Kind.SLOW_DOWN),
        (render(502, upstream("provider_rate_limited")), Kind.SLOW_DOWN),
        (render(502, upstream("datastore_unavailable")), Kind.OUTAGE),
        (render(502, upstream("provider_bad_request")), Kind.NO_ANSWER),
        (render(500, {}), Kind.NO_ANSWER),
        (render(200, {"memories": []}), Kind.NO_ANSWER),
        (render(200, b"<html>"), Kind.OUTAGE),
    ],
)
def test_whatever_else_comes_is_no_answer(answer: bytes, kind: Kind) -> None:
    said, _ = asked(answer)
    assert isinstance(said, Outcome)
    assert said.kind is kind
    assert said.may_have_it or kind is not Kind.NO_ANSWER


# Reading back -----------------------------------------------------------------------------------


def test_reading_gives_the_newest_first_whatever_their_zones() -> None:
    times = [
        "2026-01-01T23:30:00-08:00",  # the newest: 07:30 on the next day, UTC
        "2026-01-02T07:00:00.250000+00:00",
        "2026-01-02T12:00:00+05:30",  # 06:30 UTC
        "2026-01-02T07:00:00+00:00",
    ]
    found = [{"id": str(n), "memory": "oak", "created_at": at} for n, at in enumerate(times)]
    listing = render(200, {"results": found})
    with Wire(answering(listing)) as server, official(server) as client:
        shown = client.read("my project", 2, LONG)
        (request,) = server.requests
    assert request.target == "/memories?user_id=my%2520project&top_k=1000"
    assert isinstance(shown, Page)
    assert [each.id for each in shown.memories] == ["0", "1", "3", "2"]
    assert shown.memories[0] == ServerMemory("my project", "oak", "0", times[0])


def test_a_project_with_a_name_too_long_for_a_path_is_not_listed() -> None:
    with Wire(answering(NOTHING)) as server, official(server) as client:
        assert client.page("p" * 5000, "", LONG) == Page([], whole=False)
        assert not server.requests


def test_a_search_goes_by_meaning() -> None:
    found = {"results": [{"id": "a", "memory": "oak", "score": 0.9}, {"id": "b"}]}
    with Wire(answering(render(200, found))) as server, official(server) as client:
        said = client.search("alpha", "trees", 3, LONG)
        (request,) = server.requests
    assert said == [ServerMemory("alpha", "oak", "a", score=0.9)]
    wanted = {"query": "trees", "filters": {"user_id": "alpha"}, "top_k": 3}
    assert (request.target, request.json) == ("/search", wanted)


@pytest.mark.parametrize(
    ("listed", "second", "said", "then"),
    [
        (["id-1", "id-8", "id-9"], None, Presence.PRESENT, []),
        (["id-8", "id-9"], None, Presence.ABSENT, []),
        ([], None, Presence.ABSENT, []),
        (THIRTY, shown("other 0"), Presence.ABSENT, ["GET"]),
        (THIRTY, shown(*THIRTY), Presence.ABSENT, ["GET", "POST", "POST"]),
        (OTHERS, REFUSED, Presence.ABSENT, ["GET"]),
        (OTHERS, shown(*OTHERS), Presence.ABSENT, ["GET", "POST", "POST"]),
    ],
    ids=["listed", "not listed", "nothing", "round", "round and cut", "all of 20", "cut at 20"],
)
def test_one_listing_answers_many_questions(
    listed: list[str], second: bytes | None, said: Presence, then: list[str]
) -> None:
    answers = [*[NOTHING] * 3, shown(*listed), *([second] if second else [])]
    answers += [NOTHING] * 2
    with Wire(answering(*answers)) as server, official(server) as client:
        found = [client.ask(MEMORY, LONG) for _ in range(5)]
        assert found == [*[Presence.ABSENT] * 3, said, said]
        asked_for = [request.method for request in server.requests]
    assert asked_for == ["POST"] * 3 + ["GET"] + then


def test_where_no_listing_is_to_be_had_each_is_searched_for() -> None:
    answers = [*[NOTHING] * 3, render(404, {"detail": "Not Found"}), shown("id-1")]
    with Wire(answering(*answers)) as server, official(server) as client:
        found = [client.ask(MEMORY, LONG) for _ in range(4)]
    assert found == [*[Presence.ABSENT] * 3, Presence.PRESENT]
