"""The dialect `vps`: what goes out, and what is made of what comes back."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from mem0tray import __version__
from mem0tray.errors import SettingsError
from mem0tray.server import (
    DIALECTS,
    Answer,
    Client,
    Destination,
    Health,
    Kind,
    Memory,
    Presence,
    connect,
)
from mem0tray.server import vps as dialect
from mem0tray.server.listings import MAX_AGE, MAX_PROJECTS, Listings, fingerprint
from tests.server.wire import (
    DELIVERED,
    PATIENCE,
    Connection,
    Handler,
    Wire,
    answering,
    in_turn,
    once,
    render,
    routing,
)

LONG = 30.0
MEMORY = Memory("alpha", "the third oak", "id-1")
TOO_MANY = render(200, b" " * 1_200_000)


@contextmanager
def client_of(server: Wire, token: str = "") -> Iterator[Client]:
    """Make a client and close it."""
    with closing(connect(Destination.of(server.url, token))) as client:
        yield client


def listing(*texts: str, **more: object) -> bytes:
    """Make the answer to GET /memory/{project}."""
    results = [{"id": str(number), "memory": text} for number, text in enumerate(texts)]
    return render(200, {"success": True, "memories": {"results": results}} | more)


def found(*texts: str) -> bytes:
    """Make the answer to POST /memory/search."""
    results = [{"memory": text, "score": 0.5} for text in texts]
    return render(200, {"success": True, "results": {"results": results}})


def asked(
    handler: Handler, memory: Memory = MEMORY, timeout: float = LONG
) -> tuple[Presence | Answer, list[str]]:
    """Ask once; the answer, and the paths that were asked for."""
    with Wire(handler) as server, client_of(server) as client:
        answer = client.ask(memory, timeout)
        return answer, [request.target.partition("?")[0] for request in server.requests]


# Saving -----------------------------------------------------------------------------------------


def test_a_memory_is_saved() -> None:
    """A save is POST /memory with project, text and key, and `success` is a delivery."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        answer = client.save(MEMORY, LONG)
        (request,) = server.requests
    assert (answer.kind, answer.status, answer.message) == (Kind.DELIVERED, 200, "")
    assert 0 < answer.duration < LONG
    assert (request.method, request.target) == ("POST", "/memory")
    assert request.json == {"user_id": "alpha", "content": "the third oak"}
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"mem0tray/{__version__}",
        "content-type": "application/json",
        "idempotency-key": "id-1",
        "content-length": str(len(request.body)),
    }


def test_the_key_goes_out_as_a_bearer_token_with_every_request() -> None:
    """With an API key every request carries it."""
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
    """Any text, lone surrogates and control characters included, reaches the server unchanged."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        assert client.save(Memory(text[:9] or "p", text, "k"), LONG).kind is Kind.DELIVERED
        assert server.requests[0].json["content"] == text
        server.requests[0].body.decode()


def test_a_lone_surrogate_goes_out_as_its_escape() -> None:
    """JSON has an escape for what UTF-8 cannot hold."""
    assert b'"half \\ud83d"' in dialect.encode({"content": "half \ud83d"})


def test_an_item_without_a_project_is_not_sent() -> None:
    """Where there is no project nothing goes out, and the reason says so."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        answer = client.save(Memory("", "text", "k"), LONG)
        assert (answer.kind, server.connections) == (Kind.NOT_SENDABLE, 0)
    assert "project" in answer.message


@pytest.mark.parametrize(
    ("key", "header"),
    [
        ("3f2a-b_c.d~e", "3f2a-b_c.d~e"),
        ("two words: 100%", "two words: 100%"),
        (" edge", "%20edge"),
        ("new\r\nline", "new%0D%0Aline"),
        ("Zürich%", "Z%C3%BCrich%25"),
        ("\ud800", "%ED%A0%80"),
        ("\x7f", "%7F"),
        ("é" * 400, None),
        ("k" * 1_000_000, None),
    ],
)
def test_any_id_makes_a_key_that_a_header_can_hold(key: str, header: str | None) -> None:
    """What is not printable ASCII is percent-encoded, what is endless becomes a hash."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        assert client.save(Memory("p", "t", key), LONG).kind is Kind.DELIVERED
        sent = server.requests[0].headers["idempotency-key"]
    assert sent == (header or dialect.key_header(key).decode())
    assert len(sent) < 600


def test_without_a_key_there_is_no_header() -> None:
    """An empty key is none."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        client.save(Memory("p", "t", ""), LONG)
        assert "idempotency-key" not in server.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """Neither memory nor key reaches the host that a redirect names (row 37)."""
    with Wire(answering(DELIVERED)) as other:
        moved = render(status, b"", Location=f"{other.url}/memory")
        with Wire(answering(moved)) as server, client_of(server, "sesame") as client:
            answer = client.save(MEMORY, LONG)
            assert client.ask(MEMORY, LONG) is Presence.CANNOT_TELL
            assert not client.probe(LONG).healthy
        assert (answer.kind, answer.status, other.connections) == (Kind.OUTAGE, status, 0)
    assert other.url in answer.message


