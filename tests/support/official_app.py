"""A thin official server in a process of its own: Mem0's library behind the official routes.

`python -m tests.support.official_app FOLDER SETTINGS`; see `official_server.py`, which starts it.
"""

import asyncio
import json
import os
import socket
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mem0tray.server.model import ID
from tests.support.official import (
    HEALTH,
    MOST_LISTED,
    PROJECTS,
    SAVE,
    SEARCH,
    failure,
    invalid,
)
from tests.support.official_library import open_library

PORT_FILE: Final = "port"
REQUESTS_FILE: Final = "requests.jsonl"
TEXTS: Final = "/tests/texts"  # the one route that no official server has
_SCOPE: Final = ("user_id", "agent_id", "run_id")
_ALL: Final = 1_000_000
_SCANNED: Final = 10_000
Handler = Callable[[Request], Awaitable[Response]]


class OfficialApp:
    """The routes; each request runs on a thread, as an official server has it.

    `database`: the connection string of the Postgres, whose end ends health; or empty.
    """

    def __init__(self, library: Any, *, database: str, api_key: str) -> None:
        self._library = library
        self._database = database
        self._api_key = api_key
        # The embedded Qdrant takes one call at a time; Postgres as many as come.
        self._turn: Any = _NoLock() if database else threading.Lock()

    def routes(self) -> list[Route]:
        return [
            Route(HEALTH, self.health, methods=["GET"]),
            Route(SAVE, self._keyed(self.save), methods=["POST"]),
            Route(SAVE, self._keyed(self.listing), methods=["GET"]),
            Route(SAVE + "/{name}", self._keyed(self.delete), methods=["DELETE"]),
            Route(SEARCH, self._keyed(self.search), methods=["POST"]),
            Route(PROJECTS, self._keyed(self.projects), methods=["GET"]),
            Route(TEXTS, self._keyed(self.texts), methods=["GET"]),
        ]

    async def health(self, request: Request) -> Response:
        """Look into the database, which holds the users too; what fails there is a plain 500."""
        del request
        try:
            await run_in_threadpool(self._look)
        except Exception:  # noqa: BLE001  (as the server does)
            return PlainTextResponse("Internal Server Error", 500)
        return JSONResponse({"needsSetup": False})

    async def save(self, request: Request) -> Response:
        body = await _body(request)
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(_is_message(each) for each in messages):
            return JSONResponse(invalid(messages, "messages", 0, "content"), 422)
        if not any(body.get(name) for name in _SCOPE):
            return JSONResponse({"detail": "At least one identifier is required."}, 400)
        more = {name: body[name] for name in (*_SCOPE, "metadata", "infer") if name in body}
        return await self._called(self._library.add, messages, **more)

    async def listing(self, request: Request) -> Response:
        """List what a user, agent or run has; whatever is wrong with that is no client's fault."""
        asked = dict(request.query_params)
        number = int(asked.get("top_k", "20"))
        if not 0 <= number <= MOST_LISTED:
            return JSONResponse(invalid(number, "top_k"), 422)
        filters = {name: asked[name] for name in _SCOPE if asked.get(name)}
        return await self._called(
            self._library.get_all, filters=filters, top_k=number, blames_client=False
        )

    async def search(self, request: Request) -> Response:
        body = await _body(request)
        if not _is_text(body.get("query")):
            return JSONResponse(invalid(body.get("query"), "query"), 422)
        more = {name: body[name] for name in ("top_k", "threshold") if name in body}
        filters = body.get("filters") or {}
        return await self._called(self._library.search, body["query"], filters=filters, **more)

    async def delete(self, request: Request) -> Response:
        return await self._called(self._library.delete, request.path_params["name"])

    async def projects(self, request: Request) -> Response:
        """Count what users have, in the first ten thousand memories."""
        del request
        rows = await run_in_threadpool(self._rows, _SCANNED)
        counts = Counter(payload["user_id"] for _, payload in rows if payload.get("user_id"))
        return JSONResponse(
            [
                {"id": name, "type": "user", "total_memories": counts[name]}
                for name in sorted(counts)
            ]
        )

    async def texts(self, request: Request) -> Response:
        """List all, for the oracle: [the server's name, user, text, our key] each."""
        del request
        rows = await run_in_threadpool(self._rows, _ALL)
        return JSONResponse(
            [[name, kept.get("user_id"), kept["data"], kept.get(ID)] for name, kept in rows]
        )

    def _rows(self, number: int) -> list[tuple[str, dict[str, Any]]]:
        with self._turn:
            listed = self._library.vector_store.list(top_k=number)
        return [(str(row.id), row.payload) for row in listed[0]]

    def _look(self) -> None:
        if self._database:
            import psycopg

            with psycopg.connect(self._database) as connection:
                connection.execute("SELECT 1")

    def _keyed(self, handler: Handler) -> Handler:
        """Let through who has the key; what comes as a bearer's token is none of the server's."""

        async def answer(request: Request) -> Response:
            held = request.headers.get("x-api-key", "")
            if self._api_key and ("authorization" in request.headers or held != self._api_key):
                return JSONResponse({"detail": "Invalid API key."}, 401)
            return await handler(request)

        return answer

    async def _called(
        self, function: Callable[..., Any], *given: Any, blames_client: bool = True, **more: Any
    ) -> Response:
        name = uuid.uuid4().hex[:8]
        headers = {"X-Request-ID": name}

        def in_turn() -> Any:
            with self._turn:
                return function(*given, **more)

        try:
            return JSONResponse(await run_in_threadpool(in_turn), headers=headers)
        except Exception as error:  # noqa: BLE001  (as the server does)
            status, body = failure(error, name, blames_client=blames_client)
            return JSONResponse(body, status, headers)


class Recorder:
    """Writes a line for each request as it comes: method, path, bytes of content."""

    def __init__(self, app: Any, file: Path) -> None:
        self._app = app
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            length = int(headers.get(b"content-length", b"0"))
            line = json.dumps([scope["method"], scope["path"], length]) + "\n"
            os.write(self._file, line.encode())
        await self._app(scope, receive, send)


class _NoLock:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


async def _body(request: Request) -> dict[str, Any]:
    found = await request.json()
    return found if isinstance(found, dict) else {}


def _is_message(found: Any) -> bool:
    return isinstance(found, dict) and _is_text(found.get("content"))


def _is_text(found: Any) -> bool:
    try:
        return isinstance(found, str) and bool(found.encode() or True)
    except UnicodeError:  # half a character, which it has no place for
        return False


def _listening(port: Path) -> socket.socket:
    # Of this protocol by name: of others asyncio does not know that nothing is to be held back.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(port.read_text(encoding="ascii")) if port.exists() else 0))
    listening.listen(512)
    port.write_text(str(listening.getsockname()[1]), encoding="ascii")
    return listening


def main() -> None:
    """Serve until the end of this process."""
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    api_key = settings.pop("api_key")
    library = open_library(folder, **settings)
    app = OfficialApp(library, database=settings.get("database", ""), api_key=api_key)
    listening = _listening(folder / PORT_FILE)
    recorded = Recorder(Starlette(routes=app.routes()), folder / REQUESTS_FILE)
    server = uvicorn.Server(uvicorn.Config(recorded, log_level="warning", access_log=False))
    asyncio.run(server.serve(sockets=[listening]))


if __name__ == "__main__":
    main()
