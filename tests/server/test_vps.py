"""The dialect `vps`: what goes out, and what is made of what comes back."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable

import pytest

from mem0tray import __version__
from mem0tray.core.item import Kind
from mem0tray.server.answers import NO_PROJECT
from mem0tray.server.http_client import key_header
from mem0tray.server.listings import MAX_AGE, MAX_TEXTS, Listings, ProjectListing
from mem0tray.server.model import (
    KeyCheck,
    KeyVerdict,
    Memory,
    Outcome,
    Page,
    Presence,
    ServerMemory,
)
from tests.server.calls import HUNDRED, LONG, MEMORY, TOO_MANY, client_of, found, listing, spoken
from tests.server.wire import DELIVERED, Connection, Handler, Request, Wire, render, routing


def saved(memory: Memory = MEMORY) -> tuple[Outcome, Request]:
    outcome, (request,) = spoken(DELIVERED, "save", memory)
    return outcome, request


def test_a_memory_is_saved() -> None:
    outcome, request = saved()
    assert (outcome.kind, outcome.status, outcome.message) == (Kind.DELIVERED, 200, "")
    assert 0 < outcome.duration < LONG
    assert (request.method, request.target) == ("POST", "/memory")
    assert request.json == {"user_id": "alpha", "content": "the third oak"}
    assert request.headers.pop("host").startswith("127.0.0.1:")
    assert request.headers == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"mem0tray/{__version__}",
        "content-type": "application/json",
        "idempotency-key": "id-1",
        "content-length": str(len(request.body)),
    }


def test_the_key_goes_out_as_a_bearer_token_with_every_request() -> None:
    routes = {"POST": DELIVERED, "GET /health": render(200, {}), "GET": listing()}
    with Wire(routing(routes)) as server, client_of(server, "sesame") as client:
        client.save(MEMORY, LONG)
        client.ask(MEMORY, LONG)
        client.probe(LONG)
        sent = [request.headers["authorization"] for request in server.requests]
    assert sent == ["Bearer sesame"] * 3


@pytest.mark.parametrize(
    "text",
    ["", "ascii", "Zürich 🙂 \x00\n", "half \ud83d of a pair", "\ude00\ud83d", "x" * 3_000_000],
)
def test_every_text_arrives_as_it_is(text: str) -> None:
    outcome, request = saved(Memory(text[:9] or "p", text, "k"))
    assert outcome.kind is Kind.DELIVERED
    assert request.json["content"] == text
    request.body.decode()


@pytest.mark.parametrize("dialect", ["vps", "oss", "platform"])
def test_an_item_without_a_project_is_not_sent(dialect: str) -> None:
    outcome, requests = spoken(DELIVERED, "save", Memory("", "text", "k"), dialect=dialect)
    assert (outcome.kind, outcome.reason, requests) == (Kind.NOT_SENDABLE, NO_PROJECT, [])
    assert outcome.message == str(NO_PROJECT)


def hashed(key: str) -> str:
    return f"sha256-{hashlib.sha256(key.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("key", "header"),
    [
        ("3f2a-b_c.d~e", "3f2a-b_c.d~e"),
        ("two words: 100%", "two words: 100%"),
        (" edge", "%20edge"),
        ("new\r\nline", "new%0D%0Aline"),
        ("Zürich%", "Z%C3%BCrich%25"),
        ("\ud800", "%ED%A0%80"),
        ("k" * 512, "k" * 512),
        ("k" * 513, hashed("k" * 513)),
        ("", None),
    ],
)
def test_any_id_makes_a_key_that_a_header_can_hold(key: str, header: str | None) -> None:
    _, request = saved(Memory("p", "t", key))
    assert request.headers.get("idempotency-key") == header
    assert key_header(key) == (header or "")


def test_a_client_loads_no_more_than_it_needs() -> None:
    script = (
        "import sys; from mem0tray.server import connect;"
        " from mem0tray.config.server_address import ServerAddress;"
        " connect(ServerAddress.of('http://127.0.0.1:9'));"
        " unwanted = {'rich', 'pygments'};"
        " print('httpx' in sys.modules, sorted(unwanted & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() == "True []"


NO = render(401, {"detail": "no"})
TAKEN, REFUSED, OPEN, UNSURE = KeyVerdict


def checked(*answers: bytes, key: str = "sesame") -> tuple[KeyCheck, list[Request]]:
    return spoken(answers, "check_key", token=key)


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ([listing(), NO], TAKEN, ""),
        ([listing(), listing()], OPEN, ""),
        ([listing(), render(500, b"odd")], UNSURE, "500: odd"),
        ([NO], REFUSED, "401: no"),
        ([render(401, {"detail": "bad key sesame"})], REFUSED, "401 Unauthorized"),
        ([render(404, {})], UNSURE, "404 Not Found"),
        ([render(200, b"x")], UNSURE, "200 OK, but the answer is not a JSON object"),
    ],
)
def test_a_key_is_taken_where_it_makes_a_difference(
    answers: list[bytes], verdict: KeyVerdict, words: str
) -> None:
    check, requests = checked(*answers)
    assert (check.verdict, str(check.reason)) == (verdict, words)
    assert len(requests) == len(answers)


def test_without_a_key_one_question_is_enough() -> None:
    check, requests = checked(listing(), key="")
    assert (check.verdict, len(requests)) == (OPEN, 1)


def test_the_check_of_a_key_lists_a_project_that_nobody_has(timeouts: list[float]) -> None:
    _, (first, second) = checked(listing(), NO)
    assert first.method == second.method == "GET"
    assert first.target == second.target == "/memory/mem0tray-key-check?limit=1"
    assert first.headers == second.headers | {"authorization": "Bearer sesame"}
    assert "authorization" not in second.headers
    assert LONG == timeouts[0] > timeouts[1] > 0


def test_a_listing_is_read_as_it_stands() -> None:
    page, (asked,) = spoken(listing("two", "one"), "read", "my project", 2)
    memories = [ServerMemory("my project", "two", "0"), ServerMemory("my project", "one", "1")]
    assert page == Page(memories)
    assert asked.target == "/memory/my%20project?limit=2"


def test_a_search_asks_for_words_and_gives_scores() -> None:
    memories, (asked,) = spoken(found("an oak"), "search", "alpha", "trees", 3)
    assert memories == [ServerMemory("alpha", "an oak", score=0.5)]
    body = {"user_id": "alpha", "query": "trees", "limit": 3}
    assert (asked.target, asked.json) == ("/memory/search", body)


def test_what_a_server_adds_is_kept_and_nonsense_is_not() -> None:
    at, ours = "2026-01-02T03:04:05Z", {"mem0tray_id": "id-1", "mem0tray_project": "my project"}
    nonsense = {"mem0tray_id": 5, "mem0tray_project": ""}
    entries = [
        {"id": 7, "memory": "a", "created_at": at, "score": 1, "metadata": ours},
        {"id": [], "memory": "b", "created_at": 5, "score": "high", "metadata": nonsense},
        {"id": "c", "memory": "c", "metadata": None},
        {"id": "d"},
        "e",
    ]
    page, _ = spoken(render(200, {"success": True, "memories": entries}), "read", "alpha", 10)
    assert page == Page(
        [
            ServerMemory("my project", "a", "7", at, 1.0, "id-1"),
            ServerMemory("alpha", "b"),
            ServerMemory("alpha", "c", "c"),
        ]
    )


@pytest.mark.parametrize(
    ("created", "at"),
    [
        ("2026-01-02T03:04:05.5Z", 1767323045.5),
        ("2026-01-02T03:04:05", 1767323045),
        ("1902-01-01T00:00:00Z", 0),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_server_s_time_is_read(created: str, at: float | None) -> None:
    assert ServerMemory("alpha", "oak", created=created).moment == at


PRESENT, ABSENT, CANNOT_TELL = Presence


def asked(handler: Handler, memory: Memory = MEMORY) -> tuple[Presence | Outcome, list[str]]:
    """Ask once; the answer, and the paths that were asked for."""
    answer, requests = spoken(handler, "ask", memory)
    return answer, [request.target.partition("?")[0] for request in requests]


@pytest.mark.parametrize(
    ("answer", "presence"),
    [
        (listing("an oak", "the third oak"), PRESENT),
        (listing(memories=[{"id": "1", "memory": "the third oak"}]), PRESENT),
        (listing(), ABSENT),
        (listing("The third oak", "the third oak ", "the  third oak", "third oak"), ABSENT),
    ],
    ids=["there", "a bare list", "none", "others"],
)
def test_exactly_the_same_text_is_present(answer: bytes, presence: Presence) -> None:
    assert asked(routing({"GET": answer})) == (presence, ["/memory/alpha"])


@pytest.mark.parametrize(
    ("project", "path"),
    [
        ("..", "/memory/%2E%2E"),
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


@pytest.mark.parametrize("is_search", [True, False], ids=["search", "listing"])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (render(503, {}), Kind.OUTAGE),
        (render(200, [1]), Kind.OUTAGE),
        (render(302, b""), Kind.OUTAGE),
        (render(401, {}), Kind.UNAUTHORIZED),
        (render(429, {}, Retry_After="3"), Kind.SLOW_DOWN),
        *(
            (answer, Kind.NO_ANSWER)
            for answer in (
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
def test_what_is_no_listing_is_no_answer(answer: bytes, kind: Kind, *, is_search: bool) -> None:
    routes = {"GET": TOO_MANY, "POST": answer} if is_search else {"GET": answer}
    result, paths = asked(routing(routes))
    assert isinstance(result, Outcome)
    assert (result.kind, len(paths)) == (kind, len(routes))
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
    routes = routing({"GET": incomplete, "POST /memory/search": search})
    said, (listed, searched) = spoken(routes, "ask", MEMORY)
    assert said is presence
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
    listings.keep("p", kept)
    for since, now, known in (
        (100.0, 101.0, None),
        (99.9, 100.0 + MAX_AGE, kept),
        (99.9, 100.1 + MAX_AGE, None),
    ):
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        assert listings.recent("p", since) is known


def test_listings_are_kept_up_to_a_size_the_last_ones() -> None:
    listings = Listings()
    half = [str(number) for number in range(MAX_TEXTS // 2 - 1)]
    for project in ("p0", "p1", "p0", "p2"):
        listings.keep(project, listed(half, 1.0))
    assert list(listings._listings) == ["p0", "p2"]


def test_a_listing_from_before_the_last_attempt_is_not_used() -> None:
    with Wire(routing({"GET": listing("a")})) as server, client_of(server) as client:
        client.ask(Memory("p", "a", "k"), LONG)
        client.ask(Memory("p", "a", "k"), LONG, since=time.monotonic())
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("listed", "search", "texts", "answers", "searches"),
    [
        (listing("a", "b"), [], "abcabc", [PRESENT, PRESENT, ABSENT] * 2, 0),
        (TOO_MANY, [], ["oak", "elm", "7"], [CANNOT_TELL] * 3, 3),
        (listing(*HUNDRED), [], ["oak", "elm", "7"], [CANNOT_TELL, CANNOT_TELL, PRESENT], 2),
        (TOO_MANY, ["elm", "oak"], ["oak", "elm"], [PRESENT] * 2, 1),
    ],
    ids=["a whole listing", "one too long", "one perhaps cut", "what a search has found"],
)
def test_what_is_learnt_of_a_project_answers_further_questions(
    listed: bytes, search: list[str], texts: list[str], answers: list[Presence], searches: int
) -> None:
    routes = routing({"GET": listed, "POST": found(*search)})
    with Wire(routes) as server, client_of(server) as client:
        assert [client.ask(Memory("p", text, "k"), LONG) for text in texts] == answers
        assert [each.method for each in server.requests] == ["GET", *["POST"] * searches]


def test_a_listing_is_as_old_as_its_question() -> None:
    asked: list[float] = []

    def slowly(connection: Connection) -> None:
        connection.request()
        asked.append(time.monotonic())
        connection.send(listing("a"))
        connection.request()
        connection.send(listing("a", "b"))

    with Wire(slowly) as server, client_of(server) as client:
        client.ask(Memory("p", "a", "k"), LONG)
        assert client.ask(Memory("p", "b", "k"), LONG, since=asked[0]) is PRESENT
