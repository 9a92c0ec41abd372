"""The dialect `vps`: asking whether the server has a memory."""

import json
from typing import Any

import pytest

from mem0tray.server import (
    Kind,
    Memory,
    Outcome,
    Presence,
)
from mem0tray.server.model import Reply
from mem0tray.server.transport import Transport
from tests.server.calls import LONG, MEMORY, TOO_MANY, client_of, found, listing
from tests.server.wire import (
    DELIVERED,
    Connection,
    Handler,
    Wire,
    answering,
    in_turn,
    once,
    render,
    routing,
)


def asked(
    handler: Handler, memory: Memory = MEMORY, timeout: float = LONG
) -> tuple[Presence | Outcome, list[str]]:
    """Ask once; the answer, and the paths that were asked for."""
    with Wire(handler) as server, client_of(server) as client:
        answer = client.ask(memory, timeout)
        return answer, [request.target.partition("?")[0] for request in server.requests]


# Asking -----------------------------------------------------------------------------------------


def test_exactly_the_same_text_is_present() -> None:
    """A listing with exactly this text says that the server has it."""
    answer = asked(routing({"GET": listing("an oak", str(MEMORY.content))}))
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


@pytest.mark.parametrize("status", [404, 405])
def test_a_server_that_cannot_tell_is_no_obstacle(status: int) -> None:
    """404 and 405 mean that the server cannot tell."""
    answer = asked(answering(render(status, b"<html>no such page</html>")))
    assert answer == (Presence.CANNOT_TELL, ["/memory/alpha"])


@pytest.mark.parametrize("searching", [False, True], ids=["listing", "search"])
@pytest.mark.parametrize(
    "answer",
    [
        render(403, {}),
        render(400, {}),
        render(422, {}),
        render(200, {"success": False, "memories": [], "results": []}),
        render(200, {"success": True}),
        render(200, {"success": True, "memories": {"results": None}}),
        render(200, {"success": True, "memories": "none", "results": "none"}),
        render(200, [1]),
        render(200, b"<html>any path</html>"),
        render(302, b""),
    ],
)
def test_a_strange_answer_is_none(answer: bytes, *, searching: bool) -> None:
    """Only 404 and 405 mean that the server cannot tell; whatever else comes, it was asked."""
    steps = [once(TOO_MANY), once(answer)] if searching else [once(answer)]
    result, paths = asked(in_turn(*steps))
    assert isinstance(result, Outcome)
    assert result.kind in (Kind.OUTAGE, Kind.NO_ANSWER)
    assert result.may_have_it
    assert result.message
    assert len(paths) == 1 + searching


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (render(503, {}), Kind.OUTAGE),
        (render(500, {}), Kind.NO_ANSWER),
        (render(401, {}), Kind.UNAUTHORIZED),
        (render(429, {}, Retry_After="3"), Kind.SLOW_DOWN),
        (b"", Kind.NO_ANSWER),
    ],
)
@pytest.mark.parametrize("searching", [False, True])
def test_a_question_that_meets_trouble_is_answered_with_it(
    answer: bytes, kind: Kind, *, searching: bool
) -> None:
    """Outage, 500, 401, 429 and a lost connection are the outcome of the question itself."""
    steps = [once(TOO_MANY), once(answer)] if searching else [once(answer)]
    result, paths = asked(in_turn(*steps))
    assert isinstance(result, Outcome)
    assert (result.kind, len(paths)) == (kind, 1 + searching)
    assert result.retry_after == (3.0 if kind is Kind.SLOW_DOWN else None)


def test_a_refused_question_is_an_outage() -> None:
    """Where nobody listens the question is not answered."""
    with Wire(answering(DELIVERED)) as server:
        pass
    with client_of(server) as client:
        result = client.ask(MEMORY, LONG)
    assert isinstance(result, Outcome)
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
        (found("an oak", str(MEMORY.content)), Presence.PRESENT),
        (found("an oak"), Presence.CANNOT_TELL),
        (found(), Presence.CANNOT_TELL),
        (render(404, {}), Presence.CANNOT_TELL),
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


def test_one_time_out_covers_listing_and_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question of two requests does not take twice the time."""
    timeouts: list[float] = []
    exchange = Transport.exchange

    def noted(self: Transport, *arguments: Any, **more: Any) -> Reply:
        timeouts.append(arguments[4])
        return exchange(self, *arguments, **more)

    def slow(connection: Connection) -> None:
        connection.request()
        connection.server.closing.wait(0.2)
        connection.send(listing(*map(str, range(100))))
        connection.request()
        connection.send(found("an oak"))

    monkeypatch.setattr(Transport, "exchange", noted)
    result, paths = asked(slow, Memory("p", "an oak", "k"))
    assert (result, len(paths)) == (Presence.PRESENT, 2)
    first, second = timeouts
    assert first <= LONG
    assert second <= LONG - 0.2


# Stopping ---------------------------------------------------------------------------------------


def test_an_abort_between_two_questions_stops_neither() -> None:
    """Without a call in progress there is nothing to stop."""
    routes = {"GET": TOO_MANY, "POST": found()}
    with Wire(routing(routes)) as server, client_of(server) as client:
        for _ in range(2):
            assert client.ask(MEMORY, LONG) is Presence.CANNOT_TELL
            client.abort()
