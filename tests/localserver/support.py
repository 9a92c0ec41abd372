"""What several modules of these tests need."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from mem0tray.localserver.endpoint import Endpoint, find
from tests.support.needs import WINDOWS

PATIENCE = 60.0 if WINDOWS else 30.0  # a start under Wine takes ten on a busy machine
T = TypeVar("T")


def client_of(endpoint: Endpoint, headers: dict[str, str] | None = None) -> httpx.Client:
    """Open a client that has the token, or sends `headers` instead."""
    with_token = {"Authorization": f"Bearer {endpoint.token}"}
    return httpx.Client(
        base_url=endpoint.url,
        headers=with_token if headers is None else headers,
        trust_env=False,
        timeout=PATIENCE,
        verify=False,  # noqa: S501 - no TLS here, and its authorities take long to load
    )


def save(client: httpx.Client, project: str, content: str, key: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    body = json.dumps({"user_id": project, "content": content})  # ASCII, as httpx's is not
    return client.post("/memory", content=body, headers=headers)


def listed(client: httpx.Client, project: str, limit: int = 1000) -> list[dict[str, Any]]:
    answer = client.get(f"/memory/{quoted(project)}", params={"limit": limit})
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    assert document["success"] is True
    results: list[dict[str, Any]] = document["memories"]["results"]
    return results


def texts(client: httpx.Client, project: str) -> list[str]:
    return [each["memory"] for each in reversed(listed(client, project))]


def quoted(project: str) -> str:
    """Encode a project for a path: slashes, lone surrogates, and dots, which httpx resolves."""
    return quote(project, safe="", errors="surrogatepass").replace(".", "%2E")


def until(look: Callable[[], T | None], what: str) -> T:
    """Look again and again until there is something; for states that send no event."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.005)
    raise AssertionError(what)


@dataclass
class Serving:
    """A server in a process of its own."""

    process: subprocess.Popen[bytes]
    folder: Path

    def ready(self) -> Endpoint:
        def look() -> Endpoint | None:
            assert self.process.poll() is None, self.output()
            found = find(self.folder)
            return found if found is not None and found.pid == self.process.pid else None

        return until(look, "the server is ready")

    def leave(self) -> int:
        """Wait until it has ended by itself; the exit code."""
        return self.process.wait(PATIENCE)

    def output(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
