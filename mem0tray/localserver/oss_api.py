"""The requests of the dialect `oss`, answered as the official server answers them.

It differs in this: a memory's id is its key, if it has one; a search finds words; a text is stored
as it is, even if facts were to be made of it; a memory without a user is kept under its agent, or
its run.
"""

import asyncio
import hashlib
import json
import re
import time
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mem0tray.core.version import __version__
from mem0tray.localserver import oss_requests, wire
from mem0tray.localserver.oss_requests import (
    Listing,
    MemoryCreate,
    MemoryUpdate,
    Owners,
    SearchRequest,
)
from mem0tray.localserver.store import KeyReusedError, Store, StoredMemory, iso
from mem0tray.localserver.wire import LIMIT_MAX, answer, refusal
from mem0tray.server.model import ID, PROJECT, name_of

_NOTE: Final = "This server has no model: it stored each text as it is."
_BEGINNING: Final = 1000  # characters of a text too large to be repeated
_REPEATED: Final = 2**18  # characters of a text
_USER: Final = "user"  # the role of a memory, unless one was given
_UNKNOWN: Final = "A memory with this id was not found."
_NAMED: Final = re.compile(r"{(\w+)}")


class OssApi:
    """The requests of the dialect `oss`; they raise as those of `VpsApi`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
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
        wanted = await oss_requests.read(request, MemoryCreate)
        memories = wanted.memories(wire.key(request))
        try:
            ids = self._store.save(*memories)
        except KeyReusedError:
            return refusal(422, "This Idempotency-Key or mem0tray_id was used for another memory.")
        results = [
            {
                "id": memory_id,
                "memory": _repeated(each.memory),
                "event": "ADD",
                "actor_id": None,
                "role": each.role or _USER,
            }
            for each, memory_id in zip(memories, ids, strict=True)
        ]
        return answer({"results": results} | ({} if wanted.infer is False else {"note": _NOTE}))

    async def listing(self, request: Request) -> Response:
        asked = oss_requests.in_query(request)
        wanted = asked.filter(required=False)
        usual = LIMIT_MAX if wanted.project is None else oss_requests.TOP_K
        top_k = usual if asked.top_k is None else asked.top_k
        found, is_cut = self._store.newest(wanted, top_k)
        results = [_shown(each) for each in found]
        return answer({"results": results} | ({"truncated": True} if is_cut else {}))

    async def one(self, request: Request) -> Response:
        found = self._store.one(wire.segment(request, "memory"))
        return answer(_shown(found) | {"score": None} if found is not None else None)

    async def search(self, request: Request) -> Response:
        asked = await oss_requests.read(request, SearchRequest)
        wanted = asked.wanted()
        if wanted.key is not None:
            found, _ = self._store.newest(wanted, LIMIT_MAX)
            results = [_shown(each, is_whole=False) | {"score": 1.0} for each in found]
        else:
            results = [
                _shown(each) | {"score": round(score, 4)}
                for each, score in self._store.search(wanted, asked.query, asked.most())
                if score >= (asked.threshold or 0.0)
            ]
        return answer({"results": results})

    async def change(self, request: Request) -> Response:
        wanted = await oss_requests.read(request, MemoryUpdate)
        if wanted.text is None and wanted.metadata is None:
            raise HTTPException(400, "At least one of text and metadata must be provided.")
        before = self._store.one(wire.segment(request, "memory"))
        if before is None:
            return refusal(404, _UNKNOWN)
        text = before.memory if wanted.text is None else wanted.text
        merged = _metadata(before) | (wanted.metadata or {})
        kept = oss_requests.as_kept(merged, before.project)
        self._store.change(before._replace(memory=text, metadata=kept, updated=time.time()))
        return answer({"message": "Memory updated successfully!"})

    async def remove(self, request: Request) -> Response:
        if self._store.delete(None, wire.segment(request, "memory")):
            return answer({"message": "Memory deleted successfully"})
        return refusal(404, _UNKNOWN)

    async def remove_all(self, request: Request) -> Response:
        await self._delete(oss_requests.in_query(request))
        return answer({"message": "All relevant memories deleted"})

    async def entities(self, _: Request) -> Response:
        names = self._store.names
        users = [each._replace(name=name_of(each.name)) for each in names("project")]
        found = {"agent": names("agent"), "run": names("run"), "user": users}
        entities = [
            {
                "id": each.name,
                "type": kind,
                "total_memories": each.memories,
                "created_at": iso(each.first),
                "updated_at": iso(each.last),
            }
            for kind, counts in found.items()
            for each in counts
        ]
        return answer(entities)

    async def remove_entity(self, request: Request) -> Response:
        kind, name = wire.segment(request, "kind"), wire.segment(request, "name")
        if kind not in ("user", "agent", "run"):
            raise HTTPException(422, "An entity is a user, an agent or a run.")
        await self._delete(Owners(**{f"{kind}_id": name}))
        return answer({"message": "Entity deleted"})

    async def describe(self, _: Request) -> Response:
        return answer(description())

    async def _delete(self, whose: Owners) -> None:
        wanted = whose.filter()
        while self._store.delete_some(wanted):  # noqa: ASYNC110  (it works)
            await asyncio.sleep(0)


def _repeated(text: str) -> str:
    return text[:_BEGINNING] if len(text) > _REPEATED else text


def _shown(stored: StoredMemory, *, is_whole: bool = True) -> dict[str, Any]:
    text = stored.memory if is_whole else _repeated(stored.memory)
    data = stored.memory.encode("utf-8", "surrogatepass")
    entry: dict[str, Any] = {
        "id": stored.id,
        "memory": text,
        "hash": hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "metadata": _metadata(stored) or None,
        "created_at": iso(stored.created),
        "updated_at": iso(stored.created if stored.updated is None else stored.updated),
        "user_id": name_of(stored.project),
        "role": stored.role or _USER,
    }
    names = {"agent_id": stored.agent, "run_id": stored.run}
    entry |= {name: value for name, value in names.items() if value is not None}
    return entry | ({"truncated": True} if text != stored.memory else {})


def _metadata(stored: StoredMemory) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads(stored.metadata or "{}")
    if stored.key:
        metadata[ID] = stored.key.partition("\0")[0]
    if stored.agent is None and name_of(stored.project) != stored.project:
        metadata.setdefault(PROJECT, stored.project)
    return metadata


# The description of these requests, from which programs make their tools. Summaries and names of
# operations are the official server's, as programs know these. Method, path, what it does, the
# name of the official server's function, and what it takes.
_OPERATIONS: Final[tuple[tuple[str, str, str, str, type[Struct] | None], ...]] = (
    ("post", "/memories", "Create memories", "add_memory", MemoryCreate),
    ("get", "/memories", "Get memories", "get_all_memories", Listing),
    ("delete", "/memories", "Delete all memories", "delete_all_memories", Owners),
    ("get", "/memories/{memory_id}", "Get a memory", "get_memory", None),
    ("put", "/memories/{memory_id}", "Update a memory", "update_memory", MemoryUpdate),
    ("delete", "/memories/{memory_id}", "Delete a memory", "delete_memory", None),
    ("post", "/search", "Search memories", "search_memories", SearchRequest),
    ("get", "/entities", "List Entities", "list_entities", None),
    ("delete", "/entities/{entity_type}/{entity_id}", "Delete Entity", "delete_entity", None),
    ("get", "/auth/setup-status", "Setup Status", "setup_status", None),
)


def description() -> dict[str, Any]:
    """Make the document."""
    taken = [shape for *_, shape in _OPERATIONS if shape is not None]
    _, schemas = msgspec.json.schema_components(taken, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, function, shape in _OPERATIONS:
        parameters = [_parameter("path", name, {"type": "string"}) for name in _NAMED.findall(path)]
        operation = {
            "summary": summary,
            "operationId": re.sub(r"\W", "_", f"{function}{path}_{method}"),
            "parameters": parameters,
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": {}}}}
            },
        }
        if shape is not None and method in ("post", "put"):
            schema = {"$ref": f"#/components/schemas/{shape.__name__}"}
            content = {"application/json": {"schema": schema}}
            operation["requestBody"] = {"required": True, "content": content}
        elif shape is not None:
            asked = schemas[shape.__name__]["properties"]
            parameters += [_parameter("query", name, each) for name, each in asked.items()]
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "mem0tray: the embedded server", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _parameter(place: str, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}
