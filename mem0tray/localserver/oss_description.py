"""The requests of `oss` as an OpenAPI document, from which programs make their tools.

Summaries and names of operations are the official server's, as programs know these.
"""

from typing import Any, Final

from mem0tray import __version__

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
_ANSWER: Final = {"200": {"description": "OK", "content": {"application/json": {"schema": {}}}}}


def description() -> dict[str, Any]:
    """The document, made anew at each call."""
    one = ["memory_id"]
    entity = ["entity_type", "entity_id"]
    return {
        "openapi": "3.1.0",
        "info": {"title": "mem0tray: the embedded server", "version": __version__},
        "paths": {
            "/memories": {
                "post": _operation(
                    "Create memories",
                    "add_memory_memories_post",
                    body=_body(_TO_SAVE, "messages"),
                ),
                "get": _operation(
                    "Get memories",
                    "get_all_memories_memories_get",
                    query=_WHOSE | {"top_k": _NUMBER},
                ),
                "delete": _operation(
                    "Delete all memories", "delete_all_memories_memories_delete", query=_WHOSE
                ),
            },
            "/memories/{memory_id}": {
                "get": _operation("Get a memory", "get_memory_memories__memory_id__get", one),
                "put": _operation(
                    "Update a memory",
                    "update_memory_memories__memory_id__put",
                    one,
                    body=_body({"text": _TEXT, "metadata": _OBJECT}),
                ),
                "delete": _operation(
                    "Delete a memory", "delete_memory_memories__memory_id__delete", one
                ),
            },
            "/search": {
                "post": _operation(
                    "Search memories",
                    "search_memories_search_post",
                    body=_body(_TO_SEARCH, "query", "filters"),
                )
            },
            "/entities": {"get": _operation("List Entities", "list_entities_entities_get")},
            "/entities/{entity_type}/{entity_id}": {
                "delete": _operation(
                    "Delete Entity",
                    "delete_entity_entities__entity_type___entity_id__delete",
                    entity,
                )
            },
            "/auth/setup-status": {
                "get": _operation("Setup Status", "setup_status_auth_setup_status_get")
            },
        },
    }


def _operation(
    summary: str,
    name: str,
    path: list[str] | None = None,
    *,
    query: dict[str, Any] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    parameters = [
        {"name": each, "in": "path", "required": True, "schema": _TEXT} for each in path or ()
    ]
    parameters += [
        {"name": each, "in": "query", "required": False, "schema": schema}
        for each, schema in (query or {}).items()
    ]
    found = {"summary": summary, "operationId": name, "parameters": parameters}
    return found | ({"requestBody": body} if body else {}) | {"responses": _ANSWER}


def _body(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}
