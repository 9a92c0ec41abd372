"""The dialect `auto`: what a server is found to speak, and what goes there before that is known."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from mem0tray.server import Client, KeyVerdict, Kind, Memory, Presence, Recognition, ServerAddress
from mem0tray.server import connect as connected
from mem0tray.server.model import Reply
from mem0tray.server.transport import Transport
from tests.server.calls import LONG, listing
from tests.server.wire import DELIVERED, Request, Wire, answering, in_turn, once, render, routing

MEMORY = Memory("alpha", "the third oak", "id-1")
ADDED = render(200, {"results": [{"event": "ADD"}]})
WELL = render(200, {"status": "ok"})
VPS = {"GET /health": WELL, "POST /memory": DELIVERED, "GET /memory/": listing()}
OSS = {
    "GET /auth/setup-status": render(200, {"needsSetup": False}),
    "POST /memories": ADDED,
    "POST /search": render(200, {"results": []}),
}


@contextmanager
def auto(server: Wire, recognition: Recognition | None = None, token: str = "") -> Iterator[Client]:
    """Make a client of a server of which nothing is said, and close it."""
    address = ServerAddress.of(server.url, token)
    with closing(connected(address, "auto", recognition=recognition)) as made:
        yield made


def lines(requests: list[Request]) -> list[str]:
    """Tell what was asked."""
    return [f"{request.method} {request.target}" for request in requests]


@pytest.mark.parametrize(
    ("routes", "name", "asked"),
    [
        (VPS, "vps", ["GET /health", "POST /memory"]),
        (OSS, "oss", ["GET /health", "GET /auth/setup-status", "POST /memories"]),
        (VPS | OSS, "vps", ["GET /health", "POST /memory"]),
    ],
)
def test_a_server_is_recognised_by_the_path_of_its_health(
    routes: dict[str, bytes], name: str, asked: list[str]
) -> None:
    """Asked once; what was learnt is told to whoever keeps it, and another client knows it."""
    learnt: list[str] = []
    recognition = Recognition(note=learnt.append)
    with Wire(routing(routes)) as server:
        with auto(server, recognition) as client:
            assert client.probe(LONG).healthy
            assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
            assert lines(server.requests) == asked
        with auto(server, recognition) as client:
            assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
            assert lines(server.requests) == [*asked, asked[-1]]
    assert learnt == [name]


def test_what_is_known_is_not_asked_for() -> None:
    """A server that was recognised before is spoken to at once, and asked by its own path."""
    with Wire(routing(OSS)) as server, auto(server, Recognition("oss")) as client:
        assert client.ask(MEMORY, LONG) is Presence.ABSENT
        assert client.probe(LONG).healthy
        assert lines(server.requests) == ["POST /search", "GET /auth/setup-status"]


@pytest.mark.parametrize("call", ["save", "ask", "read", "search"])
def test_nothing_but_these_questions_goes_to_a_server_that_is_not_known(call: str) -> None:
    """GETs without a body; whoever wanted more is told why not."""
    with Wire(answering(render(404, {"detail": "Not Found"}))) as server, auto(server) as client:
        calls: dict[str, Callable[[], object]] = {
            "save": lambda: client.save(MEMORY, LONG),
            "ask": lambda: client.ask(MEMORY, LONG),
            "read": lambda: client.read("alpha", 1, LONG),
            "search": lambda: client.search("alpha", "oak", 1, LONG),
        }
        said = calls[call]()
        assert lines(server.requests) == ["GET /health", "GET /auth/setup-status"]
        assert [request.body for request in server.requests] == [b"", b""]
    kind, message = getattr(said, "kind", None), getattr(said, "message", "")
    assert kind is Kind.OUTAGE
    assert message.startswith("no Mem0 server was recognised at ")


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.save(MEMORY, LONG),
        lambda client: client.ask(MEMORY, LONG),
        lambda client: client.read("alpha", 1, LONG),
        lambda client: client.search("alpha", "oak", 1, LONG),
        lambda client: client.page("alpha", "", LONG),
        lambda client: client.find("alpha", "id-1", LONG),
        lambda client: client.projects(LONG),
    ],
    ids=["save", "ask", "read", "search", "page", "find", "projects"],
)
def test_a_call_has_the_time_that_finding_out_has_left(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[Client], object]
) -> None:
    """All its requests together take as long as its caller allows at most."""
    left: list[float] = []
    exchange = Transport.exchange

    def noted(self: Transport, *arguments: Any) -> Reply:
        left.append(arguments[4])
        return exchange(self, *arguments)

    monkeypatch.setattr(Transport, "exchange", noted)
    routes = OSS | {"GET /memories": listing(), "GET /entities": render(200, [])}
    with Wire(routing(routes)) as server, auto(server) as client:
        call(client)
    assert len(left) == 3  # two health paths, and the call's own
    assert LONG >= left[0] >= left[1] >= left[2] > 0


def test_a_server_that_is_none_is_told_with_what_each_path_said() -> None:
    """And with what can be set."""
    page = render(200, b"<html>Sign in</html>")
    with Wire(routing({"GET /health": page})) as server, auto(server) as client:
        health = client.probe(LONG)
        host = server.url.removeprefix("http://")
    assert (health.healthy, health.recognised) == (False, False)
    assert str(health.reason) == (
        f"no Mem0 server was recognised at {host} (/health: something that is not a JSON object;"
        " /auth/setup-status: 404 Not Found). Set the right address with `mem0tray config set"
        " server.url ADDRESS`, or how the server there is spoken to with `mem0tray config set"
        " server.dialect NAME`."
    )


def test_a_redirect_is_told_with_the_address_to_set() -> None:
    """It is not followed, and where it points is at hand."""
    moved = render(301, b"", Location="https://mem0.test/health")
    with Wire(routing({"GET /health": moved})) as server, auto(server) as client:
        health = client.probe(LONG)
    assert not health.recognised
    assert "/health: 301 Moved Permanently to https://mem0.test/health" in str(health.reason)
    assert "`mem0tray config set server.url https://mem0.test`" in str(health.reason)


@pytest.mark.parametrize("status", [500, 502, 503, 401, 403])
@pytest.mark.parametrize("path", ["GET /health", "GET /auth/setup-status"])
def test_what_may_pass_or_is_about_the_key_is_no_stranger_s_answer(path: str, status: int) -> None:
    """It is told as it is, and asked again with the next probe."""
    with Wire(routing({path: render(status, {})})) as server, auto(server) as client:
        health = client.probe(LONG)
        client.probe(LONG)
        assert len(server.requests) == 4
    assert (health.healthy, health.recognised, health.status) == (False, True, status)


def test_who_does_not_answer_is_asked_one_question() -> None:
    """A second one would wait as long."""
    with Wire(in_turn(once(b""), once(b""), once(b""))) as server, auto(server) as client:
        health = client.probe(LONG)
        assert lines(server.requests) == ["GET /health"]
    assert (health.healthy, health.recognised, health.status) == (False, True, None)


# A server that changes under one address ----------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "routes", "asked"),
    [
        ("vps", OSS, ["GET /health", "GET /auth/setup-status"]),
        ("oss", VPS, ["GET /auth/setup-status", "GET /health"]),
    ],
)
def test_a_probe_that_finds_no_such_path_asks_what_there_is(
    known: str, routes: dict[str, bytes], asked: list[str]
) -> None:
    """Another server stands there now."""
    recognition = Recognition(known)
    with Wire(routing(routes)) as server, auto(server, recognition) as client:
        assert client.probe(LONG).healthy
        assert lines(server.requests) == asked
    assert {known, recognition.dialect} == {"vps", "oss"}


def test_a_known_server_whose_path_is_missing_for_a_while_is_down() -> None:
    """What stands before it answers so while it is moved; it stays what it was."""
    recognition = Recognition("vps")
    with Wire(answering(render(404, {}))) as server, auto(server, recognition) as client:
        health = client.probe(LONG)
    assert (health.healthy, health.recognised, health.status) == (False, True, 404)
    assert recognition.dialect == "vps"


@pytest.mark.parametrize(
    ("known", "routes", "path"), [("vps", OSS, "/memories"), ("oss", VPS, "/memory")]
)
def test_a_save_that_finds_no_such_path_goes_to_what_there_is(
    known: str, routes: dict[str, bytes], path: str
) -> None:
    """Nothing was stored by it, and nothing is counted: it is sent as the new server wants it."""
    with Wire(routing(routes)) as server, auto(server, Recognition(known)) as client:
        assert client.save(MEMORY, LONG).kind is Kind.DELIVERED
        assert server.requests[-1].target == path
        assert {request.method for request in server.requests[1:-1]} == {"GET"}


@pytest.mark.parametrize("health", [WELL, render(404, {})], ids=["there", "gone"])
def test_a_404_of_the_same_server_is_its_answer(health: bytes) -> None:
    """One question shows that it is the same; where there is none now, it stays what it was."""
    recognition = Recognition("vps")
    routes = {"GET /health": health, "POST": render(404, {"detail": "no such project"})}
    with Wire(routing(routes)) as server, auto(server, recognition) as client:
        outcome = client.save(MEMORY, LONG)
        assert sum(request.method == "POST" for request in server.requests) == 1
    assert (outcome.kind, outcome.status) == (Kind.FORBIDDEN, 404)
    assert recognition.dialect == "vps"


# The rest of a client -----------------------------------------------------------------------------


def test_the_key_goes_out_as_each_dialect_has_it() -> None:
    """To a question as to all else; who refuses it at once is asked as `vps` is."""
    with Wire(answering(render(401, {}))) as server, auto(server, token="sesame") as client:  # noqa: S106  (a test's own)
        client.probe(LONG)
        assert client.check_key(LONG).verdict is KeyVerdict.REFUSED
        first, second, third = server.requests
    assert first.headers["authorization"] == third.headers["authorization"] == "Bearer sesame"
    assert second.headers["x-api-key"] == "sesame"
