"""What several modules of these tests need."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from mem0tray.localserver.endpoint import Endpoint, find
from mem0tray.localserver.store import Filter, Store
from tests.support.processes import LONGEST, Process, wait_until


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


def everything(store: Store, project: str = "p") -> list[str]:
    return [each.memory for each in store.newest(Filter(project), 1000)[0]]


class Serving(Process):
    """A server in a process of its own."""

    def __init__(self, folder: Path, output: Path, *options: str) -> None:
        command = [sys.executable, "-m", "mem0tray.localserver.serve", str(folder), *options]
        super().__init__(command, env=os.environ, output=output, stdin=subprocess.PIPE)
        self.folder = folder

    def ready(self) -> Endpoint:
        def own() -> Endpoint | None:
            assert self.alive, self.err
            found = find(self.folder)
            return found if found is not None and found.pid == self.pid else None

        return wait_until(own, LONGEST, "the server is ready")

    def end_input(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.close()
