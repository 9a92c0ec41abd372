"""What requests of the dialect `oss` ask for, as the official server takes them.

HTTPException: 400 where its library would refuse the request, 422 where its shape does not fit.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from msgspec import Meta, Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mem0tray.localserver import wire
from mem0tray.localserver.store import Filter, StoredMemory
from mem0tray.localserver.wire import LIMIT_MAX
from mem0tray.server.model import ANY, ID, PROJECT, project_of

TOP_K: Final = 20
_NAMES: Final = ("user_id", "agent_id", "run_id")
_LARGEST: Final = 2**63
_TOGETHER: Final = ("AND", "OR", "NOT")
_REFUSED: Final = ("expiration_date", "memory_type", "app_id", "immutable", "timestamp")
_EQUAL_ONLY: Final = "The filters of this server compare for equality, and all of them are to fit."


class Owners(Struct, kw_only=True):
    """Whose memories are meant."""

    user_id: str | None = None
    agent_id: str | None = None
    run_id: str | None = None

    def names(self) -> dict[str, str]:
        given = {name: getattr(self, name) for name in _NAMES}
        found = {name: value.strip() for name, value in given.items() if value}
        for name, value in found.items():
            if not value or any(sign.isspace() for sign in value):
                raise HTTPException(
                    400, f"Invalid {name}: it may not be blank or hold white space."
                )
        return found

    def filter(self, *, required: bool = True) -> Filter:
        names = self.names()
        if required and not names:
            raise HTTPException(400, f"At least one identifier ({', '.join(_NAMES)}) is required.")
        user = names.get("user_id")
        project = None if user is None else project_of(user)
        return Filter(project, names.get("agent_id"), names.get("run_id"))


class ChatMessage(Struct):
    """A message of a chat."""

    role: str
    content: str


class MemoryCreate(Owners):
    """The body of `POST /memories`: every message except a system's is a memory."""

    messages: list[ChatMessage]
    metadata: dict[str, Any] | None = None
    infer: Annotated[Any, Meta(description="No facts are made of a text: it is stored as is.")] = (
        True
    )

    def memories(self, key: str) -> list[StoredMemory]:
        """Make the memories; each after the first gets its own key."""
        whose = self.filter()
        names = self.names()
        project = project_of(next(iter(names.values())))
        metadata = self.metadata or {}
        key = _key(metadata.get(ID)) or key
        kept = as_kept(metadata, project)
        memories = []
        for place, each in enumerate(each for each in self.messages if each.role != "system"):
            digest = wire.digest(names | {"user_id": project, "content": each.content})
            name = f"{key}\0{place}" if key and place else key
            role = None if each.role == "user" else each.role
            memories.append(
                StoredMemory(
                    project, each.content, name, digest, whose.agent, whose.run, role, kept
                )
            )
        return memories


class Listing(Owners):
    """The query of `GET /memories`."""

    top_k: Annotated[int, Meta(ge=0, le=LIMIT_MAX)] | None = None


class SearchRequest(Owners):
    """The body of `POST /search`: a query that is not blank, with filters that name somebody.

    Some clients name whose memories they want beside the filters.
    """

    query: str
    filters: dict[str, Any] | None = None
    threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=0)] | None = None

    def most(self) -> int:
        wanted = self.limit if self.top_k is None else self.top_k
        return TOP_K if wanted is None else min(wanted, LIMIT_MAX)

    def wanted(self) -> Filter:
        """Make the filter; HTTPException 400 for one that does not compare for equality."""
        if not self.query.strip():
            raise HTTPException(400, "Invalid query: cannot be empty or whitespace-only.")
        beside = {name: value for name in _NAMES if (value := getattr(self, name)) is not None}
        filters = (self.filters or {}) | beside
        whose = wire.shaped(filters, Owners).filter()
        more = {name: value for name, value in filters.items() if name not in _NAMES}
        key = _key(more.pop(ID, None))
        if whose.project is not None and more.get(PROJECT) == whose.project:
            del more[PROJECT]
        for name, value in more.items():
            if name in _TOGETHER or not (_is_plain(name) and _is_plain(value)):
                raise HTTPException(400, _EQUAL_ONLY)
        return whose._replace(key=key or None, metadata=more)


class MemoryUpdate(Struct):
    """The body of `PUT /memories/{id}`: a text, and metadata to add."""

    text: str | None = None
    metadata: dict[str, Any] | None = None


async def read(request: Request, shape: type[wire.Shape]) -> wire.Shape:
    """Read a body; HTTPException 400 for a field that this server cannot honour."""
    fields = await wire.document(request)
    for name in _REFUSED:
        if isinstance(fields, dict) and fields.get(name):
            raise HTTPException(400, f'This server does not take "{name}".')
    return wire.shaped(fields, shape)


def in_query(request: Request) -> Listing:
    """Read what stands behind the path."""
    text = request.scope["query_string"].decode("ascii", "replace")
    try:
        return wire.shaped(dict(parse_qsl(text, errors="surrogatepass")), Listing, strict=False)
    except UnicodeDecodeError:
        raise HTTPException(400, "The query is not UTF-8.") from None


def as_kept(metadata: Mapping[str, Any], project: str) -> str | None:
    """Make JSON of metadata, without owner and key, which are kept elsewhere; None: nothing left.

    Raises HTTPException where it could not be shown again.
    """
    redundant = {*_NAMES, "actor_id", ID}
    if metadata.get(PROJECT) == project:
        redundant.add(PROJECT)
    kept = {name: value for name, value in metadata.items() if name not in redundant}
    try:
        return json.dumps(kept, allow_nan=False) if kept else None
    except ValueError:
        raise HTTPException(422, 'The field "metadata" holds NaN.') from None


def _key(value: Any) -> str:
    if value is not None and not (isinstance(value, str) and _is_whole(value)):
        raise HTTPException(422, f'The field "{ID}" is not plain text.')
    return value or ""


def _is_whole(text: str) -> bool:
    return text.encode("utf-8", "replace").decode() == text


def _is_plain(value: Any) -> bool:
    """Return whether SQLite can compare a value, and "*" is not meant to fit all."""
    if isinstance(value, str):
        return value != ANY and _is_whole(value)
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < _LARGEST)
