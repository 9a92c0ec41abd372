"""The requests of the dialect `oss`, answered as the official server answers them.

It differs in this: ids are whole numbers; a search finds words; a text is stored as it is, even
if facts were to be made of it; a memory without a user is kept under its agent, or its run.
"""

import asyncio
import hashlib
import json
import re
import time
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mem0tray import __version__
from mem0tray.localserver import oss_requests, wire
from mem0tray.localserver.oss_requests import SaveRequest, Scope
from mem0tray.localserver.store import KeyReusedError, NameCount, StoredMemory
from mem0tray.localserver.wire import answer, iso, refusal
from mem0tray.server.model import ID, PROJECT, name_of

_NOTE: Final = "This server has no model: it stored each text as it is."
_BEGINNING: Final = 1000  # characters of a text too large to be repeated
_REPEATED: Final = 2**18  # characters of a text
_USER: Final = "user"  # the role of a memory, unless one was given


class OssApi(wire.Api):
    """The requests of the dialect `oss`."""

    def routes(self) -> list[Route]:
        """Return the route of each request."""
        return [
            Route("/memories", self.save, methods=["POST"]),
            Route("/memories", self.listing, methods=["GET"]),
            Route("/memories", self.remove_all, methods=["DELETE"]),
            Route("/memories/{memory}", self.one, methods=["GET"]),
            Route("/memories/{memory}", self.change, methods=["PUT"]),
            Route("/memories/{memory}", self.remove, methods=["DELETE"]),
            Route("/search", self.search, methods=["POST"]),
            Route("/entities", self.entities, methods=["GET"]),
            Route("/entities/{kind}/{name}", self.remove_entity, methods=["DELETE"]),
            Route("/openapi.json", self.describe, methods=["GET"]),
        ]

    async def save(self, request: Request) -> Response:
        """Answer `POST /memories`: save once for each `mem0tray_id` or Idempotency-Key."""
        header = request.headers.get("idempotency-key", "").encode("latin-1")
        wanted = oss_requests.save(
            await wire.bounded(request, self._body_max),
            header.decode("utf-8", "surrogateescape"),
        )
        try:
            rows = self._store.save(*wanted.arrivals)
        except KeyReusedError:
            return refusal(422, "This Idempotency-Key or mem0tray_id was used for another memory.")
        self._indexing.soon()
        return answer(_saved(wanted, rows))

    async def listing(self, request: Request) -> Response:
        """Answer `GET /memories?user_id=&agent_id=&run_id=&top_k=`, newest first; 1,000 at most.

        An answer that ends before `top_k` because it grew too large says `"truncated": true`.
        """
        scope, top_k = oss_requests.listing(request)
        pages = self._store.newest(scope.project, wanted=scope.wanted)
        found, cut = await wire.fitting(pages, top_k)
        return answer({"results": [_shown(each) for each in found]} | cut)

    async def one(self, request: Request) -> Response:
        """Answer `GET /memories/{id}`: null if there is none, as the official server does."""
        found = self._store.one(wire.segment(request, "memory"))
        return answer(_shown(found) | {"score": None} if found is not None else None)

    async def search(self, request: Request) -> Response:
        """Answer `POST /search`: memories with words of the query, the best first.

        A filter by `mem0tray_id` finds the memory with that key whatever its words, and shows only
        the beginning of a large one: it asks whether the memory is there.
        """
        wanted = oss_requests.search(await wire.bounded(request, self._body_max))
        if wanted.scope.wanted.key is not None:
            found = self._with_key(wanted.scope)
            return answer({"results": [_shown(each, _REPEATED) | {"score": 1.0} for each in found]})
        matches = await self._indexing.search(
            wanted.scope.project, wanted.query, wanted.top_k, wanted.scope.wanted
        )
        results = [
            _shown(each.stored) | {"score": round(each.score, 4)}
            for each in matches
            if each.score >= wanted.threshold
        ]
        return answer({"results": results})

    async def change(self, request: Request) -> Response:
        """Answer `PUT /memories/{id}`: another text, or metadata to add."""
        name = wire.segment(request, "memory")
        text, metadata = oss_requests.change(await wire.bounded(request, self._body_max))
        before = self._store.one(name)
        if before is None:
            return _unknown()
        merged = _metadata(before) | (metadata or {})
        details = before.details._replace(
            metadata=oss_requests.as_kept(merged, before.project), updated=time.time()
        )
        self._store.change(name, text, details)
        return answer({"message": "Memory updated successfully!"})

    async def remove(self, request: Request) -> Response:
        """Answer `DELETE /memories/{id}`."""
        name = wire.segment(request, "memory")
        if self._store.delete(None, name):
            return answer({"message": "Memory deleted successfully"})
        return _unknown()

    async def remove_all(self, request: Request) -> Response:
        """Answer `DELETE /memories?user_id=&agent_id=&run_id=`; serve others after each step."""
        await self._delete(oss_requests.removal(request))
        return answer({"message": "All relevant memories deleted"})

    async def entities(self, _: Request) -> Response:
        """Answer `GET /entities`: the names that memories are kept under, with their numbers."""
        users = [each._replace(name=name_of(each.name)) for each in self._store.projects()]
        named = {"agent": self._store.agents(), "run": self._store.runs(), _USER: users}
        return answer([_counted(kind, each) for kind, found in named.items() for each in found])

    async def remove_entity(self, request: Request) -> Response:
        """Answer `DELETE /entities/{user, agent or run}/{name}`: delete all under this name."""
        kind = wire.segment(request, "kind")
        await self._delete(oss_requests.entity(kind, wire.segment(request, "name")))
        return answer({"message": "Entity deleted"})

    async def describe(self, _: Request) -> Response:
        """Answer `GET /openapi.json`: these requests, for programs."""
        return answer(description())

    async def _delete(self, scope: Scope) -> None:
        while self._store.delete_some(scope.project, scope.wanted):  # noqa: ASYNC110  (it works)
            await asyncio.sleep(0)

    def _with_key(self, scope: Scope) -> list[StoredMemory]:
        pages = self._store.newest(scope.project, wanted=scope.wanted)
        return [each for page in pages for each in page]


