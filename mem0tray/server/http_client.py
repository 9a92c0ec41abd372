"""What the clients of all dialects share: one connection, the key, and what goes over the wire."""

import hashlib
import json
import re
import time
from abc import ABC, abstractmethod
from http import HTTPStatus
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from mem0tray import __version__
from mem0tray.config.server_address import ServerAddress
from mem0tray.core.item import Kind
from mem0tray.server.answers import NO_PROJECT, classify, health, json_object
from mem0tray.server.listings import Listings
from mem0tray.server.model import (
    ID,
    KEY_REFUSED,
    MAX_ANSWER,
    PROJECT,
    Health,
    KeyCheck,
    KeyVerdict,
    Memory,
    Outcome,
    Proof,
    Reply,
    ServerMemory,
    Terms,
)
from mem0tray.server.transport import Transport

SAYS_NOTHING: Final = frozenset({Kind.OUTAGE, Kind.NO_ANSWER, Kind.UNAUTHORIZED, Kind.SLOW_DOWN})
NO_TEXTS: Final = "the answer names no memories"
NO_PROJECTS: Final = "the answer names no projects"
NO_MEMORY: Final = Memory("", "", "")
# Bytes: the longest answer with many memories, and the longest where fewer cannot be asked for.
LONGEST_PAGE: Final = 64 << 20
LONGEST_LISTING: Final = 1 << 30
# Longer request lines are refused by servers, some of which then hang up.
LONGEST_PATH: Final = 4096
_HEADERS: Final = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"mem0tray/{__version__}".encode()),
)
_LONGEST_KEY: Final = 512
_PLAIN_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_NO_TERMS: Final = Terms()


class HttpClient(ABC):
    """A client of one server; a dialect says what to ask, and what the answers mean.

    `KEY` is the header with the key: its name, and what stands before the key. `KEY_QUESTION` is a
    path where a wrong key is refused, and where nothing is stored.
    """

    KEY: ClassVar[tuple[str, str]]
    KEY_QUESTION: ClassVar[str]
    HEALTH: ClassVar[str]

    def __init__(
        self,
        address: ServerAddress,
        proof: Proof | None = None,
        known: Listings | None = None,
        terms: Terms = _NO_TERMS,
    ) -> None:
        self._transport = Transport(address, proof)
        self._secrets = (address.token,) if address.token else ()
        name, before = self.KEY
        key = [(name.encode(), f"{before}{each}".encode()) for each in self._secrets]
        self._headers = [*_HEADERS, *key]
        self._json_headers = [*self._headers, (b"Content-Type", b"application/json")]
        self._known = Listings() if known is None else known
        self._terms = terms

    @abstractmethod
    def says_success(self, body: dict[str, Any]) -> bool:
        """Return whether the JSON object of a 2xx says that the server did what it was asked."""

    def probe(self, timeout: float) -> Health:
        """Ask for the server's health."""
        reply = self._get(self.HEALTH, timeout)
        return health(reply, healthy=is_answered(reply))

    def check_key(self, timeout: float) -> KeyCheck:
        """Ask with the key, then without it, to see that it matters."""
        started = time.monotonic()
        reply = self._get(self.KEY_QUESTION, timeout)
        if not self._secrets or not is_answered(reply):
            return self._verdict(reply)
        left = started + timeout - time.monotonic()
        bare = self._transport.exchange("GET", self.KEY_QUESTION, _HEADERS, None, left)
        found = self._verdict(bare)
        return KeyCheck(KeyVerdict.TAKEN) if found.verdict is KeyVerdict.REFUSED else found

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        """Find nothing: a dialect whose servers keep the key overrides this."""
        del project, key, timeout
        return []

    def abort(self) -> None:
        """Make a call that is in progress in another thread return promptly."""
        self._transport.abort()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _verdict(self, reply: Reply) -> KeyCheck:
        if is_answered(reply):
            return KeyCheck(KeyVerdict.OPEN)
        refused = reply.status in KEY_REFUSED
        verdict = KeyVerdict.REFUSED if refused else KeyVerdict.CANNOT_TELL
        return KeyCheck(verdict, self._outcome(reply).reason)

    def _get(self, path: str, timeout: float, longest: int = MAX_ANSWER) -> Reply:
        return self._transport.exchange("GET", path, self._headers, None, timeout, longest)

    def _post(
        self, path: str, body: dict[str, Any], timeout: float, longest: int = MAX_ANSWER
    ) -> Reply:
        data = encode(body)
        return self._transport.exchange("POST", path, self._json_headers, data, timeout, longest)

    def _send(self, path: str, memory: Memory, body: dict[str, Any], timeout: float) -> Reply:
        """Send the request that saves a memory, with its key."""
        headers = self._json_headers
        if memory.key:
            headers = [*headers, (b"Idempotency-Key", key_header(memory.key).encode("ascii"))]
        return self._transport.exchange("POST", path, headers, encode(body), timeout)

    def _outcome(self, reply: Reply, memory: Memory = NO_MEMORY) -> Outcome:
        return classify(reply, time.time(), self.says_success, memory.content, self._secrets)

    def _shown(self, reply: Reply, project: str, *names: str) -> list[ServerMemory] | Outcome:
        """Read the memories of a listing or search, which stand under these names."""
        entries = self._entries(reply, *names)
        if isinstance(entries, Outcome):
            return entries
        return [as_shown(each, project) for each in entries if self._is_of(project, each)]

    def _entries(
        self, reply: Reply, *names: str, about: Memory = NO_MEMORY, missing: str = NO_TEXTS
    ) -> list[Any] | Outcome:
        """Read the list under these names, one within another; or say why there is none."""
        outcome = self._outcome(reply, about)
        if not outcome.is_success:
            return outcome
        found: Any = json_object(reply)
        for name in names:
            if isinstance(found, dict):
                found = found.get(name)
        if isinstance(found, list):
            return found
        return replace(outcome, kind=Kind.NO_ANSWER, message=missing, may_have_it=True)

    def _is_of(self, project: str, entry: Any) -> bool:
        """Return whether an entry shows the text of a memory of this project."""
        del project
        return has_text(entry)