def test_a_captive_portal_is_an_outage() -> None:
    """A page instead of an answer delivers nothing."""
    page = render(200, b"<html>Sign in</html>", Content_Type="text/html")
    with Wire(answering(page)) as server, client_of(server) as client:
        assert client.save(MEMORY, LONG).kind is Kind.OUTAGE


def test_429_names_the_time_to_wait() -> None:
    """A 429 is a wish to slow down, with the server's own time."""
    with Wire(answering(render(429, {}, Retry_After="17"))) as server, client_of(server) as client:
        answer = client.save(MEMORY, LONG)
    assert (answer.kind, answer.retry_after) == (Kind.SLOW_DOWN, 17.0)


def test_a_server_that_repeats_what_it_got_is_not_quoted() -> None:
    """Neither content nor API key of a request comes back in a message (row 42)."""

    def mirror(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            words = [request.json["content"], request.headers["authorization"]]
            connection.send(render(400, {"detail": f"cannot take {words.pop(0)}", "x": words}))
            connection.request()
            connection.send(render(400, {"detail": f"cannot take {words}"}))

    with Wire(mirror) as server, client_of(server, "sesame-4711") as client:
        said = [client.save(MEMORY, LONG).message for _ in range(2)]
    assert said == ["400 Bad Request"] * 2


def test_time_out_and_loss_leave_the_outcome_unknown() -> None:
    """Silence and a cut connection are both unknown; only silence timed out."""

    def silent(connection: Connection) -> None:
        connection.request()
        connection.hang()

    with Wire(in_turn(silent, once(b""))) as server, client_of(server) as client:
        late, lost = client.save(MEMORY, 0.2), client.save(MEMORY, LONG)
    assert (late.kind, late.timed_out) == (Kind.UNKNOWN, True)
    assert (lost.kind, lost.timed_out) == (Kind.UNKNOWN, False)


@pytest.mark.parametrize("call", ["save", "ask", "probe"])
def test_abort_ends_every_call(call: str) -> None:
    """Each call returns promptly when another thread aborts it."""

    def silent(connection: Connection) -> None:
        connection.request()
        connection.hang()

    with Wire(silent) as server, client_of(server) as client:
        calls: dict[str, Callable[[], object]] = {
            "save": lambda: client.save(MEMORY, LONG),
            "ask": lambda: client.ask(MEMORY, LONG),
            "probe": lambda: client.probe(LONG),
        }
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.append(calls[call]()))
        thread.start()
        server.wait_for_requests()
        started = time.monotonic()
        client.abort()
        thread.join(PATIENCE)
        assert time.monotonic() - started < 10
    (result,) = results
    if isinstance(result, Answer):
        assert (result.kind, result.timed_out) == (Kind.UNKNOWN, False)
    else:
        assert isinstance(result, Health)
        assert not result.healthy


# Asking -----------------------------------------------------------------------------------------


def test_exactly_the_same_text_is_present() -> None:
    """A listing with exactly this text says that the server has it."""
    answer = asked(routing({"GET": listing("an oak", MEMORY.content)}))
    assert answer == (Presence.PRESENT, ["/memory/alpha"])


@pytest.mark.parametrize("text", ["The third oak", "the third oak ", "the  third oak", "third oak"])
def test_a_complete_listing_without_the_text_says_absent(text: str) -> None:
    """What is merely like the text does not count."""
    assert asked(routing({"GET": listing(text)}))[0] is Presence.ABSENT
    assert asked(routing({"GET": listing()}))[0] is Presence.ABSENT


def test_a_bare_list_is_understood() -> None:
    """`memories` may be the list itself."""
    bare = listing(memories=[{"id": "1", "memory": MEMORY.content}])
    assert asked(routing({"GET": bare}))[0] is Presence.PRESENT


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
    """No project id leads to another path."""
    memory = Memory(project, "text", "k")
    assert asked(routing({"GET": listing()}), memory) == (Presence.ABSENT, [path])


