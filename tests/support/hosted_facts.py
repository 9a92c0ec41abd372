"""What Mem0 has published of its hosted service, as far as mem0tray meets it.

The source is the API description in `docs/openapi.json` of the repository mem0ai/mem0, and its
pages on direct import and filters, as they were in August 2026. Here they are said anew, as types
that a request or an answer must fit. The service itself was not reachable: what it does and has
not published nobody has seen here.
"""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

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


class Data(Fact):
    """The text of what was added."""

    memory: str


class Added(Fact):
    """One memory that a save has made."""

    id: UUID
    data: Data
    event: str


class AddAnswer(Fact):
    """The answer to a save; `message` and `results` only where it was done at once."""

    status: Literal["PENDING", "SUCCEEDED", "FAILED"]
    event_id: UUID
    message: str | UnsetType = UNSET
    results: list[Added] | UnsetType = UNSET


class Event(Fact):
    """The answer to the question for an event."""

    id: UUID
    status: Literal["PENDING", "RUNNING", "FAILED", "SUCCEEDED"]
    event_type: str | UnsetType = UNSET
    results: list[Any] | UnsetType = UNSET
    error: str | UnsetType | None = UNSET


class Kept(Fact):
    """A memory as it is shown; a score is a search's alone."""

    id: UUID
    memory: str
    created_at: str
    user_id: str | UnsetType | None = UNSET
    agent_id: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET
    score: Annotated[float, Meta(ge=0, le=1)] | UnsetType = UNSET


class ListAnswer(Fact):
    """One page of a listing: `count` is of all, `next` and `previous` are addresses."""

    count: int
    next: str | None
    previous: str | None
    results: list[Kept]


class SearchAnswer(Fact):
    """What a search has found, the best first."""

    results: list[Kept]


class Ping(Fact):
    """The answer to whether a key is valid."""

    status: str
    org_id: str | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    user_email: str | UnsetType = UNSET


class Entity(Fact):
    """A user, agent, app or run under whose name memories are kept."""

    id: str
    name: str
    created_at: str
    updated_at: str
    owner: str
    type: Literal["user", "agent", "app", "run"]


class EntitiesAnswer(Fact):
    """One page of the entities."""

    count: int
    next: str | None
    previous: str | None
    results: list[Entity]


class Unauthorized(Fact):
    """What is said of a key that is none."""

    detail: str


class Details(Fact):
    """What is wrong with a request."""

    message: str


class BadRequest(Fact):
    """What is said of a request that does not fit; `error` is its status in words."""

    error: str
    details: Details


class NotFound(Fact):
    """What is said of an event that is not there, or is another's."""

    error: str


_BODIES: dict[str, tuple[str, type[Fact] | None, type[Fact]]] = {
    r"/v3/memories/add/": ("POST", Add, AddAnswer),
    r"/v3/memories/": ("POST", List, ListAnswer),
    r"/v3/memories/search/": ("POST", Search, SearchAnswer),
    r"/v1/event/[^/]+/": ("GET", None, Event),
    r"/v1/entities/": ("GET", None, EntitiesAnswer),
    r"/v1/ping/": ("GET", None, Ping),
}
_ERRORS: dict[int, type[Fact]] = {400: BadRequest, 401: Unauthorized, 404: NotFound}


def is_published(method: str, path: str) -> bool:
    return any(
        method == there and re.fullmatch(pattern, path) for pattern, (there, *_) in _BODIES.items()
    )


def fault_of(path: str, query: dict[str, str], body: Any) -> str:
    """What does not fit of a request to a path that there is; empty if all does."""
    try:
        (wanted,) = [one for pattern, (_, one, _) in _BODIES.items() if re.fullmatch(pattern, path)]
        if wanted is None:
            return "" if body is None else "a body that nobody reads"
        found = msgspec.convert(body, wanted)
        if isinstance(found, List):
            msgspec.convert(query, Page, strict=False)
        filters = getattr(found, "filters", None)
        if isinstance(found, Add) and found.user_id is UNSET and found.agent_id is UNSET:
            return "no entity is named"
        if filters is not None and not _names_entity(filters):
            return "no entity is named in the filters"
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def fault_of_answer(path: str, status: int, body: Any) -> str:
    """What does not fit of an answer; empty if it is one that is published."""
    if status == 200:
        (wanted,) = [one for pattern, (*_, one) in _BODIES.items() if re.fullmatch(pattern, path)]
    else:
        wanted = _ERRORS[status]
    try:
        msgspec.convert(body, wanted)
    except msgspec.ValidationError as error:
        return f"{status} of {path}: {error}"
    return ""


def _names_entity(filters: Filters) -> bool:
    if not filters.keys() <= FILTERS:
        return False
    if ENTITIES & filters.keys():
        return True
    return any(_names_entity(each) for each in filters.get("AND", []))
