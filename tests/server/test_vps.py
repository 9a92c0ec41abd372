"""The dialect `vps`: what goes out, and what is made of what comes back."""

import hashlib
import subprocess
import sys

import pytest

from mem0tray import __version__
from mem0tray.core import reasons
from mem0tray.core.item import Kind
from mem0tray.server.http_client import key_header
from mem0tray.server.model import Health, KeyCheck, KeyVerdict, Memory, Outcome, Page, ServerMemory
from tests.server.calls import LONG, MEMORY, client_of, found, listing, spoken
from tests.server.wire import (
    DELIVERED,
    Connection,
    Request,
    Wire,
    answering,
    render,
    routing,
)

# Saving -----------------------------------------------------------------------------------------


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
    assert (outcome.kind, requests) == (Kind.NOT_SENDABLE, [])
    assert "project" in outcome.message


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


# Probing ----------------------------------------------------------------------------------------


def test_a_probe_asks_for_health() -> None:
    routes = routing({"GET /health": render(200, {"status": "ok"})})
    well = Health(healthy=True, reason=reasons.NONE, status=200, path="/health")
    assert spoken(routes, "probe")[0] == well


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


# The key ----------------------------------------------------------------------------------------

NO = render(401, {"detail": "no"})
TAKEN, REFUSED, OPEN, CANNOT_TELL = KeyVerdict


def checked(*answers: bytes, key: str = "sesame") -> tuple[KeyCheck, list[Request]]:
    return spoken(answers, "check_key", token=key)


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ([listing(), NO], TAKEN, ""),
        ([listing(), listing()], OPEN, ""),
        ([listing(), render(500, b"odd")], CANNOT_TELL, "500: odd"),
        ([NO], REFUSED, "401: no"),
        ([render(401, {"detail": "bad key sesame"})], REFUSED, "401 Unauthorized"),
        ([render(404, {})], CANNOT_TELL, "404 Not Found"),
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
    entries = [
        {"id": 7, "memory": "a", "created_at": "2026-01-02T03:04:05Z", "score": 1},
        {"id": [], "memory": "b", "created_at": 5, "score": "high"},
        {"id": "c"},
        "d",
    ]
    page, _ = spoken(render(200, {"success": True, "memories": entries}), "read", "alpha", 10)
    first = ServerMemory("alpha", "a", "7", "2026-01-02T03:04:05Z", 1.0)
    assert page == Page([first, ServerMemory("alpha", "b")])


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
