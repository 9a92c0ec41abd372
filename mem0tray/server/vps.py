"""The dialect `vps`: POST /memory, GET /memory/{project}, POST /memory/search, GET /health."""

import functools
import hashlib
import json
import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
from msgspec.structs import replace

from mem0tray import __version__
from mem0tray.config.server_address import ServerAddress
from mem0tray.core.delivery_kind import Kind
from mem0tray.core.large import LargeText, as_json
from mem0tray.server.answers import NO_PROJECT, classify, health, json_object
from mem0tray.server.listings import Listings, ProjectListing, fingerprint
from mem0tray.server.model import (
    KEY_REFUSED,
    Fault,
    Health,
    KeyCheck,
    KeyVerdict,
    Memory,
    Outcome,
    Presence,
    Proof,
    Reply,
    ServerMemory,
)
from mem0tray.server.transport import Transport

SAVE: Final = "/memory"
LISTING: Final = "/memory/{project}"
SEARCH: Final = "/memory/search"
HEALTH: Final = "/health"
# A listing, in which a wrong key shows, of a project that nobody has: it stores nothing.
KEY_QUESTION: Final = "/memory/mem0tray-key-check?limit=1"
LIST_LIMIT: Final = 10_000
SEARCH_LIMIT: Final = 10
# Some servers cut a listing at a limit of their own without a word, and mem0
# returns 100 where no limit reaches it: a round number may be incomplete.
_ROUND: Final = 100
# Longer request lines are refused by servers, some of which then hang up.
_LONGEST_PATH: Final = 4096
_LONGEST_KEY: Final = 512
_PLAIN_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_CANNOT_TELL: Final = frozenset({404, 405})  # the server has no such question
_SAYS_NOTHING: Final = frozenset({Kind.OUTAGE, Kind.NO_ANSWER, Kind.UNAUTHORIZED, Kind.SLOW_DOWN})
_HEADERS: Final = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"mem0tray/{__version__}".encode()),
)
_NO_TEXTS: Final = "the answer names no memories"
_NO_MEMORY: Final = Memory("", "", "")


