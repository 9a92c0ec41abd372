"""The dialect `oss`: what goes out to an official server, and what is made of its answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core import jsontext
from mem0tray.server import Client, Kind, Listings, Memory, Outcome, Terms, http_client
from mem0tray.server.answers import HOLDS_NUL, NOT_KEPT
from mem0tray.server.http_client import repeats
from mem0tray.server.model import Fault, Reply
from tests.server.calls import LONG, MEMORY, client_of
from tests.server.wire import Connection, Request, Wire, answering, render

NOTHING = render(200, {"results": []})
official = partial(client_of, dialect="oss")


def stored(text: str = "the third oak") -> bytes:
    return render(200, {"results": [{"id": "m", "memory": text, "event": "ADD"}]})


ADDED = stored()


def sent(memory: Memory, terms: Terms | None = None, answer: bytes = ADDED) -> Request:
    """Save a memory; what went out."""
    with Wire(answering(answer)) as server, official(server, "sesame", terms=terms) as client:
        client.save(memory, LONG)
        (request,) = server.requests
    return request


def upstream(code: str) -> dict[str, str]:
    """Make the body with which the server says what kept it from storing."""
    return {"detail": "Upstream provider error.", "code": code, "request_id": "1a2b3c4d"}


def test_a_save_is_a_message_with_our_key_beside_it() -> None:
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
        ("100%", "100%25"),
        ("a%20b", "a%2520b"),
        ("Zürich/é?&=", "Zürich/é?&="),
        ("a\u00a0b\u2003c", "a%C2%A0b%E2%80%83c"),
        ("*", "%2A"),
        ("a*", "a*"),
    ],
)
def test_white_space_in_a_project_is_escaped_where_it_occurs(project: str, name: str) -> None:
    body = sent(Memory(project, "text", "k")).json
    assert body["user_id"] == name
    assert body["metadata"].get("mem0tray_project", name) == project


def test_a_user_takes_the_place_of_the_project() -> None:
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


def outcome_of(answer: bytes, memory: Memory = MEMORY, terms: Terms | None = None) -> Outcome:
    with Wire(answering(answer)) as server, official(server, "sesame-4711", terms=terms) as client:
        return client.save(memory, LONG)


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
    """A 200 whose results hold an ADD; of a large one the beginning is read."""
    outcome = outcome_of(answer, memory)
    assert outcome.kind is kind
    assert words in (None, outcome.message)


def test_a_server_that_infers_may_store_nothing() -> None:
    terms = Terms(infer=True)
    assert sent(MEMORY, terms).json["infer"] is True
    assert outcome_of(NOTHING, terms=terms).kind is Kind.DELIVERED
    assert outcome_of(ADDED, terms=terms).kind is Kind.DELIVERED


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
    outcome = outcome_of(render(502, upstream(code)), terms=Terms(infer=infers))
    assert (outcome.kind, outcome.may_have_it) == (kind, perhaps)
    assert outcome.message == "502: Upstream provider error."


@pytest.mark.parametrize(
    "memory", [Memory("alpha", "an\0oak", "k"), Memory("al\0pha", "an oak", "k")]
)
def test_a_nul_is_named_where_the_server_cannot_store_it(memory: Memory) -> None:
    outcome = outcome_of(render(502, upstream("unknown")), memory)
    assert (outcome.kind, outcome.may_have_it) == (Kind.ITEM_FAILURE, False)
    assert outcome.message == f"502 Bad Gateway, but {HOLDS_NUL}"


ENTRY = {
    "type": "string_type",
    "loc": ["body", "messages", 0, "content"],
    "msg": "Input should be a valid string",
    "input": "the third oak",
    "ctx": {"key": "sesame-4711"},
}


@pytest.mark.row(42)
@pytest.mark.parametrize(
    ("status", "detail", "words"),
    [
        (422, [ENTRY], "422: body.messages.0.content: Input should be a valid string"),
        (400, "no: the third oak", "400 Bad Request"),
        (401, "no key sesame-4711", "401 Unauthorized"),
    ],
)
def test_what_the_server_repeats_is_not_told(status: int, detail: object, words: str) -> None:
    assert outcome_of(render(status, {"detail": detail})).message == words


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("1a2b3c4d", "1a2b3c4d"),
        ("", ""),
        ("x" * 65, ""),
        ("sesame-4711", ""),
    ],
)
def test_the_server_s_name_of_a_request_is_kept(name: str, kept: str) -> None:
    answer = render(502, upstream("provider_timeout"), X_Request_ID=name)
    with Wire(answering(answer)) as server, official(server, "sesame-4711") as client:
        assert client.save(MEMORY, LONG).request_id == kept


# The first deliveries are looked for -----------------------------------------------------------

SHOWN = render(200, {"results": [{"id": "m", "memory": "x", "metadata": {"mem0tray_id": "id-1"}}]})
FULL = render(200, {"results": [{"id": str(n), "memory": "y"} for n in range(1000)]})


@contextmanager
def told(
    *, search: list[bytes], listing: bytes = NOTHING, checks: int = 3, infer: bool = False
) -> Iterator[tuple[Client, Wire]]:
    """Open a client of a server that stores, and answers questions so, the last for good."""

    def handle(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            if request.target == "/memories":
                answer = ADDED
            elif request.target == "/search":
                answer = search.pop(0) if len(search) > 1 else search[0]
            else:
                answer = listing
            if not connection.send(answer):
                return

    terms = Terms(infer=infer)
    with Wire(handle) as server, official(server, known=Listings(checks), terms=terms) as client:
        yield client, server


def asked(server: Wire) -> list[str]:
    return [each.target.split("?")[0] for each in server.requests if each.target != "/memories"]


def saves(client: Client, number: int = 1) -> list[Outcome]:
    return [client.save(MEMORY, LONG) for _ in range(number)]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_CHECKED", (0.0, 0.001, 0.001))


def test_one_question_shows_that_a_server_keeps_what_it_takes() -> None:
    with told(search=[SHOWN]) as (client, server):
        assert [each.kind for each in saves(client, 5)] == [Kind.DELIVERED] * 5
        assert asked(server) == ["/search"]


def test_what_it_neither_finds_nor_lists_is_not_delivered() -> None:
    with told(search=[NOTHING]) as (client, server):
        (outcome,) = saves(client)
        assert (outcome.kind, outcome.may_have_it) == (Kind.OUTAGE, True)
        assert outcome.message == "200 OK, but the server does not have what it said that it stored"
        assert outcome.reason.find(NOT_KEPT.id) is not None
        assert asked(server) == ["/search", "/memories"] * 3
        assert saves(client)[0].kind is Kind.OUTAGE


def test_a_server_that_is_slow_to_find_it_keeps_it() -> None:
    with told(search=[NOTHING, NOTHING, SHOWN]) as (client, server):
        assert [each.kind for each in saves(client, 2)] == [Kind.DELIVERED] * 2
        assert asked(server).count("/search") == 3


@pytest.mark.parametrize("listing", [SHOWN, FULL, render(500, {})])
def test_a_search_alone_says_nothing_against_it(listing: bytes) -> None:
    with told(search=[NOTHING], listing=listing) as (client, _):
        assert saves(client)[0].kind is Kind.DELIVERED


@pytest.mark.parametrize("answer", [render(500, {}), render(404, {}), render(200, ["odd"])])
def test_a_server_that_does_not_say_is_asked_three_times(answer: bytes) -> None:
    with told(search=[answer]) as (client, server):
        assert {each.kind for each in saves(client, 6)} == {Kind.DELIVERED}
        assert len(asked(server)) <= 3


def test_nobody_is_asked_where_nothing_is_to_be_checked() -> None:
    with told(search=[NOTHING], checks=0) as (client, server):
        assert saves(client)[0].kind is Kind.DELIVERED
        assert asked(server) == []
    with told(search=[NOTHING], infer=True) as (client, server):
        assert saves(client)[0].kind is Kind.DELIVERED
        assert asked(server) == []


# Large answers ----------------------------------------------------------------------------------

_TEXTS = st.text(st.sampled_from('ab\\"/\n\x00uUdD89é«€😀'), min_size=12, max_size=60)


def _cut(text: str, end: int, *, escapes: bool) -> Reply:
    """Make an answer with this text of which half ends at byte `end` behind the text's quote."""
    raw = jsontext.encode(json.dumps(text, ensure_ascii=escapes))
    body = b'{"results": [{"memory": ' + raw
    half = len(body) - len(raw) + 1 + end
    return Reply(200, {}, body[:half].ljust(2 * half, b"x"), 0.0, Fault.TOO_LONG)


@given(_TEXTS, st.booleans(), st.integers(min_value=12, max_value=30))
def test_wherever_the_answer_is_cut_its_beginning_counts(
    text: str,
    escapes: bool,  # noqa: FBT001
    end: int,
) -> None:
    end = min(end, len(jsontext.encode(json.dumps(text, ensure_ascii=escapes))) - 2)
    assert repeats(_cut(text, end, escapes=escapes), Memory("p", text, "k"))
    assert not repeats(_cut(f"z{text}", end, escapes=escapes), Memory("p", text, "k"))


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
