"""What requests of the dialect `oss` ask for, as the official server takes them.

HTTPException says in words what is wrong: 400 where the official server's library would
refuse the request, 422 where its shape does not fit.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from mem0tray.localserver import wire
from mem0tray.localserver.store import Arrival, Details
from mem0tray.localserver.word_index import MemoryFilter
from mem0tray.server.model import ANY, ID, PROJECT, project_of

TOP_K: Final = 20
_NAMES: Final = ("user_id", "agent_id", "run_id")
_DEEPEST: Final = 100
_LARGEST: Final = 2**63
_TOGETHER: Final = ("AND", "OR", "NOT")
_WHOSE: Final = "At least one identifier (user_id, agent_id, run_id) is required."
_REFUSED: Final = ("expiration_date", "memory_type", "app_id", "immutable", "timestamp")
_EQUAL_ONLY: Final = "The filters of this server compare for equality, and all of them are to fit."


class Scope(NamedTuple):
    """Whose memories are meant; with a `project` of None, everybody's."""

    project: str | None
    wanted: MemoryFilter


class SaveRequest(NamedTuple):
    """Memories to be stored; `asks_model` if facts were to be made of the texts."""

    arrivals: list[Arrival]
    asks_model: bool


class SearchRequest(NamedTuple):
    """What to search for, where, and how much to show of it."""

    query: str
    scope: Scope
    threshold: float
    top_k: int


def save(body: bytearray, key: str) -> SaveRequest:
    """Read `POST /memories`: every message except a system's is a memory.

    The key is the one in the metadata, else `key`; each message after the first gets its own.
    """
    fields = wire.document(body)
    names = _identifiers(fields)
    if not names:
        raise HTTPException(400, _WHOSE)
    _refuse_unknown(fields)
    project = project_of(next(iter(names.values())))
    metadata = _object(fields, "metadata")
    key = _key(metadata.get(ID)) or key
    kept = Details(
        _bytes(names.get("agent_id")),
        _bytes(names.get("run_id")),
        metadata=as_kept(metadata, project),
    )
    arrivals = []
    for place, (role, content) in enumerate(_messages(fields)):
        digest = wire.digest(names | {"user_id": project, "content": content})
        name = f"{key}\0{place}" if key and place else key
        details = kept._replace(role=None if role == "user" else role)
        arrivals.append(
            Arrival(project, content, name.encode("utf-8", "surrogateescape"), digest, details)
        )
    return SaveRequest(arrivals, fields.get("infer") is not False)


def listing(request: Request) -> tuple[Scope, int]:
    """Read `GET /memories`: whose, and how many."""
    asked = _query(request)
    top_k = asked.get("top_k")
    if wire.number(top_k or 0) > wire.LIMIT_MAX:
        raise HTTPException(422, f'"top_k" must be {wire.LIMIT_MAX:,} or less.')
    scope = _scope(_identifiers(asked), {})
    return scope, _top_k(top_k, wire.LIMIT_MAX if scope.project is None else TOP_K)


def removal(request: Request) -> Scope:
    """Read `DELETE /memories`: whose; the request must name somebody."""
    names = _identifiers(_query(request))
    if not names:
        raise HTTPException(400, "At least one identifier is required.")
    return _scope(names, {})


def entity(kind: str, name: str) -> Scope:
    """Read `DELETE /entities/{kind}/{name}`: whose; the kind is user, agent or run."""
    names = _identifiers({f"{kind}_id": name})
    if not names:
        raise HTTPException(422, "An entity is a user, an agent or a run, and has a name.")
    return _scope(names, {})


def search(body: bytearray) -> SearchRequest:
    """Read `POST /search`: a query that is not blank, with filters that name somebody."""
    fields = wire.document(body)
    query = wire.field(fields, "query")
    if not query.strip():
        raise HTTPException(400, "Invalid query: cannot be empty or whitespace-only.")
    filters = _object(fields, "filters") | {
        name: fields[name] for name in _NAMES if fields.get(name) is not None
    }  # some clients name whose memories they want beside the filters
    names = _identifiers(filters)
    if not names:
        raise HTTPException(400, f"filters must contain at least one of: {', '.join(_NAMES)}.")
    scope = _scope(names, {name: each for name, each in filters.items() if name not in _NAMES})
    threshold = fields.get("threshold") or 0.0
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise HTTPException(400, "Invalid threshold: it must be between 0 and 1.")
    top_k = fields.get("top_k", fields.get("limit"))
    return SearchRequest(query, scope, threshold, _top_k(top_k, TOP_K))


