"""The dialect `vps`: what goes out, and what is made of what comes back."""

import hashlib
import subprocess
import sys
import threading
from typing import Any

import pytest

from mem0tray import __version__
from mem0tray.core import reasons
from mem0tray.server import Health, KeyCheck, KeyVerdict, Kind, Memory, Outcome, Page, ServerMemory
from mem0tray.server.http_client import encode, key_header
from tests.server.calls import LONG, MEMORY, client_of, found, in_turn_of, listing, silent
from tests.server.wire import (
    DELIVERED,
    PATIENCE,
    Connection,
    Request,
    Wire,
    answering,
    in_turn,
    once,
    render,
    routing,
)

# Saving -----------------------------------------------------------------------------------------


def saved(memory: Memory = MEMORY, answer: bytes = DELIVERED) -> tuple[Outcome, Request]:
    """Save a memory; what came of it, and what went out."""
    with Wire(answering(answer)) as server, client_of(server) as client:
        outcome = client.save(memory, LONG)
        (request,) = server.requests
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


def test_a_lone_surrogate_goes_out_as_its_escape() -> None:
    assert b'"half \\ud83d"' in encode({"content": "half \ud83d"})


@pytest.mark.parametrize("dialect", ["vps", "oss", "platform"])
def test_an_item_without_a_project_is_not_sent(dialect: str) -> None:
    with Wire(answering(DELIVERED)) as server, client_of(server, dialect=dialect) as client:
        outcome = client.save(Memory("", "text", "k"), LONG)
        assert (outcome.kind, server.connections) == (Kind.NOT_SENDABLE, 0)
    assert "project" in outcome.message


def hashed(key: str) -> str:
    """Make what stands for a key that is too long."""
    return f"sha256-{hashlib.sha256(key.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("key", "header"),
    [
        ("3f2a-b_c.d~e", "3f2a-b_c.d~e"),
        ("two words: 100%", "two words: 100%"),
        (" edge", "%20edge"),
        ("new\r\nline", "new%0D%0Aline"),
        ("Zürich%", "Z%C3%BCrich%25"),
        ("Zürich/a", "Z%C3%BCrich%2Fa"),
        ("\ud800", "%ED%A0%80"),
        ("\x7f", "%7F"),
        ("k" * 512, "k" * 512),
        ("k" * 513, hashed("k" * 513)),
        ("é" * 400, hashed("é" * 400)),
        ("", None),
    ],
)
def test_any_id_makes_a_key_that_a_header_can_hold(key: str, header: str | None) -> None:
    _, request = saved(Memory("p", "t", key))
    assert request.headers.get("idempotency-key") == header
    assert key_header(key) == (header or "")


@pytest.mark.row(37)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with Wire(answering(DELIVERED)) as other:
        moved = render(status, b"", Location=f"{other.url}/memory")
        with Wire(answering(moved)) as server, client_of(server, "sesame") as client:
            outcome = client.save(MEMORY, LONG)
            asked = client.ask(MEMORY, LONG)
            assert isinstance(asked, Outcome)
            assert asked.kind is Kind.OUTAGE
            assert not client.probe(LONG).healthy
        assert (outcome.kind, outcome.status, other.connections) == (Kind.OUTAGE, status, 0)
    assert other.url in outcome.message


def test_429_names_the_time_to_wait() -> None:
    outcome, _ = saved(answer=render(429, {}, Retry_After="17"))
    assert (outcome.kind, outcome.retry_after) == (Kind.SLOW_DOWN, 17.0)


@pytest.mark.row(42)
def test_a_server_that_repeats_what_it_got_is_not_quoted() -> None:
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
    with Wire(in_turn(silent, once(b""))) as server, client_of(server) as client:
        late, lost = client.save(MEMORY, 0.2), client.save(MEMORY, LONG)
    assert (late.kind, late.timed_out) == (Kind.NO_ANSWER, True)
    assert (lost.kind, lost.timed_out) == (Kind.NO_ANSWER, False)


@pytest.mark.parametrize("call", ["save", "ask", "probe"])
def test_abort_ends_every_call(call: str) -> None:
    with Wire(silent) as server, client_of(server) as client:
        results: list[object] = []

        def run() -> None:
            wanted = (LONG,) if call == "probe" else (MEMORY, LONG)
            results.append(getattr(client, call)(*wanted))

        thread = threading.Thread(target=run)
        thread.start()
        server.wait_for_requests()
        client.abort()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    (result,) = results
    if isinstance(result, Outcome):
        assert (result.kind, result.timed_out) == (Kind.NO_ANSWER, False)
    else:
        assert isinstance(result, Health)
        assert not result.healthy


# Probing ----------------------------------------------------------------------------------------


def test_a_probe_asks_for_health() -> None:
    health = render(200, {"status": "ok"})
    with Wire(routing({"GET /health": health})) as server, client_of(server) as client:
        well = Health(healthy=True, reason=reasons.NONE, status=200, path="/health")
        assert client.probe(LONG) == well


@pytest.mark.parametrize(
    ("answer", "status"), [(render(503, {}), 503), (render(200, b"<html>"), 200), (b"", None)]
)
def test_a_probe_says_what_is_wrong(answer: bytes, status: int | None) -> None:
    with Wire(once(answer)) as server, client_of(server) as client:
        result = client.probe(LONG)
    assert (result.healthy, result.status) == (False, status)
    assert str(result.reason).endswith(".")