def _counted(kind: str, counted: NameCount) -> dict[str, Any]:
    return {
        "id": counted.name,
        "type": kind,
        "total_memories": counted.memories,
        "created_at": iso(counted.first),
        "updated_at": iso(counted.last),
    }


def _saved(wanted: SaveRequest, rows: list[int]) -> dict[str, Any]:
    results = []
    for arrival, row in zip(wanted.arrivals, rows, strict=True):
        is_large = len(arrival.memory) > _REPEATED
        results.append(
            {
                "id": str(row),
                "memory": arrival.memory[:_BEGINNING] if is_large else arrival.memory,
                "event": "ADD",
                "actor_id": None,
                "role": arrival.details.role or _USER,
            }
        )
    return {"results": results} | ({"note": _NOTE} if wanted.asks_model else {})


def _shown(stored: StoredMemory, repeated: int | None = None) -> dict[str, Any]:
    """Show a memory; only the beginning of one with more than `repeated` characters."""
    text = stored.memory
    its = stored.details
    is_cut = repeated is not None and len(text) > repeated
    entry: dict[str, Any] = {
        "id": stored.id,
        "memory": text[:_BEGINNING] if is_cut else text,
        "hash": hashlib.md5(
            text.encode("utf-8", "surrogatepass"), usedforsecurity=False
        ).hexdigest(),
        "metadata": _metadata(stored) or None,
        "created_at": iso(stored.created),
        "updated_at": iso(stored.created if its.updated is None else its.updated),
        "user_id": name_of(stored.project),
        "role": its.role or _USER,
    }
    for name, value in (("agent_id", its.agent), ("run_id", its.run)):
        if value is not None:
            entry[name] = value.decode("utf-8", "surrogatepass")
    return entry | ({"truncated": True} if is_cut else {})


def _metadata(stored: StoredMemory) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads(stored.details.metadata or "{}")
    if stored.key:
        metadata[ID] = stored.key.partition("\0")[0]
    if stored.details.agent is None and name_of(stored.project) != stored.project:
        metadata.setdefault(PROJECT, stored.project)
    return metadata


def _unknown() -> Response:
    return refusal(404, "A memory with this id was not found.")


# The description of these requests, from which programs make their tools. Summaries and names of
# operations are the official server's, as programs know these.
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer", "minimum": 0}
_OBJECT: Final = {"type": "object", "additionalProperties": True}
_WHOSE: Final = {"user_id": _TEXT, "agent_id": _TEXT, "run_id": _TEXT}
_MESSAGE: Final = {
    "type": "object",
    "properties": {"role": _TEXT, "content": _TEXT},
    "required": ["role", "content"],
}
_TO_SAVE: Final = {
    "messages": {"type": "array", "items": _MESSAGE},
    **_WHOSE,
    "metadata": _OBJECT,
    "infer": {"type": "boolean", "description": "No facts are made of a text: it is stored as is."},
}
_TO_SEARCH: Final = {
    "query": _TEXT,
    "filters": _OBJECT,
    "top_k": _NUMBER,
    "threshold": {"type": "number", "minimum": 0, "maximum": 1},
}
_TO_CHANGE: Final = {"text": _TEXT, "metadata": _OBJECT}
_ANSWER: Final = {"200": {"description": "OK", "content": {"application/json": {"schema": {}}}}}


def _body(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _query(schemas: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": [_parameter("query", name, each) for name, each in schemas.items()]}


def _parameter(place: str, name: str, schema: Any = _TEXT) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


# Method, path, what it does, the name of the official server's function, and what it takes.
_OPERATIONS: Final[tuple[tuple[str, str, str, str, dict[str, Any]], ...]] = (
    ("post", "/memories", "Create memories", "add_memory", _body(_TO_SAVE, "messages")),
    ("get", "/memories", "Get memories", "get_all_memories", _query(_WHOSE | {"top_k": _NUMBER})),
    ("delete", "/memories", "Delete all memories", "delete_all_memories", _query(_WHOSE)),
    ("get", "/memories/{memory_id}", "Get a memory", "get_memory", {}),
    ("put", "/memories/{memory_id}", "Update a memory", "update_memory", _body(_TO_CHANGE)),
    ("delete", "/memories/{memory_id}", "Delete a memory", "delete_memory", {}),
    (
        "post",
        "/search",
        "Search memories",
        "search_memories",
        _body(_TO_SEARCH, "query", "filters"),
    ),
    ("get", "/entities", "List Entities", "list_entities", {}),
    ("delete", "/entities/{entity_type}/{entity_id}", "Delete Entity", "delete_entity", {}),
    ("get", "/auth/setup-status", "Setup Status", "setup_status", {}),
)


def description() -> dict[str, Any]:
    """Make the document."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, function, takes in _OPERATIONS:
        in_path = [_parameter("path", name) for name in re.findall(r"{(\w+)}", path)]
        paths.setdefault(path, {})[method] = takes | {
            "summary": summary,
            "operationId": re.sub(r"\W", "_", f"{function}{path}_{method}"),
            "parameters": in_path + takes.get("parameters", []),
            "responses": _ANSWER,
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "mem0tray: the embedded server", "version": __version__},
        "paths": paths,
    }
