"""The embedded server as an ASGI application: its dialects, and its health.

Endpoints call SQLite directly: a commit takes less than handing it to a thread.
"""

import hmac
import re
import sqlite3
from contextlib import suppress
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from msgspec.structs import asdict
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mem0tray.core.version import __version__
from mem0tray.localserver import wire
from mem0tray.localserver.endpoint import CHALLENGE_MAX, proof
from mem0tray.localserver.oss_api import OssApi
from mem0tray.localserver.store import ROW_MAX, Filter, KeyReusedError, Store, StoredMemory, iso
from mem0tray.localserver.wire import LIMIT_MAX, answer, refusal
from mem0tray.server.model import ID

_OUR_NAMES = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
HEALTH: Final = "/health"
OSS_HEALTH: Final = "/auth/setup-status"
_OPEN: Final = (HEALTH, OSS_HEALTH)
_TYPED_IN = b"none"  # Sec-Fetch-Site for an address that the user typed


def build(store: Store, token: str) -> Starlette:
    """Make the application on `store`, for whoever has `token`."""
    condition = _Condition(store, token)
    app = Starlette(
        routes=[
            *VpsApi(store).routes(),
            *OssApi(store).routes(),
            Route(HEALTH, condition.health, methods=["GET"]),
            Route(OSS_HEALTH, condition.setup_status, methods=["GET"]),
        ],
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            sqlite3.Error: condition.unavailable,
        },
    )
    # A redirect would only send programs to an address that they did not ask for.
    app.router.redirect_slashes = False
    return app


class _Condition:
    """Whether memories can be stored; each dialect asks for that in its own way."""

    def __init__(self, store: Store, token: str) -> None:
        self._store = store
        self._token = token
        self._is_in_trouble = False

    async def health(self, request: Request) -> Response:
        self._try()
        return answer(self._identity(request) | {"status": "ok"})

    async def setup_status(self, _: Request) -> Response:
        self._try()
        return answer({"needsSetup": False})

    def _try(self) -> None:
        if self._is_in_trouble:
            # Only a write shows that the disk is no longer full.
            self._store.try_write()
            self._is_in_trouble = False

    def _identity(self, request: Request) -> dict[str, Any]:
        known = {"service": "mem0tray", "version": __version__}
        challenge = request.query_params.get("challenge", "")
        if 0 < len(challenge) <= CHALLENGE_MAX:
            known["proof"] = proof(self._token, challenge)
        return known

    async def unavailable(self, request: Request, error: Exception) -> Response:
        """Answer that the store fails now: an outage, which its health shows too."""
        self._is_in_trouble = True
        if isinstance(error, sqlite3.Error):
            with suppress(sqlite3.Error):
                self._store.mend(error)
        detail = f"The embedded server cannot store anything now: {error}."
        document = {"status": "error", "detail": detail}
        if request.scope["path"] == HEALTH:
            document |= self._identity(request)
        return answer(document, 503)


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # Starlette's type for a handler is wider
        raise error
    return refusal(error.status_code, error.detail, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=400)  # without an answer uvicorn would log an exception


class Guard:
    """ASGI middleware: programs of this user may speak to the server, web pages may not.

    A page that reaches us under its own name (DNS rebinding) sends a foreign Host. One that calls
    us by address (CSRF) sends Origin or Sec-Fetch-Site, which programs do not; it is refused even
    with the token. Another user of this computer does not have the token.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on with its path unchanged: a project may hold `%2F`."""
        if scope["type"] != "http":
            return
        scope["path"] = scope["raw_path"].decode("ascii", "replace")
        app = self._refused(scope["path"], dict(scope["headers"])) or self._app
        await app(scope, receive, send)

    def _refused(self, path: str, headers: dict[bytes, bytes]) -> Response | None:
        if not _OUR_NAMES.fullmatch(headers.get(b"host", b"")):
            return refusal(403, "This server answers to 127.0.0.1 and localhost only.")
        if b"origin" in headers or headers.get(b"sec-fetch-site", _TYPED_IN) != _TYPED_IN:
            return refusal(403, "Web pages may not use this server.")
        if path in _OPEN or self._has_token(headers):
            return None
        return refusal(
            401,
            "The token is missing or wrong; it stands in server.json.",
            {"WWW-Authenticate": "Bearer"},
        )

    def _has_token(self, headers: dict[bytes, bytes]) -> bool:
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme == b"Bearer" and hmac.compare_digest(given, self._token):
            return True
        return hmac.compare_digest(headers.get(b"x-api-key", b""), self._token)


_SAVED: Final = answer({"success": True})  # made once, as this server says it most of the time
_Limit = Annotated[int, Meta(ge=1)]
_LIMIT: Final = 100


class VpsMemory(Struct):
    """The body of a save."""

    user_id: Annotated[str, Meta(min_length=1)]
    content: str


class VpsQuery(Struct):
    """The body of a search."""

    user_id: str
    query: str
    limit: _Limit | None = None


class VpsPage(Struct):
    """Which memories of a project are wanted: those older than the one with the id `before`."""

    limit: _Limit = _LIMIT
    before: str | None = None


class VpsApi:
    """The requests of the dialect `vps`.

    They raise HTTPException for what cannot be answered, `sqlite3.Error` when the store fails.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/memory", self.save, methods=["POST"]),
            Route("/memory", self.projects, methods=["GET"]),
            Route("/memory/search", self.search, methods=["POST"]),
            Route("/memory/{project}", self.newest, methods=["GET"]),
            Route("/memory/{project}/{memory}", self.remove, methods=["DELETE"]),
        ]

    async def save(self, request: Request) -> Response:
        wanted = wire.shaped(await wire.document(request), VpsMemory)
        key = wire.key(request)
        digest = wire.digest(asdict(wanted))
        try:
            self._store.save(StoredMemory(wanted.user_id, wanted.content, key, digest))
        except KeyReusedError:
            return refusal(422, "This Idempotency-Key was used before with another body.")
        return _SAVED

    async def newest(self, request: Request) -> Response:
        wanted = Filter(wire.segment(request, "project"))
        page = wire.shaped(dict(request.query_params), VpsPage, strict=False)
        before = ROW_MAX if page.before is None else self._store.row_of(page.before)
        if before is None:
            raise HTTPException(422, "There was never a memory with the id `before`.")
        found, is_cut = self._store.newest(wanted, min(page.limit, LIMIT_MAX), before)
        # Other servers of this dialect list only the newest memories, and know no "before".
        listing = {"paged": True, "memories": {"results": [_entry(each) for each in found]}}
        return answer({"success": True} | listing | ({"truncated": True} if is_cut else {}))

    async def projects(self, _: Request) -> Response:
        names = self._store.names("project")
        counts = [{"user_id": each.name, "count": each.memories} for each in names]
        return answer({"success": True, "projects": counts})

    async def search(self, request: Request) -> Response:
        asked = wire.shaped(await wire.document(request), VpsQuery)
        limit = min(asked.limit or _LIMIT, LIMIT_MAX)
        found = self._store.search(Filter(asked.user_id), asked.query, limit)
        results = [_entry(each) | {"score": round(score, 4)} for each, score in found]
        return answer({"success": True, "results": {"results": results}})

    async def remove(self, request: Request) -> Response:
        project = wire.segment(request, "project")
        if self._store.delete(project, wire.segment(request, "memory")):
            return answer({"success": True})
        return refusal(404, "This project has no such memory.")


def _entry(stored: StoredMemory) -> dict[str, Any]:
    entry = {"id": stored.id, "memory": stored.memory, "created_at": iso(stored.created)}
    return entry | ({"metadata": {ID: stored.key}} if stored.key else {})
