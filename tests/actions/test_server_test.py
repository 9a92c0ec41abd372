"""The server test: what is said of what is seen at real servers, and what goes there."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from mem0tray.actions import server_test
from mem0tray.actions.server_test import FAIL, OK, SKIP, STEPS, WARN, Check, examine
from mem0tray.config import settings
from mem0tray.system.paths import Paths
from tests.support.http1 import Answer, page
from tests.support.official import OfficialStandin, SimpleStore
from tests.support.standin import UNNAMED, Standin

PATIENCE = 20.0  # seconds for all of a test

Test = Callable[..., dict[str, Check]]


@pytest.fixture
def steps(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Test:
    """Test a server by its address, with further settings; the steps by name, times as 1 ms."""
    del paths  # a scratch home
    monkeypatch.setattr(server_test, "milliseconds", lambda _: "1 ms")

    def test(url: str, seconds: float = PATIENCE, **more: str) -> dict[str, Check]:
        for name, value in {"url": url, **more}.items():
            monkeypatch.setenv(f"MEM0TRAY_SERVER_{name.upper()}", value)
        loaded = settings.load()
        found = examine(replace(loaded, sources={}), seconds)
        return {step.name: step for step in found}

    return test


def results(found: dict[str, Check]) -> list[str]:
    assert list(found)[-len(STEPS) :] == list(STEPS)
    return [step.level for step in found.values()]


def words(step: Check) -> str:
    return f"{step.message} {step.remedy}".strip()


def test_an_official_server_is_told_by_its_answers(steps: Test) -> None:
    with OfficialStandin(SimpleStore()) as server:
        server.api_key = "sesame"
        found = steps(server.url, api_key="sesame")
        assert results(found) == [OK, OK, OK]
        assert found["server"].message == (
            f"{server.netloc} is healthy and speaks `oss`: it is recognised, and"
            " /auth/setup-status is answered within 1 ms."
        )
        assert {(each.method, each.body) for each in server.requests} == {("GET", b"")}
        assert server.kept() == []


def test_a_silent_server_is_waited_for_no_longer_than_said(
    steps: Test, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Standin() as server:
        server.health = Answer(body={"status": "ok"}, delay=PATIENCE)
        found = steps(server.url, seconds=1.5)
        assert results(found) == [FAIL, SKIP, SKIP]
        begin, _, end = found["server"].message.partition(" is down. No answer after ")
        assert begin == server.netloc
        assert found["server"].remedy.startswith("Memories wait until it is back.")
        assert float(end.removesuffix(" s.")) < PATIENCE / 4
        monkeypatch.setenv("MEM0TRAY_SYNC_TIMEOUT", "1")
        assert "No answer after 0.5" in steps(server.url)["server"].message  # its share


def test_a_redirect_is_not_followed_and_named(steps: Test) -> None:
    with Standin() as other, Standin() as server:
        server.health = Answer(301, headers={"Location": f"{other.url}/health"})
        found = steps(server.url, api_key="sesame")
        assert other.requests == []
    assert words(found["server"]) == (
        f"No Mem0 server was recognised at {server.netloc} (/health: 301 Moved Permanently to"
        f" {other.url}/health, which is not followed; /auth/setup-status: 404 Not Found)."
        f" If your server is there, set its address: `mem0tray config set server.url {other.url}`."
    )


SESAME = {"api_key": "wrong-sesame"}


@pytest.mark.parametrize(
    ("health", "more", "levels", "said"),
    [
        (page(), {}, [FAIL, SKIP, SKIP], "No Mem0 server was recognised at {host} (/health:"),
        (None, {"dialect": "oss"}, [FAIL, SKIP, SKIP], "Set server.dialect to `auto`, if"),
        (UNNAMED, SESAME, [FAIL, FAIL, SKIP], "{host} wants the right key before it shows what it"),
        (
            Answer(401), {"dialect": "vps", **SESAME}, [FAIL, FAIL, SKIP],
            "{host} wants a key for its health too. The health check was answered with 401",
        ),
    ],
    ids=["a page", "a wrong dialect", "a private server", "a key for the health path"],
)  # fmt: skip
def test_what_is_no_healthy_server_is_told_with_a_remedy(
    steps: Test, health: Answer | None, more: dict[str, str], levels: list[str], said: str
) -> None:
    with Standin() as server:
        server.health = health or server.health
        server.api_key = "sesame" if "api_key" in more else server.api_key
        found = steps(server.url, **more)
    assert results(found) == levels
    assert said.format(host=server.netloc) in words(found["server"])
    refused = found["server key"].message.startswith(f"{server.netloc} refuses the API key: ")
    assert refused == (levels[1] == FAIL)


def test_a_server_that_shows_nothing(steps: Test) -> None:
    with Standin() as server:
        server.can_be_asked = False
        found = steps(server.url)
        assert words(found["server reading"]) == (
            f"{server.netloc} has no way to show what it has: 404: Not Found."
            " Deliveries do not need it. `recall` and `search` show what waits here."
        )
        server.not_asked_status = 500
        found = steps(server.url)
        assert found["server reading"].message == (
            f"{server.netloc} does not show what it has: 500: Not Found."
        )
    assert results(found)[-1] == WARN