def test_a_client_loads_no_more_than_it_needs() -> None:
    script = (
        "import sys; from mem0tray.server import ServerAddress, connect;"
        " connect(ServerAddress.of('http://127.0.0.1:9'));"
        " unwanted = {'rich', 'pygments'};"
        " print('httpx' in sys.modules, sorted(unwanted & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() == "True []"


# The key ----------------------------------------------------------------------------------------

NO = render(401, {"detail": "no"})
TAKEN, REFUSED, OPEN, CANNOT_TELL = KeyVerdict


def checked(*answers: bytes, key: str = "sesame") -> tuple[KeyCheck, list[Request]]:
    """Check the key on a server that gives these answers; the result, and what was asked."""
    with Wire(in_turn_of(*answers)) as server, client_of(server, key) as client:
        return client.check_key(LONG), server.requests


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ([listing(), NO], TAKEN, ""),
        ([listing(), render(403, {})], TAKEN, ""),
        ([listing(), listing()], OPEN, ""),
        ([listing(), render(500, b"odd")], CANNOT_TELL, "500: odd"),
        ([NO], REFUSED, "401: no"),
        ([render(403, {})], REFUSED, "403 Forbidden"),
        ([render(401, {"detail": "bad key sesame"})], REFUSED, "401 Unauthorized"),
        ([render(404, {})], CANNOT_TELL, "404 Not Found"),
        ([render(405, {})], CANNOT_TELL, "405 Method Not Allowed"),
        ([render(201, {})], CANNOT_TELL, "201 Created without success"),
        ([render(200, b"x")], CANNOT_TELL, "200 OK, but the answer is not a JSON object"),
    ],
)
def test_a_key_is_taken_where_it_makes_a_difference(
    answers: list[bytes], verdict: KeyVerdict, words: str
) -> None:
    check, requests = checked(*answers)
    assert (check.verdict, str(check.reason)) == (verdict, words)
    assert len(requests) == len(answers)


@pytest.mark.parametrize(("answer", "verdict"), [(listing(), OPEN), (NO, REFUSED)])
def test_without_a_key_one_question_is_enough(answer: bytes, verdict: KeyVerdict) -> None:
    check, requests = checked(answer, key="")
    assert (check.verdict, len(requests)) == (verdict, 1)


def test_the_check_of_a_key_lists_a_project_that_nobody_has(timeouts: list[float]) -> None:
    _, (first, second) = checked(listing(), NO)
    assert first.method == second.method == "GET"
    assert first.target == second.target == "/memory/mem0tray-key-check?limit=1"
    assert first.headers == second.headers | {"authorization": "Bearer sesame"}
    assert "authorization" not in second.headers
    assert LONG == timeouts[0] > timeouts[1] > 0


# Reading ----------------------------------------------------------------------------------------


def shown(answer: bytes, call: str, *arguments: Any) -> tuple[Any, Request]:
    """Read from a server that answers so; what is shown, and what was asked."""
    with Wire(answering(answer)) as server, client_of(server) as client:
        return getattr(client, call)(*arguments, LONG), server.requests[0]


def test_a_listing_is_read_as_it_stands() -> None:
    page, asked = shown(listing("two", "one"), "read", "my project", 2)
    memories = [ServerMemory("my project", "two", "0"), ServerMemory("my project", "one", "1")]
    assert page == Page(memories)
    assert asked.target == "/memory/my%20project?limit=2"


def test_a_search_asks_for_words_and_gives_scores() -> None:
    memories, asked = shown(found("an oak"), "search", "alpha", "trees", 3)
    assert memories == [ServerMemory("alpha", "an oak", score=0.5)]
    body = {"user_id": "alpha", "query": "trees", "limit": 3}
    assert (asked.target, asked.json) == ("/memory/search", body)


def test_what_a_server_adds_is_kept_and_nonsense_is_not() -> None:
    entries = [
        {"id": 7, "memory": "a", "created_at": "2026-01-02T03:04:05Z", "score": 1},
        {"id": [], "memory": "b", "created_at": 5, "score": "high"},
        {"id": "c"},
        "d",
    ]
    page, _ = shown(render(200, {"success": True, "memories": entries}), "read", "alpha", 10)
    first = ServerMemory("alpha", "a", "7", "2026-01-02T03:04:05Z", 1.0)
    assert page == Page([first, ServerMemory("alpha", "b")])


@pytest.mark.parametrize(
    ("created", "at"),
    [
        ("2026-01-02T03:04:05.678Z", 1767323045),
        ("2026-01-02T03:04:05", 1767323045),
        ("2026-01-02T04:04:05+01:00", 1767323045),
        ("1902-01-01T00:00:00Z", 0),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_server_s_time_is_read(created: str, at: int | None) -> None:
    assert ServerMemory("alpha", "oak", created=created).created_at() == at


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (render(401, {"detail": "no key"}), Kind.UNAUTHORIZED, "401: no key"),
        (render(404, {"detail": "Not Found"}), Kind.FORBIDDEN, "404: Not Found"),
        (render(503, {}), Kind.OUTAGE, "503 Service Unavailable"),
        (render(200, {"success": True}), Kind.NO_ANSWER, "the answer names no memories"),
    ],
)
@pytest.mark.parametrize(
    "arguments", [("read", "p", 1), ("search", "p", "q", 1)], ids=["read", "search"]
)
def test_a_server_that_does_not_show_says_why(
    answer: bytes, kind: Kind, words: str, arguments: tuple[str, ...]
) -> None:
    said, _ = shown(answer, *arguments)
    assert isinstance(said, Outcome)
    assert (said.kind, said.message) == (kind, words)
