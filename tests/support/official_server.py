"""An official server in a process of its own, which a test starts, kills and starts again."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Self

import httpx

from tests.support.home import REPOSITORY, import_path
from tests.support.http1 import Answer, Request, read_request, render
from tests.support.listener import Listener
from tests.support.official import HEALTH, SAVE
from tests.support.official_app import PORT_FILE, REQUESTS_FILE, TEXTS
from tests.support.official_library import as_vector
from tests.support.processes import Process, wait_until
from tests.support.shapes import Json

_SLOW_START: Final = 120.0  # seconds: the library is large, and a machine may be busy


class OfficialServer:
    """Keeps its memories in `folder`, or in the Postgres `database`; always on the same port.

    `model` and `key`: the provider of its model, see `open_library`. `api_key`: what it
    wants of clients.
    """

    def __init__(self, folder: Path, *, api_key: str = "", **settings: str) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._settings = json.dumps({"api_key": api_key, **settings})
        self._headers = {"X-API-Key": api_key} if api_key else {}
        self._starts = 0
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        assert self._process is None
        self._starts += 1
        self._process = Process(
            [sys.executable, "-m", __name__.replace("_server", "_app"), str(self._folder),
             self._settings],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self._folder), **import_path(),
                 "PYTHONPATH": str(REPOSITORY)},
            output=self._folder / f"server-{self._starts}",
        )  # fmt: skip
        wait_until(self._answers, _SLOW_START, "official server up", explain=lambda: self.errors)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        self.kill()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{(self._folder / PORT_FILE).read_text(encoding='ascii')}"

    @property
    def errors(self) -> str:
        return self._process.err if self._process else ""

    def requests(self) -> list[tuple[str, str, int]]:
        """Every request that has come: method, path, bytes of content."""
        lines = (self._folder / REQUESTS_FILE).read_text(encoding="utf-8").splitlines()
        return [(method, path, length) for method, path, length in map(json.loads, lines)]

    def saves(self) -> int:
        return sum((method, path) == ("POST", SAVE) for method, path, _ in self.requests())

    def texts(self) -> Counter[str]:
        return Counter(text for _, _, text, _ in self.kept())

    def total_stored(self) -> int:
        """Count the saves that have come, which tells as well how far it is."""
        return self.saves()

    def missing(self, contents: Iterable[str]) -> list[str]:
        stored = self.texts()
        return [content for content in contents if not stored[content]]

    def surplus(self) -> dict[str, int]:
        """Map each text that is stored more than once to how often."""
        return {content: n for content, n in self.texts().items() if n > 1}

    def kept(self) -> list[list[str]]:
        """List all that is stored: [the server's name for it, its project, its text, our key]."""
        found: list[list[str]] = self._get(TEXTS).json()
        return found

    def delete(self, name: str) -> None:
        answer = httpx.delete(f"{self.url}{SAVE}/{name}", headers=self._headers, trust_env=False)
        assert answer.status_code == 200, answer.text

    def _get(self, path: str) -> httpx.Response:
        found = httpx.get(self.url + path, headers=self._headers, trust_env=False, timeout=30)
        assert found.status_code == 200, found.text
        return found

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.alive, self.errors
        try:
            httpx.get(self.url + HEALTH, trust_env=False, timeout=5)
        except (httpx.TransportError, OSError, ValueError):
            return False
        return True


def exactly(texts: Any) -> Counter[str]:
    return Counter(dict.fromkeys(texts, 1))


KEY: Final = "the provider's key"
_WHAT: Final = {400: "invalid_request_error", 401: "invalid_api_key", 429: "rate_limit_exceeded"}


class ModelProvider(Listener):
    """Embeds texts by their words.

    `fault`: what each request gets instead, or None. `delay`: seconds before each answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault: int | None = None
        self.delay = 0.0

    @property
    def url(self) -> str:
        return f"{super().url}/v1"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            await asyncio.sleep(self.delay)
            answer = self._answer(request)
            writer.write(render(answer.status, answer.body, answer.headers))
            await writer.drain()

    def _answer(self, request: Request) -> Answer:
        status = self.fault
        if request.headers.get("authorization") != f"Bearer {KEY}":
            status = 401
        if status is not None:
            error = {"message": "Scripted.", "type": _WHAT.get(status, "server_error")}
            return Answer(status, {"error": error})
        return Answer(200, _embedded(request.json["input"]))


def _embedded(texts: list[str]) -> Json:
    data = [
        {"object": "embedding", "index": number, "embedding": as_vector(text)}
        for number, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "data": data, "model": "words", "usage": usage}
