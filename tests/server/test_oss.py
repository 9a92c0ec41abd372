"""The dialect `oss`: what goes out to an official server, and what is made of its answers."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from mem0tray.server import Client, Kind, Memory, ServerAddress, Terms, connect
from mem0tray.server.answers import HOLDS_NUL, STORED_NOTHING
from tests.server.calls import LONG
from tests.server.wire import Request, Wire, answering, render, routing

MEMORY = Memory("alpha", "the third oak", "id-1")
ADDED = render(200, {"results": [{"id": "m", "memory": "the third oak", "event": "ADD"}]})
NOTHING = render(200, {"results": []})


@contextmanager
def official(server: Wire, token: str = "", terms: Terms | None = None) -> Iterator[Client]:
    """Make a client of the dialect and close it."""
    address = ServerAddress.of(server.url, token)
    with closing(connect(address, "oss", terms=terms or Terms())) as made:
        yield made


def sent(memory: Memory, terms: Terms | None = None, answer: bytes = ADDED) -> Request:
    """Save a memory; what went out."""
    with Wire(answering(answer)) as server, official(server, "sesame", terms) as client:
        client.save(memory, LONG)
        (request,) = server.requests
    return request


def upstream(code: str) -> dict[str, str]:
    """Make the body with which the server says what kept it from storing."""
    return {"detail": "Upstream provider error.", "code": code, "request_id": "1a2b3c4d"}


def test_a_save_is_a_message_with_our_key_beside_it() -> None:
    """Its path has no slash at the end, its text is stored as it is, its key is no bearer token."""
    request = sent(MEMORY)
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
        (" edges\t", "%20edges%09"),
        ("100%", "100%25"),
        ("a%20b", "a%2520b"),
        ("Zürich/é?&=", "Zürich/é?&="),
        ("a\u00a0b\u2003c", "a%C2%A0b%E2%80%83c"),
        ("*", "%2A"),
        ("a*", "a*"),
    ],
)
def test_white_space_in_a_project_is_escaped_where_it_occurs(project: str, name: str) -> None:
    """The name has none, no two projects get the same, and the metadata has it as it was."""
    body = sent(Memory(project, "text", "k")).json
    assert body["user_id"] == name
    assert body["metadata"].get("mem0tray_project", name) == project


def test_a_user_takes_the_place_of_the_project() -> None:
    """With `server.user` the project stands beside it, in what is saved, asked and read."""
    terms = Terms("Jo Doe")
    body = sent(Memory("my project", "text", "k"), terms).json
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


def saved(answer: bytes, memory: Memory = MEMORY, terms: Terms | None = None) -> tuple[Kind, str]:
    """Save a memory to a server that answers so; kind and message."""
    with Wire(answering(answer)) as server, official(server, "sesame-4711", terms) as client:
        outcome = client.save(memory, LONG)
    return outcome.kind, outcome.message


def test_stored_is_what_was_added() -> None:
    """A 200 whose results hold an ADD; without any the server stored nothing, and that is said."""
    assert saved(ADDED) == (Kind.DELIVERED, "")
    told = (Kind.ITEM_FAILURE, "200 OK, but the server stored nothing")
    assert saved(NOTHING) == told
    assert saved(render(200, {"results": [{"event": "NONE"}, "odd"]})) == told
    assert told[1].endswith(f", but {STORED_NOTHING}")
    assert saved(render(200, {"message": "hm"}))[0] is Kind.ITEM_FAILURE
    assert saved(render(200, b"<html>"))[0] is Kind.OUTAGE


@pytest.mark.row(59)
def test_a_large_text_is_stored_where_the_answer_repeats_it() -> None:
    """Whatever comes behind the beginning, which is all that is read of it."""
    memory = Memory("alpha", "oak " * 500_000, "id-1")

    def added(text: str) -> bytes:
        return render(200, {"results": [{"id": "m", "memory": text, "event": "ADD"}]})

    assert saved(added(memory.content), memory) == (Kind.DELIVERED, "")
    assert saved(added("elm " * 500_000), memory)[0] is Kind.OUTAGE
    page = render(200, b"<html>" + b"oak " * 500_000)
    assert saved(page, memory)[0] is Kind.OUTAGE


def test_a_server_that_infers_may_store_nothing() -> None:
    """With `server.infer` it is asked for facts, and a text without any is delivered."""
    terms = Terms(infer=True)
    assert sent(MEMORY, terms).json["infer"] is True
    assert saved(NOTHING, terms=terms) == (Kind.DELIVERED, "")
    assert saved(ADDED, terms=terms) == (Kind.DELIVERED, "")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("provider_rate_limited", Kind.SLOW_DOWN),
        ("provider_timeout", Kind.OUTAGE),
        ("provider_unavailable", Kind.OUTAGE),
        ("datastore_unavailable", Kind.OUTAGE),
        ("vector_store_unavailable", Kind.OUTAGE),
        ("provider_auth_failed", Kind.UNAUTHORIZED),
        ("provider_bad_request", Kind.ITEM_FAILURE),
        ("unknown", Kind.OUTAGE),
        ("something new", Kind.OUTAGE),
    ],
)
def test_a_502_says_by_its_code_whose_fault_it_is(code: str, kind: Kind) -> None:
    """Of a save and of a question alike."""
    assert saved(render(502, upstream(code))) == (kind, "502: Upstream provider error.")


@pytest.mark.parametrize(
    ("code", "memory", "infers", "perhaps"),
    [
        ("provider_rate_limited", MEMORY, False, False),
        ("provider_rate_limited", MEMORY, True, True),
        ("provider_auth_failed", MEMORY, False, False),
        ("provider_bad_request", MEMORY, True, True),
        ("provider_timeout", MEMORY, False, True),
        ("unknown", MEMORY, False, True),
        ("unknown", Memory("alpha", "an\0oak", "k"), False, False),
    ],
)
def test_a_502_leaves_open_whether_it_was_stored_where_it_may_have_been(
    code: str, memory: Memory, *, infers: bool, perhaps: bool
) -> None:
    """The model is asked first, and for each fact again; a text with NUL is never stored."""
    answer = render(502, upstream(code))
    terms = Terms(infer=infers)
    with Wire(answering(answer)) as server, official(server, terms=terms) as client:
        assert client.save(memory, LONG).may_have_it is perhaps


@pytest.mark.parametrize("body", [b"<html>", b"", {"code": 7}, ["code"]])
def test_a_502_without_a_code_is_an_outage(body: object) -> None:
    """What stands before the server knows no codes."""
    assert saved(render(502, body))[0] is Kind.OUTAGE


@pytest.mark.parametrize(
    "memory",
    [
        Memory("alpha", "an\0oak", "k"),
        Memory("al\0pha", "an oak", "k"),
    ],
)
def test_a_nul_is_named_where_the_server_cannot_store_it(memory: Memory) -> None:
    """It is the item that fails, for a reason that is known again."""
    kind, message = saved(render(502, upstream("unknown")), memory)
    assert kind is Kind.ITEM_FAILURE
    assert message == f"502 Bad Gateway, but {HOLDS_NUL}"


@pytest.mark.row(42)
def test_what_the_server_repeats_is_not_told() -> None:
    """A 422 has what was sent, and a 400 may; neither text nor key come back in a message."""
    detail = [
        {
            "type": "string_type",
            "loc": ["body", "messages", 0, "content"],
            "msg": "Input should be a valid string",
            "input": "the third oak",
            "ctx": {"key": "sesame-4711"},
        }
    ]
    kind, message = saved(render(422, {"detail": detail}))
    assert kind is Kind.ITEM_FAILURE
    _, _, said = message.partition(": ")
    assert said == "body.messages.0.content: Input should be a valid string"
    assert saved(render(400, {"detail": "no: the third oak"})) == (
        Kind.ITEM_FAILURE,
        "400 Bad Request",
    )
    assert saved(render(401, {"detail": "no key sesame-4711"})) == (
        Kind.UNAUTHORIZED,
        "401 Unauthorized",
    )


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("1a2b3c4d", "1a2b3c4d"),
        ("", ""),
        ("two words", ""),
        ("x" * 65, ""),
        ("sesame-4711", ""),
        ("a\x1bb", ""),
    ],
)
def test_the_server_s_name_of_a_request_is_kept(name: str, kept: str) -> None:
    """By it the server's log can be searched; what is no such name is left."""
    answer = render(502, upstream("provider_timeout"), X_Request_ID=name)
    with Wire(answering(answer)) as server, official(server, "sesame-4711") as client:
        assert client.save(MEMORY, LONG).request_id == kept


def test_health_is_asked_of_the_only_path_that_looks() -> None:
    """The setup status asks the database; 500 means that this is down."""
    healthy = render(200, {"needsSetup": False})
    with (
        Wire(routing({"GET /auth/setup-status": healthy})) as server,
        official(server) as client,
    ):
        assert client.probe(LONG).healthy
    down = render(500, b"Internal Server Error")
    with Wire(answering(down)) as server, official(server) as client:
        health = client.probe(LONG)
    assert (health.healthy, health.status) == (False, 500)
    assert "500 Internal Server Error" in str(health.reason)


def test_the_look_at_a_key_reads_what_nobody_has() -> None:
    """Once with the key, once without."""
    with Wire(answering(NOTHING)) as server, official(server, "sesame") as client:
        client.check_key(LONG)
        first, second = server.requests
    assert first.target == second.target == "/memories?user_id=mem0tray-key-check&top_k=1"
    assert first.headers == second.headers | {"x-api-key": "sesame"}
