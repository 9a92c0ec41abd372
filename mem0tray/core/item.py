"""An item: what makes one, its identity and key (contract, sections 1 and 3). No I/O."""

import enum
import json
import math
import re
import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mem0tray.core import jsontext

if TYPE_CHECKING:
    from hashlib import _Hash

# The states of an item, as the ledger names them.
FRESH: Final = "pending"  # as ledgers have called it from the first version on
DEAD: Final = "dead"
DELIVERED: Final = "delivered"
DISCARDED: Final = "discarded"
FORGOTTEN: Final = "forgotten"  # why it was discarded: its text is erased for good
DELETED: Final = "deleted"  # why it was discarded: a command did so, and made a backup
REMOVED: Final = "removed from the server"  # why it was discarded: see `Inbox.remove`
EDITED: Final = "edited"  # why a text was discarded: another took its place
OUR_FIELDS: Final = ("retry_count", "last_attempt", "last_error")
QUEUED_AT: Final = "queued_at"  # of lines that we write into the emergency file
EARLIEST: Final = 1_000_000_000  # Unix seconds: a producer's time from before 2001 is none
LONGEST_PROJECT: Final = 300  # characters: encoded, a server's path still has room for the name
# Bytes of a text in UTF-8 that we queue. What a producer wrote into a file itself may have more.
LONGEST_TEXT: Final = 1_000_000
LONGEST_LINE: Final = 16_000_000  # bytes: the longest text has up to six bytes of JSON for each
TEXT_AT_MOST: Final = f"a memory has {LONGEST_TEXT:,} bytes at most"
_LARGEST_COUNT: Final = 2**62  # what SQLite stores, with room to add
_AGAIN: Final = re.compile(r"(.*)-again-([1-9][0-9]{0,5})", re.DOTALL)
_NAMESPACE: Final = uuid.UUID("6d656d30-7472-4179-8000-6974656d6964")

# Project and text of the memory by which `setup` tries the way to a server; never migrated.
TRIAL: Final = ("mem0tray", "mem0tray is set up, and this memory has reached the server.")

Object = dict[str, Any]
Name = tuple[str, bytes]  # what a memory is known by: id and digest


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A memory as it was read from a file.

    `raw` is its JSON object; `project` may be empty; `digest` is the SHA-256 of project and
    content; `has_id`: its id stands there, and was not made up by us.
    """

    id: str
    project: str
    content: str
    timestamp: float
    retries: int
    retry_count: int
    last_attempt: float
    digest: bytes
    raw: bytes
    has_id: bool

    @property
    def name(self) -> Name:
        return self.id, self.digest


class _Head(msgspec.Struct):
    """The fields that we read; any type may stand in any of them."""

    id: Any = None
    project_id: Any = None
    content: Any = None
    timestamp: Any = 0
    retries: Any = 0
    retry_count: Any = 0
    last_attempt: Any = 0


_HEAD = msgspec.json.Decoder(_Head)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def entry(name: str, project: str, text: str, timestamp: float) -> Object:
    """Return a queue entry as producers write it; `timestamp` in Unix seconds."""
    found: Object = {"id": name, "project_id": project, "content": text, "timestamp": timestamp}
    return found | {"retries": 0}


def parse(raw: bytes) -> Item | None:
    """Return the item in `raw` (one JSON value); None if that is no object with text content."""
    head = _read(raw)
    if head is None:
        return None
    project = _project(head)
    timestamp = number(head.timestamp)
    has_id = isinstance(head.id, str) and head.id != ""
    return Item(
        id=head.id if has_id else stable_id(head.id, project, head.content, timestamp),
        project=project,
        content=head.content,
        timestamp=timestamp,
        retries=count(head.retries),
        retry_count=count(head.retry_count),
        last_attempt=number(head.last_attempt),
        digest=digest(project, head.content),
        raw=raw,
        has_id=has_id,
    )


def project_and_text(raw: bytes) -> tuple[str, str] | None:
    """Return what a server gets of the item in `raw`; None if `parse` finds none."""
    head = _read(raw)
    return None if head is None else (_project(head), head.content)


def _read(raw: bytes) -> _Head | None:
    try:
        head = _HEAD.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a lone surrogate, or NaN
        slow = load_object(raw)
        if slow is None:
            return None
        head = _Head(**{name: slow[name] for name in _Head.__struct_fields__ if name in slow})
    return head if isinstance(head.content, str) else None


def _project(head: _Head) -> str:
    return head.project_id if isinstance(head.project_id, str) else ""


def identity(raw: bytes) -> Name:
    """Identify a memory wherever it stands: by id and digest, else by no id and its value."""
    item = parse(raw)
    if item is not None:
        return item.name
    try:
        return "", json.dumps(json.loads(raw), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return "", raw


def moved_to_dlq(raw: bytes, now: float) -> float:
    """Read when a dead letter came into the DLQ; an impossible time counts as long ago."""
    at = number((load_object(raw) or {}).get("moved_to_dlq_at"))
    return at if 0 < at <= now else 0.0


def load_object(raw: bytes) -> Object | None:
    """`raw` as a dict in file order, or None when it is no JSON object."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def with_fields(raw: bytes, fields: Object, drop: tuple[str, ...] = ()) -> bytes:
    """`raw` with `fields` set and `drop` removed; every other value keeps its own bytes."""
    try:
        parts: dict[str, Any] = _MEMBERS.decode(raw)
        for name in drop:
            parts.pop(name, None)
        return msgspec.json.encode(parts | fields)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        slow = jsontext.members(raw.decode())
        for name in drop:
            slow.pop(name, None)
        slow |= {name: json.dumps(value) for name, value in fields.items()}
        return jsontext.encode(jsontext.join(slow))


