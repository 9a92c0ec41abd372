"""The dialect `vps`: what goes out, and what is made of what comes back."""

import subprocess
import sys
import threading
from typing import Any
from unittest import mock

import pytest

from mem0tray import __version__
from mem0tray.core import reasons
from mem0tray.core.errors import SettingsError
from mem0tray.server import (
    DIALECTS,
    Health,
    Kind,
    Memory,
    Outcome,
    ServerAddress,
    connect,
)
from mem0tray.server.http_client import encode, key_header
from tests.server.calls import LONG, MEMORY, client_of, listing
from tests.server.wire import (
    DELIVERED,
    PATIENCE,
    Connection,
    Wire,
    answering,
    in_turn,
    once,
    render,
    routing,
)

# Saving -----------------------------------------------------------------------------------------


def test_a_memory_is_saved() -> None:
    """A save is POST /memory with project, text and key, and `success` is a delivery."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        outcome = client.save(MEMORY, LONG)
        (request,) = server.requests
    assert (outcome.kind, outcome.status, outcome.message) == (Kind.DELIVERED, 200, "")
    assert 0 < outcome.duration < LONG
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
    assert b'"half \\ud83d"' in encode({"content": "half \ud83d"})


def test_an_item_without_a_project_is_not_sent() -> None:
    """Where there is no project nothing goes out, and the reason says so."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        outcome = client.save(Memory("", "text", "k"), LONG)
        assert (outcome.kind, server.connections) == (Kind.NOT_SENDABLE, 0)
    assert "project" in outcome.message


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
        ("é" * 400, None),
        ("k" * 1_000_000, None),
    ],
)
def test_any_id_makes_a_key_that_a_header_can_hold(key: str, header: str | None) -> None:
    """What is not printable ASCII is percent-encoded, what is endless becomes a hash."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        assert client.save(Memory("p", "t", key), LONG).kind is Kind.DELIVERED
        sent = server.requests[0].headers["idempotency-key"]
    assert sent == (header or key_header(key))
    assert len(sent) < 600


def test_without_a_key_there_is_no_header() -> None:
    """An empty key is none."""
    with Wire(answering(DELIVERED)) as server, client_of(server) as client:
        client.save(Memory("p", "t", ""), LONG)
        assert "idempotency-key" not in server.requests[0].headers


@pytest.mark.row(37)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """Neither memory nor key reaches the host that a redirect names."""
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


def test_a_captive_portal_is_an_outage() -> None:
    """A page instead of an answer delivers nothing."""
    page = render(200, b"<html>Sign in</html>", Content_Type="text/html")
    with Wire(answering(page)) as server, client_of(server) as client:
        assert client.save(MEMORY, LONG).kind is Kind.OUTAGE


def test_429_names_the_time_to_wait() -> None:
    """A 429 is a wish to slow down, with the server's own time."""
    with Wire(answering(render(429, {}, Retry_After="17"))) as server, client_of(server) as client:
        outcome = client.save(MEMORY, LONG)
    assert (outcome.kind, outcome.retry_after) == (Kind.SLOW_DOWN, 17.0)


@pytest.mark.row(42)
def test_a_server_that_repeats_what_it_got_is_not_quoted() -> None:
    """Neither content nor API key of a request comes back in a message."""

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
    assert (late.kind, late.timed_out) == (Kind.NO_ANSWER, True)
    assert (lost.kind, lost.timed_out) == (Kind.NO_ANSWER, False)


@pytest.mark.parametrize("call", ["save", "ask", "probe"])
def test_abort_ends_every_call(call: str) -> None:
    """Each call returns promptly when another thread aborts it."""

    def silent(connection: Connection) -> None:
        connection.request()
        connection.hang()

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
    """A probe is GET /health; 200 with a JSON object is healthy."""
    health = render(200, {"status": "ok"})
    with Wire(routing({"GET /health": health})) as server, client_of(server) as client:
        well = Health(healthy=True, reason=reasons.NONE, status=200, path="/health")
        assert client.probe(LONG) == well


@pytest.mark.parametrize(
    ("answer", "status"), [(render(503, {}), 503), (render(200, b"<html>"), 200), (b"", None)]
)
def test_a_probe_says_what_is_wrong(answer: bytes, status: int | None) -> None:
    """Everything else is not healthy, and a sentence says why."""
    with Wire(once(answer)) as server, client_of(server) as client:
        result = client.probe(LONG)
    assert (result.healthy, result.status) == (False, status)
    assert str(result.reason).endswith(".")


# The face of the package ------------------------------------------------------------------------


def test_an_unknown_dialect_is_a_settings_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not registered is named, with what there is."""
    for name in tuple(DIALECTS):
        monkeypatch.delitem(DIALECTS, name)
    for name in ("two", "one"):
        monkeypatch.setitem(DIALECTS, name, mock.Mock())
    with pytest.raises(SettingsError) as caught:
        connect(ServerAddress.of("http://127.0.0.1:9"), "klingon")
    assert caught.value.message == "There is no server dialect 'klingon'."
    assert caught.value.remedy == "Set server.dialect to one of: auto, one, two."


def test_a_further_dialect_joins_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry makes the client of a dialect that joined it."""
    made: Any = object()
    monkeypatch.setitem(DIALECTS, "mem0", lambda *_: made)
    assert connect(ServerAddress.of("http://127.0.0.1:9"), "mem0") is made


def test_a_client_loads_no_command_line() -> None:
    """What is not needed stays out of a tray that runs all day."""
    script = (
        "import sys; from mem0tray.server import ServerAddress, connect;"
        " connect(ServerAddress.of('http://127.0.0.1:9'));"
        " unwanted = {'rich', 'pygments', 'httpx'};"
        " print('httpcore' in sys.modules, sorted(unwanted & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() == "True []"
