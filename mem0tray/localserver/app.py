"""The local server's requests, as an ASGI application.

Endpoints call SQLite directly: a commit takes less than handing it to a
thread, and one writer needs no lock. What takes long (to index what a search
is to find) lets others in after each step.
"""

import asyncio
import os
import sqlite3
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mem0tray import __version__
from mem0tray.localserver import bodies
from mem0tray.localserver.answers import answer, refusal
from mem0tray.localserver.endpoint import BODY_MAX, CHALLENGE_MAX, proof
from mem0tray.localserver.guard import Guard
from mem0tray.localserver.indexing import Indexing
from mem0tray.localserver.store import ID_MAX, KeyReusedError, Store, StoredMemory

ANSWER_MAX = 16 * 2**20  # characters of memories in one answer
KEY = "mem0tray_id"  # in the metadata of a memory: its idempotency key
LIMIT_DEFAULT = 100
LIMIT_MAX = 1000

_SAVED = answer({"success": True})  # made once: it is most of what this server says
_DIGITS_MAX = 18  # more would be no limit that anybody means


def build(store: Store, token: str, *, body_max: int = BODY_MAX) -> Starlette:
    """The application on `store`, for whoever has `token`; larger bodies are refused."""
    api = _Api(store, token, body_max)
    app = Starlette(
        routes=[
            Route("/memory", api.save, methods=["POST"]),
            Route("/memory", api.projects, methods=["GET"]),
            Route("/memory/search", api.search, methods=["POST"]),
            Route("/memory/{project}", api.newest, methods=["GET"]),
            Route("/memory/{project}/{memory}", api.remove, methods=["DELETE"]),
            Route("/health", api.health, methods=["GET"]),
        ],
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            sqlite3.Error: api.unavailable,
        },
    )
    # A redirect would only send a program to an address that it did not ask for.
    app.router.redirect_slashes = False
    return app


class _Api:
    """The answers to requests, a method for each."""

    def __init__(self, store: Store, token: str, body_max: int) -> None:
        self._body_max = body_max
        self._store = store
        self._indexing = Indexing(store)
        self._token = token
        self._trouble = ""

    async def health(self, request: Request) -> Response:
        """Whether memories can be stored; open to all, so nothing secret."""
        if self._trouble:
            # Only a write can tell that the disk is no longer full.
            self._store.try_write()
            self._trouble = ""
        self._indexing.soon()  # an earlier mem0tray may have left memories without
        return answer(self._identity(request) | {"status": "ok"})

    def _identity(self, request: Request) -> dict[str, Any]:
        known = {"service": "mem0tray", "version": __version__, "pid": os.getpid()}
        challenge = request.query_params.get("challenge", "")
        if 0 < len(challenge) <= CHALLENGE_MAX:
            known["proof"] = proof(self._token, challenge)
        return known

    async def save(self, request: Request) -> Response:
        """`POST /memory`, once for each Idempotency-Key."""
        wanted = await bodies.memory(await bodies.bounded(request, self._body_max))
        if not wanted.project:
            raise HTTPException(422, 'The field "user_id" is empty.')
        key = request.headers.get("idempotency-key", "").encode("latin-1")
        try:
            self._store.save(wanted.project, wanted.text, key, wanted.digest if key else b"")
        except KeyReusedError:
            return refusal(422, "This Idempotency-Key was used before with another body.")
        self._indexing.soon()
        return _SAVED

    async def newest(self, request: Request) -> Response:
        """`GET /memory/{project}?limit=n&before=ID`, newest first.

        `before` takes the memories with a smaller id: those that follow in the list. An answer
        that ends before `limit` because it grew too large says `"truncated": true`.
        """
        project = _segment(request, "project")
        limit = _limit(request.query_params.get("limit", LIMIT_DEFAULT))
        before = _before(request.query_params.get("before"))
        found: list[dict[str, Any]] = []
        size = 0
        for page in self._store.newest(project, before):
            for each in page:
                size += len(each.memory)
                if found and size > ANSWER_MAX:
                    return answer(_memories(found) | {"truncated": True})
                found.append(_entry(each))
                if len(found) == limit:
                    return answer(_memories(found))
            await asyncio.sleep(0)
        return answer(_memories(found))

    async def projects(self, request: Request) -> Response:
        """`GET /memory`: the projects, by name, and how many memories each has."""
        del request
        sizes = [{"user_id": name, "count": number} for name, number in self._store.projects()]
        return answer({"success": True, "projects": sizes})

    async def search(self, request: Request) -> Response:
        """`POST /memory/search`: memories with words of the query, the best first."""
        body = bodies.document(await bodies.bounded(request, self._body_max))
        project, query = bodies.field(body, "user_id"), bodies.field(body, "query")
        limit = _limit(body.get("limit", LIMIT_DEFAULT))
        found = None
        while found is None:
            while self._store.index_some():  # noqa: ASYNC110  (it works, and waits for nobody)
                await asyncio.sleep(0)
            found = self._store.search(project, query, limit)
        results = [{"memory": each.memory, "score": round(each.score, 4)} for each in found]
        return answer({"success": True, "results": {"results": results}})

    async def remove(self, request: Request) -> Response:
        """`DELETE /memory/{project}/{memory}`."""
        if self._store.delete(_segment(request, "project"), _segment(request, "memory")):
            return answer({"success": True})
        return refusal(404, "This project has no such memory.")

    async def unavailable(self, request: Request, error: Exception) -> Response:
        """The store cannot be read or written now: an outage, which `/health` then tells too."""
        self._trouble = str(error)
        detail = f"The local server cannot store anything now: {error}."
        document = {"status": "error", "detail": detail}
        if request.scope["path"] == "/health":
            document |= self._identity(request)
        return answer(document, 503)


def _memories(found: list[dict[str, Any]]) -> dict[str, Any]:
    # Other servers of this dialect list no more than their newest, and take no "before".
    return {"success": True, "paged": True, "memories": {"results": found}}


def _entry(stored: StoredMemory) -> dict[str, Any]:
    created = datetime.fromtimestamp(stored.created, UTC).isoformat(timespec="microseconds")
    entry: dict[str, Any] = {"id": stored.id, "memory": stored.memory, "created_at": created}
    if stored.key:
        entry["metadata"] = {KEY: stored.key.decode("latin-1")}
    return entry


def _limit(value: Any) -> int:
    number = _number(value)
    if number < 1:
        raise HTTPException(422, '"limit" must be a whole number, 1 or more.')
    return min(number, LIMIT_MAX)


def _before(value: str | None) -> int:
    number = ID_MAX if value is None else _number(value)
    if number < 1:
        raise HTTPException(422, '"before" must be the id of a memory, as a listing gives it.')
    return number


def _number(value: Any) -> int:
    text = str(value)
    return int(text[:_DIGITS_MAX]) if text.isascii() and text.isdecimal() else 0


def _segment(request: Request, name: str) -> str:
    raw: str = request.path_params[name]
    try:
        return unquote_to_bytes(raw).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise HTTPException(400, "The path is not UTF-8.") from None


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # Starlette's type for a handler is wider
        raise error
    return refusal(error.status_code, error.detail, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    """Answer a client that has left: without an answer uvicorn would log an exception."""
    return Response(status_code=400)
