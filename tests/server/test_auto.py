"""The dialect `auto`: what a server is recognised by, and what goes there before that is known."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from mem0tray.config.server_address import ServerAddress
from mem0tray.server import Recognition, connect_to_probe
from mem0tray.server.model import ProbeClient
from tests.server.calls import LONG, SHORT, listing
from tests.server.wire import Request, Wire, once, render, routing

WELL = render(200, {"status": "ok"})
VPS = {"GET /health": WELL, "GET /memory/": listing()}
OURS = {"GET /health": render(200, {"status": "ok", "service": "mem0tray"})}
OSS = {"GET /auth/setup-status": render(200, {"needsSetup": False})}
OLD_OSS = {"GET /openapi.json": render(200, {"info": {"title": "Mem0 REST APIs"}})}
ALL = ["GET /health", "GET /auth/setup-status", "GET /openapi.json"]
LISTED = "GET /memory/mem0tray-key-check?limit=1"


@contextmanager
def auto(server: Wire, recognition: Recognition | None = None) -> Iterator[ProbeClient]:
    address = ServerAddress.of(server.url)
    with closing(connect_to_probe(address, recognition or Recognition())) as made:
        yield made


def lines(requests: list[Request]) -> list[str]:
    """List what was asked; none of it has a body."""
    assert not any(request.body for request in requests)
    return [f"{request.method} {request.target}" for request in requests]


@pytest.mark.parametrize(
    ("routes", "name", "asked"),
    [
        (VPS, "vps", ["GET /health", LISTED]),
        (OURS, "vps", ["GET /health"]),
        (OURS | OSS, "vps", ["GET /health"]),
        (OSS, "oss", ["GET /health", "GET /auth/setup-status"]),
        (OSS | {"GET /health": WELL}, "oss", ["GET /health", LISTED, "GET /auth/setup-status"]),
        (OLD_OSS, "oss", ALL),
    ],
    ids=["vps", "embedded", "embedded, with both", "oss", "oss with a health path", "old oss"],
)
def test_a_server_is_recognised_by_what_no_other_kind_answers(
    routes: dict[str, bytes], name: str, asked: list[str]
) -> None:
    learnt: list[str] = []
    recognition = Recognition(note=learnt.append)
    with Wire(routing(routes)) as server:
        with auto(server, recognition) as client:
            assert client.probe(LONG).healthy
            assert lines(server.requests) == asked
        with auto(server, recognition) as client:
            assert client.probe(LONG).healthy
    assert learnt == [name]


def test_a_fixed_dialect_needs_no_proof() -> None:
    recognition = Recognition("oss", setting="vps")
    with Wire(routing({"GET /health": WELL})) as server, auto(server, recognition) as client:
        assert client.probe(LONG).healthy
        assert lines(server.requests) == ["GET /health"]
    assert recognition.dialect == "vps"


def test_all_questions_together_take_as_long_as_the_caller_allows(timeouts: list[float]) -> None:
    with Wire(routing(OLD_OSS | {"GET /health": WELL})) as server, auto(server) as client:
        client.probe(LONG)
    assert len(timeouts) == 4
    assert LONG / 2 >= timeouts[0] >= timeouts[1] > 0
    assert LONG >= timeouts[2] >= timeouts[3] > timeouts[0]


@pytest.mark.parametrize(
    ("status", "recognised", "advice"),
    [
        (500, True, ""),
        (503, True, ""),
        (401, False, "`mem0tray config set server.api_key`"),
        (403, False, "`mem0tray config set server.api_key`"),
    ],
)
@pytest.mark.parametrize("path", ["GET /health", "GET /memory/", "GET /auth/setup-status"])
def test_what_may_pass_or_wants_a_key_is_no_stranger_s_answer(
    path: str, status: int, advice: str, *, recognised: bool
) -> None:
    routes = {"GET /health": WELL} if path == "GET /memory/" else {}
    routes[path] = render(status, {})
    with Wire(routing(routes)) as server, auto(server) as client:
        health = client.probe(LONG)
        asked = len(server.requests)
        client.probe(LONG)
        assert len(server.requests) == 2 * asked
    assert (health.healthy, health.recognised, health.status) == (False, recognised, status)
    assert advice in str(health.reason)
    assert recognised or "wants the right key before it shows what it is" in str(health.reason)
    assert recognised or path.removeprefix("GET ") in str(health.reason)


def test_who_does_not_answer_is_asked_for_each_kind_once() -> None:
    with Wire(once(b"")) as server, auto(server) as client:
        health = client.probe(LONG)
        assert {*lines(server.requests)} == {"GET /health", "GET /auth/setup-status"}
    assert (health.healthy, health.recognised, health.status) == (False, True, None)


def test_a_server_whose_health_path_hangs_is_recognised_by_another() -> None:
    recognition = Recognition()
    routes = OSS | {"GET /health": b""}
    with Wire(routing(routes)) as server, auto(server, recognition) as client:
        assert client.probe(10 * SHORT).healthy
        assert lines(server.requests) == ["GET /health", "GET /auth/setup-status"]
    assert recognition.dialect == "oss"


@pytest.mark.parametrize("call", ["probe", "recognise"])
@pytest.mark.parametrize(
    ("known", "routes", "found"),
    [
        # What many a service answers proves nothing.
        ("", {"GET /health": WELL}, ""),
        ("", {"GET": render(200, {})}, ""),
        ("", {"GET /health": WELL, "GET /memory/": render(200, {"memories": {"results": []}})}, ""),
        ("", {"GET": render(200, {"success": True, "memories": [{"memory": "4 GB"}]})}, ""),
        ("", {"GET": listing(memories={"results": [{"id": 1, "name": "4 GB"}]})}, ""),
        ("", {"GET /openapi.json": render(200, {"info": {"title": "Another API"}})}, ""),
        ("vps", VPS, "vps"),
        ("oss", {"GET": WELL}, ""),
        ("vps", {"GET": WELL}, ""),
        ("vps", {"GET /health": WELL}, ""),
        ("oss", VPS, "vps"),
        ("oss", VPS | {"GET /auth/setup-status": WELL}, "vps"),
        ("vps", OSS, "oss"),  # which has no such path
        ("vps", OSS | {"GET /health": WELL}, "oss"),
    ],
)
def test_a_server_proves_itself_each_time_or_another_does(
    known: str, routes: dict[str, bytes], found: str, call: str
) -> None:
    recognition = Recognition(known)
    with Wire(routing(routes)) as server, auto(server, recognition) as client:
        health = getattr(client, call)(LONG)
        assert lines(server.requests)
    assert (health.healthy, health.recognised) == (bool(found), bool(found))
    assert recognition.dialect == (found or known)


@pytest.mark.parametrize(
    "listed", [render(401, {}), render(429, {}), render(500, {}), b""], ids=str
)
def test_what_hides_the_listing_of_a_known_server_disproves_nothing(listed: bytes) -> None:
    routes = {"GET /health": WELL, "GET /memory/": listed}
    with Wire(routing(routes)) as server, auto(server, Recognition("vps")) as client:
        assert client.probe(SHORT).healthy
        assert lines(server.requests) == ["GET /health", LISTED]