def body(raw: bytes) -> bytes:
    """Hash of everything in a dead letter that is not ours, whatever its layout."""
    value = load_object(raw) or {}
    for name in OUR_FIELDS:
        value.pop(name, None)
    return _sha256(json.dumps(value, sort_keys=True).encode()).digest()


def _sha256(data: bytes) -> "_Hash":
    import hashlib  # it takes long to load, and `add` does without

    return hashlib.sha256(data)


def digest(project: str, content: str) -> bytes:
    """SHA-256 of project, NUL, content: what the server would hold."""
    text = f"{project}\0{content}"
    return _sha256(text.encode("utf-8", "surrogatepass")).digest()


def is_too_long(text: str) -> bool:
    """Return whether a text has more bytes than we queue (`LONGEST_TEXT`)."""
    return len(text.encode("utf-8", "surrogatepass")) > LONGEST_TEXT


def stable_id(found: Any, project: str, content: str, timestamp: float) -> str:
    """Return an id for an item that has none, or none that is text: the same at every reading."""
    name = json.dumps([repr(found)[:200], project, content, timestamp])
    return str(uuid.uuid5(_NAMESPACE, name))


def id_of(*parts: str) -> str:
    """Return an id derived from these texts: the same texts give the same id on every computer."""
    told = "\0".join(parts).encode("utf-8", "surrogatepass")
    return str(uuid.UUID(bytes=_sha256(told).digest()[:16], version=5))


def idempotency_key(item_id: str, content_digest: bytes, first_digest: bytes) -> str:
    """Make the key of a delivery: the id; for each further content under it, id and hash."""
    if content_digest == first_digest:
        return item_id
    return f"{item_id}-{content_digest.hex()[:8]}"


def id_again(item_id: str) -> str:
    """Make the id for sending a memory once more: the same one for each further try."""
    found = _AGAIN.fullmatch(item_id)
    return f"{found[1]}-again-{int(found[2]) + 1}" if found else f"{item_id}-again-1"


def id_before(item_id: str) -> str:
    """Return the id from which `id_again` made this one; empty if it made none."""
    found = _AGAIN.fullmatch(item_id)
    if not found:
        return ""
    return found[1] if found[2] == "1" else f"{found[1]}-again-{int(found[2]) - 1}"


def first_id(item_id: str) -> str:
    """Return the id under which a memory was sent first: undoes `id_again`, keeps any other id."""
    found = _AGAIN.fullmatch(item_id)
    return found[1] if found else item_id


def id_from(server: str, digest: bytes) -> str:
    """Return the id of a memory that others saved on `server`: the same at each reading."""
    return id_of(server, digest.hex())


def is_id_from(item_id: str, server: str, digest: bytes) -> bool:
    """Return whether `id_from` gives this id for that server."""
    is_of_a_name = item_id[14:15] == "5"  # UUIDs of other kinds are told at once
    return is_of_a_name and item_id == id_from(server, digest)


def number(value: Any) -> float:
    """Return a time or count from a file as a float; 0 for what is none (text, null, NaN)."""
    if type(value) is not int and type(value) is not float:  # a union takes twice as long
        return 0.0
    try:
        result = float(value)
    except OverflowError:
        return 0.0
    return result if math.isfinite(result) else 0.0


def count(value: Any) -> int:
    """Return a count from a file, at least 0."""
    return max(0, min(int(number(value)), _LARGEST_COUNT))


def waits_since(accepted: float, timestamp: float) -> float:
    """Return since when a memory waits (Unix seconds): before its intake in a file, perhaps."""
    return min(accepted, timestamp) if timestamp >= EARLIEST else accepted


class Kind(enum.StrEnum):
    """What became of one attempt, as the worker has to act on it.

    The ledger lists the attempts that failed, each with the value of its kind: never one that is
    `DELIVERED`, `FOUND`, `HELD`, `AT_WORK` or `NOT_SENT`.
    """

    DELIVERED = "delivered"
    FOUND = "found"  # the server has it already, as it said or the ledger knows; nothing was sent
    OUTAGE = "outage"  # nothing is counted
    SLOW_DOWN = "slow down"
    ITEM_FAILURE = "item failure"
    UNAUTHORIZED = "unauthorized"  # the server refuses every save
    FORBIDDEN = "refused"  # 403, 404 or 405: it refuses this save, and perhaps all of the project
    NO_ANSWER = "unknown"  # a time-out, or the connection was lost: counts as an item failure
    # The server did not say whether it has it; nothing was sent.
    ASKED_IN_VAIN = "unanswered"
    NOT_SENDABLE = "not sendable"
    HELD = "held"  # it cannot tell, and another worker may have delivered it; nothing was sent
    NOT_SENT = "not sent"  # another server was chosen just before, or a command left an order
    # The server has taken it in, and will say by a ticket whether it is stored; nothing is counted.
    AT_WORK = "at work"


# A failure of these classes counts nothing, unless others show that it was the memory's fault.
UNCOUNTED: Final = frozenset({Kind.OUTAGE, Kind.SLOW_DOWN, Kind.UNAUTHORIZED, Kind.FORBIDDEN})
