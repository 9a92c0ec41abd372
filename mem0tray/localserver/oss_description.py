"""The requests of `oss` as an OpenAPI document, from which programs make their tools.

Summaries and names of operations are the official server's, as programs know these.
"""

import re
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
    """The document, made anew at each call."""
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
