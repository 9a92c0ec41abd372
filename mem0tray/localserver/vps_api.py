"""The requests of the dialect `vps`."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mem0tray.localserver import wire
from mem0tray.localserver.indexing import Indexing
from mem0tray.localserver.store import ID_MAX, Arrival, KeyReusedError, Store, StoredMemory
from mem0tray.localserver.wire import answer, iso, refusal
from mem0tray.server.oss_names import ID

_SAVED: Final = answer({"success": True})  # made once, as this server says it most of the time


class VpsApi:
    """The answers to these requests, a method for each; bodies larger than `body_max` are refused.

    They raise HTTPException for what cannot be answered, `sqlite3.Error` when the store fails.
    """

    def __init__(self, store: Store, indexing: Indexing, body_max: int) -> None:
        self._store = store
        self._indexing = indexing
        self._body_max = body_max

    def routes(self) -> list[Route]:
        """Return the route of each request."""
        return [
            Route("/memory", self.save, methods=["POST"]),
            Route("/memory", self.projects, methods=["GET"]),
            Route("/memory/search", self.search, methods=["POST"]),
            Route("/memory/{project}", self.newest, methods=["GET"]),
            Route("/memory/{project}/{memory}", self.remove, methods=["DELETE"]),
        ]

    async def save(self, request: Request) -> Response:
        """Answer `POST /memory`: save once for each Idempotency-Key."""
        fields = wire.document(await wire.bounded(request, self._body_max))
        project, text = wire.field(fields, "user_id"), wire.field(fields, "content")
        if not project:
            raise HTTPException(422, 'The field "user_id" is empty.')
        key = request.headers.get("idempotency-key", "").encode("latin-1")
        try:
            self._store.save(Arrival(project, text, key, wire.digest(fields)))
        except KeyReusedError:
            return refusal(422, "This Idempotency-Key was used before with another body.")
        self._indexing.soon()
        return _SAVED

    async def newest(self, request: Request) -> Response:
        """Answer `GET /memory/{project}?limit=n&before=ID`, newest first.

        `before` asks for memories with a smaller id: the next ones in the list. An answer
        that ends before `limit` because it grew too large says `"truncated": true`.
        """
        project = wire.segment(request, "project")
        limit = wire.limit(request.query_params.get("limit"))
        before = wire.positive("before", request.query_params.get("before"), ID_MAX)
        found, cut = await wire.fitting(self._store.newest(project, before), limit)
        # Other servers of this dialect list only the newest memories, and know no "before".
        listing = {"paged": True, "memories": {"results": [_entry(each) for each in found]}}
        return answer({"success": True} | listing | cut)

    async def projects(self, _: Request) -> Response:
        """Answer `GET /memory`: the projects, by name, and how many memories each has."""
        counts = [{"user_id": each.name, "count": each.memories} for each in self._store.projects()]
        return answer({"success": True, "projects": counts})

    async def search(self, request: Request) -> Response:
        """Answer `POST /memory/search`: memories with words of the query, the best first."""
        body = wire.document(await wire.bounded(request, self._body_max))
        project, query = wire.field(body, "user_id"), wire.field(body, "query")
        limit = wire.limit(body.get("limit"))
        found = await self._indexing.search(project, query, limit)
        results = [{"memory": each.stored.memory, "score": round(each.score, 4)} for each in found]
        return answer({"success": True, "results": {"results": results}})

    async def remove(self, request: Request) -> Response:
        """Answer `DELETE /memory/{project}/{memory}`."""
        project = wire.segment(request, "project")
        if self._store.delete(project, wire.segment(request, "memory")):
            return answer({"success": True})
        return refusal(404, "This project has no such memory.")


def _entry(stored: StoredMemory) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": stored.id,
        "memory": stored.memory,
        "created_at": iso(stored.created),
    }
    if stored.key:
        entry["metadata"] = {ID: stored.key}
    return entry