def no_project() -> Outcome:
    """Make the outcome for a memory that names no project."""
    return Outcome(Kind.NOT_SENDABLE, None, str(NO_PROJECT), reason=NO_PROJECT)


def no_answer(outcome: Outcome) -> Outcome:
    """Return why a question came to nothing: what is no listing, whatever it is, is no answer."""
    if outcome.kind in SAYS_NOTHING:
        return outcome
    return replace(outcome, kind=Kind.NO_ANSWER, may_have_it=True)


def encode(body: dict[str, Any]) -> bytes:
    """Encode `body` as JSON; a lone surrogate, which UTF-8 has no place for, as its escape."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body).encode("ascii")


def key_header(key: str) -> str:
    """Make the value of a header from an idempotency key, always the same for the same key.

    Anything but printable ASCII is percent-encoded; a value too long for headers becomes a hash.
    """
    data = key.encode("utf-8", "surrogatepass")
    if len(data) > _LONGEST_KEY:
        return f"sha256-{hashlib.sha256(data).hexdigest()}"
    return key if _PLAIN_KEY.fullmatch(key) else quote(data, safe="")


def is_answered(reply: Reply) -> bool:
    """Return whether a healthy server has answered this question."""
    return reply.status == HTTPStatus.OK and json_object(reply) is not None


def has_text(entry: Any) -> bool:
    """Return whether an entry of a listing or search shows the text of a memory."""
    return isinstance(entry, dict) and isinstance(entry.get("memory"), str)


def as_shown(entry: dict[str, Any], project: str) -> ServerMemory:
    """Read a memory in an answer; `entry` has its text under `memory`."""
    name, created, score = entry.get("id"), entry.get("created_at"), entry.get("score")
    metadata = entry.get("metadata")
    ours = metadata if isinstance(metadata, dict) else {}
    was, key = ours.get(PROJECT), ours.get(ID)
    return ServerMemory(
        was if isinstance(was, str) and was else project,
        entry["memory"],
        str(name) if isinstance(name, str | int) else "",
        created if isinstance(created, str) else "",
        float(score) if isinstance(score, int | float) else None,
        key if isinstance(key, str) else "",
    )


def as_counted(entry: Any, name: str, count: str = "") -> tuple[str, int | None] | None:
    """Read a project of an answer and its number of memories there; None where it names none."""
    found = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(found, str) or not found:
        return None
    number = entry.get(count)
    return found, number if isinstance(number, int) and number >= 0 else None
