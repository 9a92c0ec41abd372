"""The dialect `vps`: asking whether the server has a memory, and what is remembered of it."""

import json
import threading
import time
from collections.abc import Iterable

import pytest

from mem0tray.core.item import Kind
from mem0tray.server.listings import MAX_AGE, MAX_TEXTS, Listings, ProjectListing
from mem0tray.server.model import Memory, Outcome, Presence
from tests.server.calls import HUNDRED, LONG, MEMORY, TOO_MANY, client_of, found, listing, spoken
from tests.server.wire import (
    Connection,
    Handler,
    Wire,
    in_turn,
    once,
    render,
    routing,
)

PRESENT, ABSENT, CANNOT_TELL = Presence


def asked(handler: Handler, memory: Memory = MEMORY) -> tuple[Presence | Outcome, list[str]]:
    """Ask once; the answer, and the paths that were asked for."""
    answer, requests = spoken(handler, "ask", memory)
    return answer, [request.target.partition("?")[0] for request in requests]


# Asking -----------------------------------------------------------------------------------------


def test_exactly_the_same_text_is_present() -> None:
    answer = asked(routing({"GET": listing("an oak", str(MEMORY.content))}))
    assert answer == (PRESENT, ["/memory/alpha"])


@pytest.mark.parametrize("text", ["The third oak", "the third oak ", "the  third oak", "third oak"])
def test_a_complete_listing_without_the_text_says_absent(text: str) -> None:
    assert asked(routing({"GET": listing(text)}))[0] is ABSENT
    assert asked(routing({"GET": listing()}))[0] is ABSENT


def test_a_bare_list_is_understood() -> None:
    bare = listing(memories=[{"id": "1", "memory": MEMORY.content}])
    assert asked(routing({"GET": bare}))[0] is PRESENT


@pytest.mark.parametrize(
    ("project", "path"),
    [
        ("..", "/memory/%2E%2E"),
        (".", "/memory/%2E"),
        ("a/b", "/memory/a%2Fb"),
        ("../x", "/memory/..%2Fx"),
        ("a?b#c%20 d", "/memory/a%3Fb%23c%2520%20d"),
        ("Zürich\r\n", "/memory/Z%C3%BCrich%0D%0A"),
        ("\udc80", "/memory/%ED%B2%80"),
    ],
)
def test_a_project_stays_one_step_of_the_path(project: str, path: str) -> None:
    memory = Memory(project, "text", "k")
    assert asked(routing({"GET": listing()}), memory) == (ABSENT, [path])


@pytest.mark.parametrize("text", ["Zürich 🙂", "half \ud83d", "\ud83d\ude00 in halves", "\x00\r\n"])
def test_texts_are_compared_as_json_carries_them(text: str) -> None:
    body = json.dumps({"success": True, "memories": [{"memory": text}]}).encode()
    memory = Memory("p", text, "k")
    assert asked(routing({"GET": render(200, body)}), memory)[0] is PRESENT


def listed(texts: Iterable[str], asked: float, *, complete: bool = True) -> ProjectListing:
    made = ProjectListing(asked, complete=complete)
    made.learn(texts)
    return made


# A server that cannot tell -------------------------------------------------------------------


QUESTIONS = [[once(TOO_MANY)], []]  # the first is searched, the second is a listing


