"""What several modules of these tests need."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from mem0tray.localserver.endpoint import Endpoint, find
from tests.support.processes import LONGEST, wait_until


def client_of(endpoint: Endpoint, headers: dict[str, str] | None = None) -> httpx.Client:
    """Open a client that has the token, or sends `headers` instead."""
    with_token = {"Authorization": f"Bearer {endpoint.token}"}
    return httpx.Client(
        base_url=endpoint.url,
        headers=with_token if headers is None else headers,
        trust_env=False,
        timeout=LONGEST,
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


@dataclass
class Serving:
    """A server in a process of its own."""

    process: subprocess.Popen[bytes]
    folder: Path

    def ready(self) -> Endpoint:
        found: list[Endpoint | None] = [None]

        def is_there() -> bool:
            assert self.process.poll() is None, self.output()
            found[0] = find(self.folder)
            return found[0] is not None and found[0].pid == self.process.pid

        wait_until(is_there, LONGEST, "the server is ready")
        assert found[0] is not None
        return found[0]

    def leave(self) -> int:
        """Wait until it has ended by itself; the exit code."""
        return self.process.wait(LONGEST)

    def output(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.read().decode()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