class VpsClient:
    """Talks `vps` to one server; see `Client` for what every method promises."""

    def __init__(
        self, address: ServerAddress, proof: Proof | None = None, known: Listings | None = None
    ) -> None:
        self._transport = Transport(address, proof)
        self._secrets = (address.token,) if address.token else ()
        key = [(b"Authorization", f"Bearer {address.token}".encode())] if address.token else []
        self._headers = [*_HEADERS, *key]
        self._json_headers = [*self._headers, (b"Content-Type", b"application/json")]
        self._known = Listings() if known is None else known

    def save(self, memory: Memory, timeout: float) -> Outcome:
        """Deliver `memory`."""
        if not memory.project:
            return Outcome(Kind.NOT_SENDABLE, None, str(NO_PROJECT))
        headers = [*self._json_headers]
        if memory.key:
            headers.append((b"Idempotency-Key", key_header(memory.key).encode("ascii")))
        body = _body(memory)
        if isinstance(body, LargeBody):
            headers.append((b"Content-Length", b"%d" % len(body)))
        outcome = self._outcome(
            self._transport.exchange("POST", SAVE, headers, body, timeout), memory
        )
        if outcome.kind is Kind.DELIVERED:
            self._known.stored(memory.project)
        return outcome

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        """Ask whether the server has exactly this text: by listing, else by searching."""
        now = time.monotonic()
        end = now + timeout
        path = listing_path(memory.project)
        # Before any turn: on a first start that is so of each memory.
        if self._lists_nothing(memory.project, path, since, now):
            return Presence.CANNOT_TELL
        with self._known.turn(memory.project, timeout):
            now = time.monotonic()
            listing = self._known.recent(memory.project, since, now)
            if listing is None and len(path) <= _LONGEST_PATH:
                if self._known.cannot_tell(memory.project, LISTING):
                    return Presence.CANNOT_TELL
                found = self._list(memory, path, end - now)
                if not isinstance(found, ProjectListing):
                    return found
                listing = self._known.keep(memory.project, found, since)
        if listing is not None:
            if memory.content in listing:
                return Presence.PRESENT
            if listing.complete:
                return Presence.ABSENT
        return self._search(memory, end - time.monotonic(), listing)

    def _lists_nothing(self, project: str, path: str, since: float, now: float) -> bool:
        """Whether the server has said that it lists nothing, and has not listed this lately."""
        return (
            len(path) <= _LONGEST_PATH
            and self._known.cannot_tell(project, LISTING)
            and self._known.recent(project, since, now) is None
        )

    def read(self, project: str, limit: int, timeout: float) -> list[ServerMemory] | Outcome:
        """Read a project's listing."""
        path = listing_path(project, limit)
        reply = self._transport.exchange("GET", path, self._headers, None, timeout)
        return self._shown(reply, project, "memories")

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        """Search a project, as the server does it: by meaning or by words."""
        return self._shown(self._searched(project, query, limit, timeout), project, "results")

    def probe(self, timeout: float) -> Health:
        """Ask for the server's health."""
        reply = self._transport.exchange("GET", HEALTH, self._headers, None, timeout)
        return health(reply, healthy=is_answered(reply))

    def check_key(self, timeout: float) -> KeyCheck:
        """List a project that nobody has with the key, then without it, to see that it matters."""
        started = time.monotonic()
        reply = self._transport.exchange("GET", KEY_QUESTION, self._headers, None, timeout)
        if not self._secrets or not is_answered(reply):
            return self._verdict(reply)
        left = started + timeout - time.monotonic()
        found = self._verdict(self._transport.exchange("GET", KEY_QUESTION, _HEADERS, None, left))
        return KeyCheck(KeyVerdict.TAKEN) if found.verdict is KeyVerdict.REFUSED else found

    def _verdict(self, reply: Reply) -> KeyCheck:
        if is_answered(reply):
            return KeyCheck(KeyVerdict.OPEN)
        refused = reply.status in KEY_REFUSED
        message = self._outcome(reply, _NO_MEMORY).message
        return KeyCheck(KeyVerdict.REFUSED if refused else KeyVerdict.CANNOT_TELL, message)

    def abort(self) -> None:
        """Make a call that is in progress in another thread return promptly."""
        self._transport.abort()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _list(
        self, memory: Memory, path: str, timeout: float
    ) -> ProjectListing | Presence | Outcome:
        """The texts of its project, as far as they came; or what the server said instead."""
        asked = time.monotonic()
        reply = self._transport.exchange("GET", path, self._headers, None, timeout)
        if reply.fault is Fault.TOO_LONG and reply.status == HTTPStatus.OK:
            # It is remembered too: fetched again it would be cut as before.
            return ProjectListing((), asked, complete=False)
        found = self._told(reply, memory, "memories", LISTING)
        if not isinstance(found, tuple):
            return found
        texts, count = found
        whole = len(texts) == count < LIST_LIMIT
        doubtful = whole and count > 0 and count % _ROUND == 0
        return ProjectListing(texts, asked, complete=whole and not doubtful, doubtful=doubtful)

    def _search(
        self, memory: Memory, timeout: float, listing: ProjectListing | None
    ) -> Presence | Outcome:
        """Look for the text itself among what is most like it; not finding it proves nothing.

        No search takes a text of a megabyte as its query.
        """
        if isinstance(memory.content, LargeText) or self._known.cannot_tell(memory.project, SEARCH):
            return Presence.CANNOT_TELL
        reply = self._searched(memory.project, memory.content, SEARCH_LIMIT, timeout)
        found = self._told(reply, memory, "results", SEARCH)
        if not isinstance(found, tuple):
            return found
        texts, _ = found
        if listing is not None:
            listing.learn(texts)
        wanted = fingerprint(memory.content)
        if any(fingerprint(text) == wanted for text in texts):
            return Presence.PRESENT
        return Presence.CANNOT_TELL

    def _told(
        self, reply: Reply, memory: Memory, name: str, question: str
    ) -> tuple[list[str], int] | Presence | Outcome:
        """The texts of a listing or search, and how many entries it has.

        A server without such a question cannot tell. Whatever else comes is no answer, a page
        in the place of JSON too: what stands before the server may have made it.
        """
        if reply.status in _CANNOT_TELL:
            self._known.note_cannot_tell(memory.project, question)
            return Presence.CANNOT_TELL
        outcome = self._outcome(reply, memory)
        if outcome.kind in _SAYS_NOTHING:
            return outcome
        entries = _entries(reply, name) if outcome.kind is Kind.DELIVERED else None
        if entries is not None:
            return [each["memory"] for each in entries if _has_text(each)], len(entries)
        message = outcome.message or _NO_TEXTS
        return replace(outcome, kind=Kind.NO_ANSWER, message=message, may_have_it=True)

    def _searched(self, project: str, query: str, limit: int, timeout: float) -> Reply:
        body = encode({"user_id": project, "query": query, "limit": limit})
        return self._transport.exchange("POST", SEARCH, self._json_headers, body, timeout)

    def _shown(self, reply: Reply, project: str, name: str) -> list[ServerMemory] | Outcome:
        """The memories of a listing or search."""
        outcome = self._outcome(reply, _NO_MEMORY)
        if outcome.kind is not Kind.DELIVERED:
            return outcome
        entries = _entries(reply, name)
        if entries is None:
            return replace(outcome, kind=Kind.NO_ANSWER, message=_NO_TEXTS)
        return [as_shown(each, project) for each in entries if _has_text(each)]

    def _outcome(self, reply: Reply, memory: Memory) -> Outcome:
        return classify(reply, time.time(), says_success, memory.content, self._secrets)


