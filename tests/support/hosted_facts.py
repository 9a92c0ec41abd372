"""What Mem0 has published of its hosted service, as far as mem0tray meets it, as types.

The source is `docs/openapi.json` of the repository mem0ai/mem0 and its pages on direct import and
filters, as of August 2026; the service itself was not reachable.
"""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

ENTITIES = frozenset({"user_id", "agent_id", "app_id", "run_id"})
# A filter has these names alone, and others are refused.
FILTERS = ENTITIES | {
    "AND", "OR", "NOT", "created_at", "updated_at", "timestamp", "expiration_date", "text",
    "categories", "metadata", "keywords_search", "memory_ids", "keywords",
}  # fmt: skip
Filters = dict[str, Any]


class Fact(Struct, forbid_unknown_fields=True):
    """A JSON object of which every field is published."""


class Message(Fact):
    """One turn of a conversation."""

    role: Literal["user", "assistant", "system"]
    content: str


class Add(Fact):
    """The body of a save. Without `infer` the service takes facts out of the text."""

    messages: list[Message]
    user_id: str | UnsetType = UNSET
    agent_id: str | UnsetType = UNSET
    app_id: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    infer: bool = True
    timestamp: int | UnsetType = UNSET


class List(Fact):
    """The body of a listing; entities stand in the filters, and nowhere else."""

    filters: Filters


class Page(Fact):
    """The query of a listing; the first page is 1."""

    page: Annotated[int, Meta(ge=1)] = 1
    page_size: Annotated[int, Meta(ge=1, le=200)] = 100


class Search(Fact):
    """The body of a search."""

    query: Annotated[str, Meta(min_length=1)]
    filters: Filters
    top_k: Annotated[int, Meta(ge=1, le=1000)] = 10
    threshold: Annotated[float, Meta(ge=0, le=1)] = 0.1


_BODIES: dict[str, tuple[str, type[Fact] | None]] = {
    r"/v3/memories/add/": ("POST", Add),
    r"/v3/memories/": ("POST", List),
    r"/v3/memories/search/": ("POST", Search),
    r"/v1/event/[^/]+/": ("GET", None),
    r"/v1/entities/": ("GET", None),
    r"/v1/memories/[0-9a-f-]{36}/": ("GET|DELETE", None),
    r"/v1/ping/": ("GET", None),
}


def is_published(method: str, path: str) -> bool:
    return any(
        method in there.split("|") and re.fullmatch(pattern, path)
        for pattern, (there, _) in _BODIES.items()
    )


def fault_of(path: str, query: dict[str, str], body: Any) -> str:
    """What does not fit of a request to a path that there is; empty if all does."""
    try:
        (wanted,) = [one for pattern, (_, one) in _BODIES.items() if re.fullmatch(pattern, path)]
        if wanted is None:
            return "" if body is None else "a body that nobody reads"
        found = msgspec.convert(body, wanted)
        if isinstance(found, List):
            msgspec.convert(query, Page, strict=False)
        filters = getattr(found, "filters", None)
        if isinstance(found, Add) and not ENTITIES & body.keys():
            return "no entity is named"
        if filters is not None and not _names_entity(filters):
            return "no entity is named in the filters"
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _names_entity(filters: Filters) -> bool:
    if not filters.keys() <= FILTERS:
        return False
    if ENTITIES & filters.keys():
        return True
    return any(_names_entity(each) for each in filters.get("AND", []))