@pytest.mark.parametrize("text", ["Zürich 🙂", "half \ud83d", "\ud83d\ude00 in halves", "\x00\r\n"])
def test_texts_are_compared_as_json_carries_them(text: str) -> None:
    """What JSON does to a text on its way there and back does not make it another one."""
    body = json.dumps({"success": True, "memories": [{"memory": text}]}).encode()
    memory = Memory("p", text, "k")
    assert asked(routing({"GET": render(200, body)}), memory)[0] is Presence.PRESENT


@pytest.mark.parametrize(
    "answer",
    [
        render(404, {}),
        render(405, {}),
        render(403, {}),
        render(400, {}),
        render(422, {}),
        render(500, {}),
        render(200, {"success": False, "memories": []}),
        render(200, {"success": True}),
        render(200, {"success": True, "memories": {"results": None}}),
        render(200, {"success": True, "memories": "none"}),
        render(200, [1]),
        render(200, b"<html>any path</html>"),
        render(201, {"success": True, "memories": []}),
        render(302, b""),
    ],
)
def test_a_server_that_cannot_tell_is_no_obstacle(answer: bytes) -> None:
    """404, 405 and every strange answer mean that the server cannot tell."""
    assert asked(answering(answer)) == (Presence.CANNOT_TELL, ["/memory/alpha"])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (render(503, {}), Kind.OUTAGE),
        (render(401, {}), Kind.UNAUTHORIZED),
        (render(429, {}, Retry_After="3"), Kind.SLOW_DOWN),
        (b"", Kind.UNKNOWN),
    ],
)
@pytest.mark.parametrize("searching", [False, True])
def test_a_question_that_meets_trouble_is_answered_with_it(
    answer: bytes, kind: Kind, *, searching: bool
) -> None:
    """Outage, 401, 429 and a lost connection are the outcome of the question itself."""
    steps = [once(TOO_MANY), once(answer)] if searching else [once(answer)]
    result, paths = asked(in_turn(*steps))
    assert isinstance(result, Answer)
    assert (result.kind, len(paths)) == (kind, 1 + searching)
    assert result.retry_after == (3.0 if kind is Kind.SLOW_DOWN else None)


def test_a_refused_question_is_an_outage() -> None:
    """Where nobody listens the question is not answered."""
    with Wire(answering(DELIVERED)) as server:
        pass
    with client_of(server) as client:
        result = client.ask(MEMORY, LONG)
    assert isinstance(result, Answer)
    assert result.kind is Kind.OUTAGE


@pytest.mark.parametrize(
    "incomplete",
    [
        TOO_MANY,
        listing(*map(str, range(10_000))),
        listing(*map(str, range(100))),
        listing(memories=[{"memory": "other"}, {"text": "what is this?"}]),
        listing(memories=["other"]),
    ],
    ids=["too long", "limit", "round number", "odd entry", "no objects"],
)
@pytest.mark.parametrize(
    ("search", "presence"),
    [
        (found("an oak", MEMORY.content), Presence.PRESENT),
        (found("an oak"), Presence.CANNOT_TELL),
        (found(), Presence.CANNOT_TELL),
        (render(404, {}), Presence.CANNOT_TELL),
        (render(200, b"<html>"), Presence.CANNOT_TELL),
        (TOO_MANY, Presence.CANNOT_TELL),
    ],
)
def test_where_a_listing_may_be_incomplete_the_server_is_searched(
    incomplete: bytes, search: bytes, presence: Presence
) -> None:
    """A listing that is or may be cut decides nothing; only an exact find does."""
    handler = routing({"GET": incomplete, "POST /memory/search": search})
    assert asked(handler) == (presence, ["/memory/alpha", "/memory/search"])


def test_a_search_asks_for_the_text_in_its_project() -> None:
    """The search names project, text and a limit."""
    routes = {"GET": TOO_MANY, "POST /memory/search": found()}
    with Wire(routing(routes)) as server, client_of(server) as client:
        client.ask(MEMORY, LONG)
        assert server.requests[1].json == {
            "user_id": "alpha",
            "query": "the third oak",
            "limit": 10,
        }
        assert server.requests[0].target.endswith("?limit=10000")