def says_success(body: dict[str, Any]) -> bool:
    """Whether the JSON object of an answer says that the server did what it was asked."""
    return body.get("success") is True


def is_answered(reply: Reply) -> bool:
    """Whether this is the answer of a healthy server to a question, to that for its health too."""
    return reply.status == HTTPStatus.OK and json_object(reply) is not None


class LargeBody(httpx.SyncByteStream):
    """The body that saves a large text: made piece by piece while it is sent, and once before."""

    def __init__(self, project: str, text: LargeText) -> None:
        self._head = encode({"user_id": project}).removesuffix(b"}") + b',"content":"'
        self._text = text
        self._size = sum(map(len, self))

    def __len__(self) -> int:
        """The number of its bytes."""
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """The pieces, one after the other."""
        yield self._head
        yield from as_json(self._text)
        yield b'"}'


def _body(memory: Memory) -> bytes | LargeBody:
    """The request that saves it."""
    if isinstance(memory.content, LargeText):
        return LargeBody(memory.project, memory.content)
    return encode({"user_id": memory.project, "content": memory.content})


def encode(body: dict[str, Any]) -> bytes:
    """`body` as JSON; a lone surrogate, which UTF-8 has no place for, as its escape."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body).encode("ascii")


@functools.lru_cache(maxsize=64)  # on a first start it is wanted of each memory
def listing_path(project: str, limit: int = LIST_LIMIT) -> str:
    """The path of a project's newest memories; nothing in the id can lead anywhere else."""
    encoded = quote(project.encode("utf-8", "surrogatepass"), safe="")
    if encoded.strip(".") == "":
        # These alone would still be taken for a step within the path.
        encoded = encoded.replace(".", "%2E")
    return f"/memory/{encoded}?limit={limit}"


def key_header(key: str) -> str:
    """An idempotency key as the value of a header, always the same for the same key.

    What is not printable ASCII is percent-encoded, and what is too long for any
    server's headers becomes a hash.
    """
    data = key.encode("utf-8", "surrogatepass")
    if len(data) > _LONGEST_KEY:
        return f"sha256-{hashlib.sha256(data).hexdigest()}"
    return key if _PLAIN_KEY.fullmatch(key) else quote(data, safe="")


def _entries(reply: Reply, name: str) -> list[Any] | None:
    """The entries of a listing or search; None: it is neither."""
    entries = (json_object(reply) or {}).get(name)
    if isinstance(entries, dict):
        entries = entries.get("results")
    return entries if isinstance(entries, list) else None


def _has_text(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("memory"), str)


def as_shown(entry: dict[str, Any], project: str) -> ServerMemory:
    """A memory of an answer, as it says of itself; `entry` has its text under `memory`."""
    name, created, score = entry.get("id"), entry.get("created_at"), entry.get("score")
    return ServerMemory(
        project,
        entry["memory"],
        str(name) if isinstance(name, str | int) else "",
        created if isinstance(created, str) else "",
        float(score) if isinstance(score, int | float) else None,
    )