def change(body: bytearray) -> tuple[str | None, dict[str, Any] | None]:
    """Read `PUT /memories/{id}`: the text and the metadata to set; None: leave unchanged."""
    fields = wire.document(body)
    _refuse_unknown(fields)
    text = wire.field(fields, "text") if fields.get("text") is not None else None
    metadata = None if fields.get("metadata") is None else _object(fields, "metadata")
    if text is None and metadata is None:
        raise HTTPException(400, "At least one of text and metadata must be provided.")
    return text, metadata


def as_kept(metadata: Mapping[str, Any], project: str) -> str | None:
    """Make JSON of metadata, without owner and key, which are kept elsewhere; None: nothing left.

    Raises HTTPException where it could not be shown again.
    """
    redundant = {*_NAMES, "actor_id", ID}
    if metadata.get(PROJECT) == project:
        redundant.add(PROJECT)
    kept = {name: value for name, value in metadata.items() if name not in redundant}
    if not kept:
        return None
    try:
        _check_depth(kept, _DEEPEST)
        return json.dumps(kept, allow_nan=False)
    except ValueError:
        raise HTTPException(
            422, 'The field "metadata" is nested too deeply, or holds NaN.'
        ) from None


def _check_depth(value: Any, left: int) -> None:
    if left == 0:
        raise ValueError
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _check_depth(each, left - 1)


def _messages(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    messages = fields.get("messages")
    if not isinstance(messages, list):
        raise HTTPException(422, 'The field "messages" is missing or is not a list.')
    found = []
    for each in messages:
        if not isinstance(each, dict):
            raise HTTPException(422, "A message is a JSON object.")
        found.append((wire.field(each, "role"), wire.field(each, "content")))
    return [(role, content) for role, content in found if role != "system"]


def _identifiers(fields: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name in _NAMES:
        value = fields.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise HTTPException(422, f'The field "{name}" is not text.')
        trimmed = value.strip()
        if not trimmed or any(sign.isspace() for sign in trimmed):
            raise HTTPException(400, f"Invalid {name}: it may not be blank or hold white space.")
        found[name] = trimmed
    return found


def _scope(names: Mapping[str, str], filters: Mapping[str, Any]) -> Scope:
    user = names.get("user_id")
    more = dict(filters)
    key = _key(more.pop(ID, None))
    if user is not None and more.get(PROJECT) == project_of(user):
        del more[PROJECT]
    for name, value in more.items():
        if name in _TOGETHER or not _is_plain(value) or not _is_plain_text(f"{name}{value}"):
            raise HTTPException(400, _EQUAL_ONLY)
    wanted = MemoryFilter(
        _bytes(names.get("agent_id")),
        _bytes(names.get("run_id")),
        key.encode() if key else None,
        more,
    )
    return Scope(None if user is None else project_of(user), wanted)


def _key(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value or not _is_plain_text(value):
        raise HTTPException(422, f'The field "{ID}" is not plain text.')
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < _LARGEST
    return isinstance(value, str | float) and value != ANY


def _is_plain_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character
        return False
    return True


def _refuse_unknown(fields: Mapping[str, Any]) -> None:
    for name in _REFUSED:
        if fields.get(name):
            raise HTTPException(400, f'This server does not take "{name}".')


def _object(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise HTTPException(422, f'The field "{name}" is not a JSON object.')
    return dict(value)


def _query(request: Request) -> dict[str, str]:
    text = request.scope["query_string"].decode("ascii", "replace")
    try:
        return dict(parse_qsl(text, errors="surrogatepass"))
    except UnicodeDecodeError:
        raise HTTPException(400, "The query is not UTF-8.") from None


def _top_k(value: Any, usual: int) -> int:
    if value is None:
        return usual
    found = wire.number(value)
    if isinstance(value, bool) or found < 0:
        raise HTTPException(422, '"top_k" must be a whole number, 0 or more.')
    return min(found, wire.LIMIT_MAX)


def _bytes(name: str | None) -> bytes | None:
    return None if name is None else name.encode("utf-8", "surrogatepass")
