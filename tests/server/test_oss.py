"""The dialect `oss`: what goes out to an official server, and what is made of its answers."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import pytest

from mem0tray.core import jsontext
from mem0tray.core.item import Kind
from mem0tray.server import http_client
from mem0tray.server.answers import HOLDS_NUL, NOT_KEPT
from mem0tray.server.http_client import id_of, repeats
from mem0tray.server.listings import Listings
from mem0tray.server.model import (
    Client,
    Fault,
    Memory,
    Outcome,
    Page,
    Presence,
    Reply,
    ServerMemory,
    Terms,
)
from tests.server.calls import LONG, MEMORY, client_of, spoken
from tests.server.wire import Request, Wire, answering, render, routing

NOTHING = render(200, {"results": []})
KEY = "sesame-4711"
official = partial(client_of, dialect="oss")
called = partial(spoken, dialect="oss")


def stored(text: str = "the third oak") -> bytes:
    return render(200, {"results": [{"id": "m", "memory": text, "event": "ADD"}]})


ADDED = stored()


def saved(answer: bytes, memory: Memory = MEMORY, **more: Any) -> Outcome:
    outcome: Outcome = called(answer, "save", memory, token=KEY, **more)[0]
    return outcome


def upstream(code: str) -> dict[str, str]:
    return {"detail": "Upstream provider error.", "code": code, "request_id": "1a2b3c4d"}


def test_a_save_is_a_message_with_our_key_beside_it() -> None:
    _, (request,) = called(ADDED, "save", MEMORY, token="sesame")  # noqa: S106  (a test's own)
    assert (request.method, request.target) == ("POST", "/memories")
    assert request.json == {
        "messages": [{"role": "user", "content": "the third oak"}],
        "user_id": "alpha",
        "infer": False,
        "metadata": {"mem0tray_id": "id-1"},
    }
    assert request.headers["x-api-key"] == "sesame"
    assert "authorization" not in request.headers
    assert request.headers["idempotency-key"] == "id-1"


@pytest.mark.parametrize(
    ("project", "name"),
    [
        ("alpha", "alpha"),
        ("two words", "two%20words"),
        ("a%20b", "a%2520b"),
        ("Zürich/é?&=", "Zürich/é?&="),
        ("a\u00a0b\u2003c", "a%C2%A0b%E2%80%83c"),
        ("*", "%2A"),
    ],
)
def test_white_space_in_a_project_is_escaped_where_it_occurs(project: str, name: str) -> None:
    _, (request,) = called(ADDED, "save", Memory(project, "text", "k"))
    assert request.json["user_id"] == name
    assert request.json["metadata"].get("mem0tray_project", name) == project


def test_a_memory_without_an_id_names_none() -> None:
    _, (request,) = called(ADDED, "save", Memory("alpha", "text", ""))
    assert request.json["metadata"] == {}


def test_a_user_takes_the_place_of_the_project() -> None:
    terms = Terms("Jo Doe")
    _, (request,) = called(ADDED, "save", Memory("my project", "text", "k"), terms=terms)
    body = request.json
    assert (body["user_id"], body["agent_id"]) == ("Jo%20Doe", "my%20project")
    assert body["metadata"]["mem0tray_project"] == "my project"
    with Wire(answering(NOTHING)) as server, official(server, terms=terms) as client:
        client.ask(Memory("my project", "text", "k"), LONG)
        client.read("my project", 5, LONG)
        client.search("my project", "oak", 5, LONG)
        asked, read, searched = server.requests
    names = {"user_id": "Jo%20Doe", "agent_id": "my%20project"}
    assert asked.json["filters"] == names | {"mem0tray_id": "k"}
    assert read.target == "/memories?user_id=Jo%2520Doe&agent_id=my%2520project&top_k=1000"
    assert searched.json == {"query": "oak", "filters": names, "top_k": 5}


def test_the_check_of_a_key_lists_a_user_that_nobody_has() -> None:
    _, (asked, _) = called([NOTHING, render(401, {})], "check_key", token=KEY)
    assert asked.target == "/memories?user_id=mem0tray-key-check&top_k=1"


LARGE = Memory("alpha", "oak " * 500_000, "id-1")


@pytest.mark.parametrize(
    ("answer", "memory", "kind", "words"),
    [
        (ADDED, MEMORY, Kind.DELIVERED, ""),
        (NOTHING, MEMORY, Kind.ITEM_FAILURE, "200 OK, but the server stored nothing"),
        (
            render(200, {"results": [{"event": "NONE"}, "odd"]}),
            MEMORY,
            Kind.ITEM_FAILURE,
            "200 OK, but the server stored nothing",
        ),
        (render(200, {"message": "hm"}), MEMORY, Kind.ITEM_FAILURE, "200 without success: hm"),
        (render(200, b"<html>"), MEMORY, Kind.OUTAGE, None),
        pytest.param(stored(LARGE.content), LARGE, Kind.DELIVERED, "", marks=pytest.mark.row(59)),
        (stored("elm " * 500_000), LARGE, Kind.OUTAGE, None),
        (render(200, b"<html>" + b"oak " * 500_000), LARGE, Kind.OUTAGE, None),
    ],
)
def test_stored_is_what_was_added(
    answer: bytes, memory: Memory, kind: Kind, words: str | None
) -> None:
    outcome = saved(answer, memory)
    assert outcome.kind is kind
    assert words in (None, outcome.message)
    assert outcome.duration > 0


def test_a_server_that_infers_may_store_nothing() -> None:
    for answer in (NOTHING, ADDED):
        outcome, (request,) = called(answer, "save", MEMORY, terms=Terms(infer=True))
        assert (outcome.kind, request.json["infer"]) == (Kind.DELIVERED, True)


@pytest.mark.parametrize(
    ("code", "kind", "infers", "perhaps"),
    [
        ("provider_rate_limited", Kind.SLOW_DOWN, False, False),
        ("provider_rate_limited", Kind.SLOW_DOWN, True, True),
        ("provider_auth_failed", Kind.UNAUTHORIZED, False, False),
        ("provider_bad_request", Kind.ITEM_FAILURE, False, False),
        ("provider_bad_request", Kind.ITEM_FAILURE, True, True),
        ("datastore_unavailable", Kind.OUTAGE, False, True),
        ("unknown", Kind.OUTAGE, False, True),
        ("something new", Kind.OUTAGE, False, True),
    ],
)
def test_a_502_says_by_its_code_whose_fault_it_is_and_whether_it_may_be_stored(
    code: str, kind: Kind, *, infers: bool, perhaps: bool
) -> None:
    outcome = saved(render(502, upstream(code)), terms=Terms(infer=infers))
    assert (outcome.kind, outcome.may_have_it) == (kind, perhaps)
    assert outcome.message == "502: Upstream provider error."


@pytest.mark.parametrize(
    "memory", [Memory("alpha", "an\0oak", "k"), Memory("al\0pha", "an oak", "k")]
)
def test_a_nul_is_named_where_the_server_cannot_store_it(memory: Memory) -> None:
    outcome = saved(render(502, upstream("unknown")), memory)
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert outcome.message == f"502 Bad Gateway, but {HOLDS_NUL}"


@pytest.mark.parametrize(
    ("name", "kept"), [("1a2b3c4d", "1a2b3c4d"), ("", ""), ("x" * 65, ""), ("sesame-4711", "")]
)
def test_the_server_s_name_of_a_request_is_kept(name: str, kept: str) -> None:
    answer = render(502, upstream("provider_timeout"), X_Request_ID=name)
    assert saved(answer).request_id == kept


SHOWN = render(200, {"results": [{"id": "m", "memory": "x", "metadata": {"mem0tray_id": "id-1"}}]})
FULL = render(200, {"results": [{"id": str(n), "memory": "y"} for n in range(1000)]})


@contextmanager
def told(
    search: bytes, listing: bytes = NOTHING, *, checks: int = 3, infer: bool = False
) -> Iterator[tuple[Client, Wire]]:
    """Open a client of a server that says it stores, and answers questions so."""
    routes = {"POST /memories": ADDED, "POST /search": search, "GET": listing}
    known, terms = Listings(checks), Terms(infer=infer)
    with Wire(routing(routes)) as server, official(server, known=known, terms=terms) as client:
        yield client, server


def questions(server: Wire) -> list[str]:
    return [each.target.split("?")[0] for each in server.requests if each.target != "/memories"]


def saves(client: Client, number: int = 1) -> list[Outcome]:
    return [client.save(MEMORY, LONG) for _ in range(number)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_CHECKED", (0.0, 0.001, 0.001))


def test_what_it_neither_finds_nor_lists_is_not_delivered() -> None:
    with told(NOTHING) as (client, server):
        (outcome,) = saves(client)
        assert (outcome.kind, outcome.may_have_it) == (Kind.OUTAGE, True)
        assert outcome.message == "200 OK, but the server does not have what it said that it stored"
        assert outcome.reason.find(NOT_KEPT.id) is not None
        assert questions(server) == ["/search", "/memories"] * 3
        assert saves(client)[0].kind is Kind.OUTAGE


def test_a_server_that_is_slow_to_find_it_keeps_it() -> None:
    answers = [ADDED, *[NOTHING, NOTHING] * 2, SHOWN, ADDED]
    with (
        Wire(answering(*answers)) as server,
        official(server, known=Listings(3)) as client,
    ):
        assert [each.kind for each in saves(client, 2)] == [Kind.DELIVERED] * 2
        assert questions(server) == [*["/search", "/memories"] * 2, "/search"]


def test_it_is_not_asked_again_where_that_takes_longer_than_there_is_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(http_client, "_CHECKED", (0.0, LONG + 1.0))
    monkeypatch.setattr(http_client, "time", mock.Mock(wraps=time, sleep=slept.append))
    with told(NOTHING) as (client, _):
        assert saves(client)[0].kind is Kind.OUTAGE
    assert slept == [0.0]


@pytest.mark.parametrize(
    ("search", "listing", "more", "asked"),
    [
        (SHOWN, NOTHING, {}, 1),
        (NOTHING, SHOWN, {}, 2),
        (NOTHING, FULL, {}, 6),
        (NOTHING, render(500, {}), {}, 6),
        (render(500, {}), NOTHING, {}, 3),
        (render(200, ["odd"]), NOTHING, {}, 3),
        (render(404, {}), NOTHING, {}, 1),
        (NOTHING, NOTHING, {"checks": 0}, 0),
        (NOTHING, NOTHING, {"infer": True}, 0),
    ],
    ids=[
        "found", "listed", "perhaps listed", "not listed", "no answer", "nonsense", "cannot search",
        "checked before", "facts",
    ],
)  # fmt: skip
def test_what_nothing_speaks_against_is_believed_and_checked_three_times_at_most(
    search: bytes, listing: bytes, more: dict[str, Any], asked: int
) -> None:
    with told(search, listing, **more) as (client, server):
        assert {each.kind for each in saves(client, 6)} == {Kind.DELIVERED}
        assert len(questions(server)) == asked


OTHERS = [f"other {n}" for n in range(20)]  # as many as a server shows that cuts there
LONGER = Memory("alpha", "x" * 1_000_001, "id-1")


def shown(*keys: str) -> bytes:
    entries = [{"id": "m", "memory": "oak", "metadata": {"mem0tray_id": key}} for key in keys]
    return render(200, {"results": entries})


def asked(answer: bytes, memory: Memory = MEMORY) -> tuple[Presence | Outcome, Request]:
    said, (request,) = called(answer, "ask", memory)
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
    said, (request,) = called(shown("id-1", "id-2"), "find", "alpha", "id-1")
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
    "answer", [shown("id-2"), render(200, {"results": [{"memory": "the third oak"}, 7]})]
)
def test_a_server_that_shows_others_does_not_go_by_keys(answer: bytes) -> None:
    assert asked(answer)[0] is Presence.CANNOT_TELL


@pytest.mark.parametrize(
    ("memory", "query"),
    [(Memory("alpha", " \n", "id-1"), "id-1"), (LONGER, "x" * 1000)],
    ids=["blank", "large"],
)
def test_what_no_search_takes_is_looked_for_otherwise(memory: Memory, query: str) -> None:
    said, request = asked(shown("id-1"), memory)
    assert (said, request.json["query"]) == (Presence.PRESENT, query)
    assert asked(NOTHING, memory)[0] is Presence.CANNOT_TELL


@pytest.mark.parametrize(
    ("key", "kept"),
    [("3f2a-b_c", "3f2a-b_c"), ("*", "%2A"), ("Zürich", "Z%C3%BCrich"), ("\ud800", "%ED%A0%80")],
)
def test_any_key_is_a_name_that_stands_for_itself_alone(key: str, kept: str) -> None:
    assert id_of(key) == kept
    assert len(id_of("k" * 1_000_000)) < 100
    said, request = asked(shown(kept), Memory("p", "t", key))
    assert (said, request.json["filters"]["mem0tray_id"]) == (Presence.PRESENT, kept)


def test_without_a_key_nobody_is_asked() -> None:
    assert called(NOTHING, "ask", Memory("p", "t", "")) == (Presence.CANNOT_TELL, [])


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
        (render(502, upstream("provider_rate_limited")), Kind.SLOW_DOWN),
        (render(502, upstream("datastore_unavailable")), Kind.OUTAGE),
        (render(502, upstream("provider_bad_request")), Kind.NO_ANSWER),
        (render(500, {}), Kind.NO_ANSWER),
        (render(200, {"memories": []}), Kind.NO_ANSWER),
    ],
)
def test_whatever_else_comes_is_no_answer(answer: bytes, kind: Kind) -> None:
    said, _ = asked(answer)
    assert isinstance(said, Outcome)
    assert said.kind is kind
    assert said.may_have_it or kind is not Kind.NO_ANSWER


def test_reading_gives_the_newest_first_whatever_their_zones() -> None:
    times = [
        "2026-01-01T23:30:00-08:00",  # the newest: 07:30 on the next day, UTC
        "2026-01-02T07:00:00.250000+00:00",
        "2026-01-02T12:00:00+05:30",  # 06:30 UTC
        "2026-01-02T07:00:00+00:00",
    ]
    found = [{"id": str(n), "memory": "oak", "created_at": at} for n, at in enumerate(times)]
    listing = render(200, {"results": found})
    shown, (request,) = called(listing, "read", "my project", 2)
    assert request.target == "/memories?user_id=my%2520project&top_k=1000"
    assert [each.id for each in shown.memories] == ["0", "1", "3", "2"]
    assert shown.memories[0] == ServerMemory("my project", "oak", "0", times[0])


def test_a_project_with_a_name_too_long_for_a_path_is_not_listed() -> None:
    assert called(NOTHING, "page", "p" * 5000, "") == (Page([], whole=False), [])


def test_a_search_goes_by_meaning() -> None:
    found = {"results": [{"id": "a", "memory": "oak", "score": 0.9}, {"id": "b"}]}
    said, (request,) = called(render(200, found), "search", "alpha", "trees", 3)
    assert said == [ServerMemory("alpha", "oak", "a", score=0.9)]
    wanted = {"query": "trees", "filters": {"user_id": "alpha"}, "top_k": 3}
    assert (request.target, request.json) == ("/search", wanted)


@pytest.mark.parametrize(
    ("listed", "said", "then"),
    [
        (["id-1", "id-8", "id-9"], Presence.PRESENT, []),
        (["id-8", "id-9"], Presence.ABSENT, []),
        ([], Presence.ABSENT, []),
        (OTHERS, Presence.ABSENT, ["GET", "POST", "POST"]),
    ],
    ids=["listed", "not listed", "nothing", "perhaps cut"],
)
def test_one_listing_answers_many_questions(
    listed: list[str], said: Presence, then: list[str]
) -> None:
    answers = [*[NOTHING] * 3, *[shown(*listed)] * 2, NOTHING]
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


@pytest.mark.parametrize("escapes", [True, False])
@pytest.mark.parametrize("text", ["an oak, and an elm", 'ab\\"/\n\x00u', "é«€😀 " * 4])
def test_wherever_the_answer_is_cut_its_beginning_counts(text: str, *, escapes: bool) -> None:
    raw = jsontext.encode(json.dumps(text, ensure_ascii=escapes))
    for shown, is_ours in ((raw, True), (b'"z' + raw[1:], False)):
        for end in range(2, len(shown)):
            body = b'{"results": [{"memory": ' + shown[:end]
            cut = Reply(200, {}, body.ljust(2 * len(body), b"x"), 0.0, Fault.TOO_LONG)
            assert repeats(cut, Memory("p", text, "k")) is is_ours


_TEXT = b'{"results": [{"memory": "oak oak oak oak ' + b"x" * 40


@pytest.mark.parametrize(
    ("status", "fault", "body"),
    [
        (200, Fault.TOO_LONG, b""),
        (200, Fault.TOO_LONG, b'{"results": [{"memory": ' * 2),
        (200, Fault.TOO_LONG, b"<html>" * 20),
        (200, None, _TEXT),
        (500, Fault.TOO_LONG, _TEXT),
    ],
)
def test_what_is_no_long_answer_with_a_text_repeats_none(
    status: int, fault: Fault | None, body: bytes
) -> None:
    memory = Memory("p", "oak " * 9, "k")
    assert not repeats(Reply(status, {}, body, 0.0, fault), memory)
    assert repeats(Reply(200, {}, _TEXT, 0.0, Fault.TOO_LONG), memory)