@pytest.mark.parametrize("before", QUESTIONS, ids=["search", "listing"])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (render(503, {}), Kind.OUTAGE),
        (render(200, [1]), Kind.OUTAGE),
        (render(200, b"<html>any path</html>"), Kind.OUTAGE),
        (render(302, b""), Kind.OUTAGE),
        (render(401, {}), Kind.UNAUTHORIZED),
        (render(429, {}, Retry_After="3"), Kind.SLOW_DOWN),
        *(
            (answer, Kind.NO_ANSWER)
            for answer in (
                b"",
                render(400, {}),
                render(403, {}),
                render(422, {}),
                render(500, {}),
                render(200, {"success": False, "memories": [], "results": []}),
                render(200, {"success": True}),
                render(200, {"success": True, "memories": {"results": None}}),
                render(200, {"success": True, "memories": "none", "results": "none"}),
            )
        ),
    ],
)
def test_what_is_no_listing_is_no_answer(answer: bytes, kind: Kind, before: list[Handler]) -> None:
    result, paths = asked(in_turn(*before, once(answer)))
    assert isinstance(result, Outcome)
    assert (result.kind, len(paths)) == (kind, len(before) + 1)
    assert result.retry_after == (3.0 if kind is Kind.SLOW_DOWN else None)
    assert result.may_have_it is (kind not in (Kind.UNAUTHORIZED, Kind.SLOW_DOWN))
    assert result.message


@pytest.mark.parametrize(
    "incomplete",
    [
        TOO_MANY,
        listing(*map(str, range(10_000))),
        listing(*HUNDRED),
        listing(memories=[{"memory": "other"}, {"text": "what is this?"}]),
        listing(memories=[{"memory": "other"}, {"memory": 7}]),
        listing(memories=["other"]),
    ],
    ids=["too long", "limit", "round number", "odd entry", "no text", "no objects"],
)
@pytest.mark.parametrize(
    ("search", "presence"),
    [
        (found("an oak", MEMORY.content), PRESENT),
        (found("an oak"), CANNOT_TELL),
        (found(), CANNOT_TELL),
        (render(404, {}), CANNOT_TELL),
    ],
)
def test_where_a_listing_may_be_incomplete_the_server_is_searched(
    incomplete: bytes, search: bytes, presence: Presence
) -> None:
    with (
        Wire(routing({"GET": incomplete, "POST /memory/search": search})) as server,
        client_of(server) as client,
    ):
        assert client.ask(MEMORY, LONG) is presence
        listed, searched = server.requests
    assert listed.target == "/memory/alpha?limit=10000"
    assert searched.json == {"user_id": "alpha", "query": "the third oak", "limit": 10}


@pytest.mark.parametrize(
    ("count", "presence"),
    [(0, ABSENT), (99, ABSENT), (101, ABSENT), (300, CANNOT_TELL), (9_999, ABSENT)],
)
def test_only_a_round_number_may_be_cut(count: int, presence: Presence) -> None:
    routes = {"GET": listing(*map(str, range(count))), "POST": found()}
    assert asked(routing(routes))[0] is presence


@pytest.mark.parametrize("longer", [0, 1])
def test_a_path_has_4096_characters_at_most(longer: int) -> None:
    rest = len("/memory/?limit=10000")
    memory = Memory("p" * (4096 - rest + longer), "text", "k")
    handler = routing({"GET": listing("text"), "POST /memory/search": found("text")})
    result, (path,) = asked(handler, memory)
    assert result is PRESENT
    assert (path == "/memory/search") is bool(longer)


def test_a_text_of_a_megabyte_is_not_searched_for() -> None:
    memory = Memory("beta", "an oak " * 200_000, "k")
    assert asked(routing({"GET": listing(*HUNDRED)}), memory) == (CANNOT_TELL, ["/memory/beta"])


@pytest.mark.parametrize(
    ("routes", "methods"),
    [
        ({"GET": render(404, {})}, ["GET"]),
        ({"GET": render(405, {})}, ["GET"]),
        ({"GET": TOO_MANY, "POST": render(404, {})}, ["GET", "POST"]),
    ],
)
def test_a_server_that_cannot_tell_is_asked_once_for_each_project(
    routes: dict[str, bytes], methods: list[str]
) -> None:
    known = Listings()
    with Wire(routing(routes)) as server:
        for text in ("a", "b", "c"):
            with client_of(server, known=known) as client:
                for project in ("alpha", "beta"):
                    assert client.ask(Memory(project, text, "k"), LONG) is CANNOT_TELL
        assert [request.method for request in server.requests] == methods * 2
        known.forget()
        with client_of(server, known=known) as client:
            client.ask(MEMORY, LONG)
        assert len(server.requests) == 3 * len(methods)