def test_an_endless_project_id_is_asked_about_in_a_body() -> None:
    """A path that no server takes is not tried."""
    memory = Memory("p" * 5_000, "text", "k")
    handler = routing({"POST /memory/search": found("text")})
    assert asked(handler, memory) == (Presence.PRESENT, ["/memory/search"])


def test_one_time_out_covers_listing_and_search() -> None:
    """A question of two requests does not take twice the time."""

    def slow(connection: Connection) -> None:
        connection.request()
        connection.server.closing.wait(0.3)
        connection.send(listing(*map(str, range(100))))
        connection.request()
        connection.hang()

    started = time.monotonic()
    result, paths = asked(slow, timeout=0.6)
    assert isinstance(result, Answer)
    assert (result.timed_out, len(paths)) == (True, 2)
    assert time.monotonic() - started < 10


# Many questions about one project ---------------------------------------------------------------


def test_one_listing_answers_many_questions() -> None:
    """After the ledger was lost, a project is listed once and not for every item."""
    with Wire(routing({"GET": listing("a", "b")})) as server, client_of(server) as client:
        answers = [client.ask(Memory("p", text, "k"), LONG) for text in "abcabc"]
        assert answers == [Presence.PRESENT, Presence.PRESENT, Presence.ABSENT] * 2
        assert len(server.requests) == 1


def test_a_listing_from_before_the_last_attempt_is_not_used() -> None:
    """What an attempt may have brought is not looked for in an older listing."""
    with Wire(routing({"GET": listing("a")})) as server, client_of(server) as client:
        client.ask(Memory("p", "a", "k"), LONG)
        client.ask(Memory("p", "a", "k"), LONG, since=time.monotonic())
        assert len(server.requests) == 2


def test_an_incomplete_listing_is_not_kept() -> None:
    """A listing that may be cut says nothing about further items."""
    routes = {"GET": listing(*map(str, range(100))), "POST": found()}
    with Wire(routing(routes)) as server, client_of(server) as client:
        client.ask(MEMORY, LONG)
        client.ask(MEMORY, LONG)
        assert len(server.requests) == 4


def test_listings_are_kept_for_a_while_and_a_few_projects() -> None:
    """Age and number of the listings that are kept are bounded."""
    listings = Listings()
    for number in range(MAX_PROJECTS + 1):
        listings.keep(f"p{number}", [fingerprint("text")], asked=100.0)
    assert listings.has("p0", "text", 0.0, 101.0) is None
    assert listings.has("p1", "text", 0.0, 101.0) is True
    assert listings.has("p1", "other", 0.0, 101.0) is False
    assert listings.has("p1", "text", 100.0, 101.0) is None
    assert listings.has("p1", "text", 99.9, 100.0 + MAX_AGE) is True
    assert listings.has("p1", "text", 99.9, 100.1 + MAX_AGE) is None


def test_listing_a_project_again_pushes_out_no_other() -> None:
    """A renewed listing takes its own place."""
    listings = Listings()
    for number in range(MAX_PROJECTS):
        listings.keep(f"p{number}", [], asked=1.0)
    listings.keep("p3", [], asked=2.0)
    assert listings.has("p0", "text", 0.0, 3.0) is False


# Probing ----------------------------------------------------------------------------------------


def test_a_probe_asks_for_health() -> None:
    """A probe is GET /health; 200 with a JSON object is healthy."""
    health = render(200, {"status": "ok"})
    with Wire(routing({"GET /health": health})) as server, client_of(server) as client:
        assert client.probe(LONG) == Health(healthy=True, reason="", status=200)


@pytest.mark.parametrize(
    ("answer", "status"), [(render(503, {}), 503), (render(200, b"<html>"), 200), (b"", None)]
)
def test_a_probe_says_what_is_wrong(answer: bytes, status: int | None) -> None:
    """Everything else is not healthy, and a sentence says why."""
    with Wire(once(answer)) as server, client_of(server) as client:
        result = client.probe(LONG)
    assert (result.healthy, result.status) == (False, status)
    assert result.reason.endswith(".")


# The face of the package ------------------------------------------------------------------------


def test_an_unknown_dialect_is_a_settings_error() -> None:
    """What is not registered is named, with what there is."""
    with pytest.raises(SettingsError, match="vps"):
        connect(Destination.of("http://127.0.0.1:9"), "klingon")


def test_a_further_dialect_joins_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry makes the client of a dialect that joined it."""
    made: Any = object()
    monkeypatch.setitem(DIALECTS, "mem0", lambda _: made)
    assert connect(Destination.of("http://127.0.0.1:9"), "mem0") is made