def test_listings_are_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    listings, kept = Listings(), listed(["text"], 100.0)
    assert "text" in kept
    assert "other" not in kept
    assert listings.listing("p", 0.0, LONG, lambda _: kept) is kept
    for since, now, known in (
        (100.0, 101.0, None),
        (99.9, 100.0 + MAX_AGE, kept),
        (99.9, 100.1 + MAX_AGE, None),
    ):
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        assert listings.listing("p", since, LONG, lambda _: None) is known


def test_listings_are_kept_up_to_a_size_the_last_ones() -> None:
    listings = Listings()
    half = [str(number) for number in range(MAX_TEXTS // 2 - 1)]
    for project in ("p0", "p1", "p0", "p2"):
        listings.listing(project, 2.0, LONG, lambda _: listed(half, 1.0))
    assert list(listings._listings) == ["p0", "p2"]


# Many questions about one project ---------------------------------------------------------------


def test_one_listing_answers_many_questions() -> None:
    with Wire(routing({"GET": listing("a", "b")})) as server, client_of(server) as client:
        answers = [client.ask(Memory("p", text, "k"), LONG) for text in "abcabc"]
        assert answers == [PRESENT, PRESENT, ABSENT] * 2
        assert len(server.requests) == 1


def test_a_listing_from_before_the_last_attempt_is_not_used() -> None:
    with Wire(routing({"GET": listing("a")})) as server, client_of(server) as client:
        client.ask(Memory("p", "a", "k"), LONG)
        client.ask(Memory("p", "a", "k"), LONG, since=time.monotonic())
        assert len(server.requests) == 2


@pytest.mark.parametrize("incomplete", [TOO_MANY, listing(*HUNDRED)])
def test_an_incomplete_listing_is_not_fetched_again_for_each_question(incomplete: bytes) -> None:
    routes = {"GET": incomplete, "POST": found()}
    with Wire(routing(routes)) as server, client_of(server) as client:
        answers = [client.ask(Memory("p", text, "k"), LONG) for text in ("an oak", "an elm", "7")]
        assert answers[:2] == [CANNOT_TELL] * 2
        assert answers[2] is (CANNOT_TELL if incomplete is TOO_MANY else PRESENT)
        gets = [request for request in server.requests if request.method == "GET"]
        assert len(gets) == 1


def test_what_a_search_has_found_is_not_searched_for() -> None:
    routes = {"GET": TOO_MANY, "POST": found("an elm", "an oak")}
    with Wire(routing(routes)) as server, client_of(server) as client:
        answers = [client.ask(Memory("p", text, "k"), LONG) for text in ("an oak", "an elm")]
        assert answers == [PRESENT] * 2
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [403, 500, 503])
def test_an_endless_error_is_no_listing(status: int) -> None:
    steps = in_turn(once(render(status, b" " * 1_200_000)), once(listing(str(MEMORY.content))))
    with Wire(steps) as server, client_of(server) as client:
        assert isinstance(client.ask(MEMORY, LONG), Outcome)
        assert client.ask(MEMORY, LONG) is PRESENT
        assert [request.method for request in server.requests] == ["GET", "GET"]


def test_a_listing_is_as_old_as_its_question() -> None:
    asked, ended = threading.Event(), threading.Event()

    def slowly(connection: Connection) -> None:
        connection.request()
        asked.set()
        ended.wait(LONG)
        connection.send(listing("a"))
        connection.request()
        connection.send(listing("a", "b"))

    with Wire(slowly) as server, client_of(server) as client:
        first = threading.Thread(target=client.ask, args=(Memory("p", "a", "k"), LONG))
        first.start()
        assert asked.wait(LONG)
        since = time.monotonic()
        ended.set()
        first.join()
        assert client.ask(Memory("p", "b", "k"), LONG, since) is PRESENT
