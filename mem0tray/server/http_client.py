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

from mem0tray.config.server_address import ServerAddress
from mem0tray.core import jsontext
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.version import __version__
from mem0tray.server.answers import NO_PROJECT, classify, health, json_object, json_value, no_use
from mem0tray.server.listings import Listings
from mem0tray.server.model import (
    ANY,
    ID,
    KEY_REFUSED,
    MAX_ANSWER,
    PROJECT,
    Fault,
    Health,
    KeyCheck,
    KeyVerdict,
    Memory,
    Outcome,
    ProjectCount,
    Proof,
    Reply,
    ServerMemory,
    Terms,
    name_of,
    project_of,
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
_GONE: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND)  # answers to a deletion
_NO_SUCH: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)  # answers about an unknown id
MOST_FOUND: Final = 1000  # memories by one search
_CHECKED: Final = (0.0, 1.0, 4.0, 15.0, 30.0)  # seconds to wait before each check of what is stored


class HttpClient(ABC):
    """A client of one server; a dialect says what to ask, and what the answers mean.

    `KEY` is the header with the key: its name, and what stands before the key. `KEY_QUESTION` is a
    path where a wrong key is refused, and where nothing is stored; the others are paths too.
    """

    KEY: ClassVar[tuple[str, str]]
    KEY_QUESTION: ClassVar[str]
    HEALTH: ClassVar[str]
    SAVE: ClassVar[str]
    SEARCH: ClassVar[str]
    # The path before a memory's id and what follows it; none where no memory can be deleted.
    ONE: tuple[str, str] | None = None
    IDS: ClassVar[re.Pattern[str]] = re.compile("[0-9a-fA-F-]{36}")

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

    def save(self, memory: Memory, timeout: float) -> Outcome:
        if not memory.project:
            return Outcome(Kind.NOT_SENDABLE, None, str(NO_PROJECT), reason=NO_PROJECT)
        headers = self._json_headers
        if memory.key:
            headers = [*headers, (b"Idempotency-Key", key_header(memory.key).encode("ascii"))]
        body = encode(self._body(memory))
        reply = self._transport.exchange("POST", self.SAVE, headers, body, timeout)
        return self._saved(reply, memory, timeout - reply.duration)

    @abstractmethod
    def _body(self, memory: Memory) -> dict[str, Any]:
        """Make the body of a save."""

    def _saved(self, reply: Reply, memory: Memory, timeout: float) -> Outcome:
        del timeout
        return self._outcome(reply, memory)

    def probe(self, timeout: float) -> Health:
        reply = self._health(timeout)
        return health(reply, healthy=is_answered(reply))

    def _health(self, timeout: float) -> Reply:
        return self._get(self.HEALTH, timeout)

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
        del project, key, timeout
        return []

    @property
    def _kinds(self) -> tuple[str, ...]:
        """The kinds of entity that stand for a project there."""
        return ("agent",) if self._terms.user else ("user",)

    @property
    def deletes(self) -> bool:
        return self.ONE is not None

    def one(self, memory_id: str, timeout: float) -> ServerMemory | Outcome | None:
        if self.ONE is None or not self.IDS.fullmatch(memory_id):
            return None
        reply = self._get(quote(memory_id, safe="").join(self.ONE), timeout, LONGEST_PAGE)
        found = json_value(reply)
        is_none = reply.status == HTTPStatus.OK and reply.fault is None and found is None
        if reply.status in _NO_SUCH or (is_none and reply.body.strip() == b"null"):
            return None
        if reply.status != HTTPStatus.OK or not has_text(found):
            outcome = self._outcome(reply)
            return replace(outcome, kind=Kind.NO_ANSWER) if outcome.is_success else outcome
        owners = (found.get(f"{kind}_id") for kind in self._kinds)
        return as_shown(found, next((project_of(e) for e in owners if isinstance(e, str)), ""))

    def delete(self, memory: ServerMemory, timeout: float) -> Outcome:
        path = quote(memory.id, safe="").join(self.ONE or ("", ""))
        reply = self._transport.exchange("DELETE", path, self._headers, None, timeout)
        is_done = is_answered(reply) or reply.status in _GONE
        if is_done and reply.fault is None:
            return Outcome(Kind.DELIVERED, reply.status, "", None, reply.duration)
        outcome = self._outcome(reply, Memory(memory.project, memory.text, memory.key))
        return replace(outcome, kind=Kind.NO_ANSWER) if outcome.is_success else outcome

    def abort(self) -> None:
        self._transport.abort()

    def close(self) -> None:
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

    def _outcome(self, reply: Reply, memory: Memory = NO_MEMORY) -> Outcome:
        return classify(reply, time.time(), self.says_success, memory.content, self._secrets)

    def _shown(self, reply: Reply, project: str, *names: str) -> list[ServerMemory] | Outcome:
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
        del project
        return has_text(entry)


class Mem0Client(HttpClient):
    """A client of one of Mem0's own servers; a dialect says which paths, and what answers mean."""

    def says_success(self, body: dict[str, Any]) -> bool:
        return isinstance(body.get("results"), list)

    def _is_kept(self, memory: Memory, timeout: float) -> bool | None:
        """Check, again and again in time, that the server has it; None: it does not say."""
        end = time.monotonic() + timeout
        for wait in _CHECKED:
            if wait and time.monotonic() + wait >= end:
                break
            time.sleep(wait)
            kept = self._keeps(memory, end - time.monotonic())
            if kept is not False:
                self._known.note_check(is_kept=bool(kept))
                return kept
        return False

    def _lost(self, outcome: Outcome, kind: Kind, why: Reason) -> Outcome:
        return outcome.because(no_use(outcome.status or 0, why), kind=kind, may_have_it=True)

    @abstractmethod
    def _keeps(self, memory: Memory, timeout: float) -> bool | None:
        """Return whether the server shows this memory now; None where it does not say."""

    def _scope(self, project: str) -> dict[str, Any]:
        if self._terms.user:
            return {"user_id": name_of(self._terms.user), "agent_id": name_of(project)}
        return {"user_id": name_of(project)}

    def _counted(self, entries: list[Any], name: str) -> list[ProjectCount]:
        own = [e for e in entries if isinstance(e, dict) and e.get("type") in self._kinds]
        found = counted(own, name, "total_memories")
        return [ProjectCount(project_of(each.project), each.count) for each in found]

    def _body(self, memory: Memory) -> dict[str, Any]:
        metadata = {ID: id_of(memory.key)} if memory.key else {}
        if name_of(memory.project) != memory.project:
            metadata[PROJECT] = memory.project
        return {
            "messages": [{"role": "user", "content": memory.content}],
            **self._scope(memory.project),
            "infer": self._terms.infer,
            "metadata": metadata,
        }


def id_of(key: str) -> str:
    """Return the form in which a server keeps a key, always the same for the same key."""
    return name_of(key) if key == ANY else key_header(key)


def newest_first(found: list[ServerMemory]) -> list[ServerMemory]:
    """Sort memories by their times, the newest first; one whose time makes no sense comes last."""
    return sorted(found, key=lambda each: (each.moment or 0.0, each.created), reverse=True)


def holds_nul(memory: Memory) -> bool:
    """Return whether project or text contains NUL, which Postgres cannot store."""
    return "\0" in memory.project or "\0" in memory.content


def repeats(reply: Reply, memory: Memory) -> bool:
    """Return whether a too long answer begins with this text, as far as it was read.

    These servers show in full what they store or find. Only the first half of what was read is
    compared, as something else follows a text's end.
    """
    if reply.fault is not Fault.TOO_LONG or reply.status != HTTPStatus.OK:
        return False
    shown = reply.body[: len(reply.body) // 2].partition(b'"memory":')[2].lstrip()
    forms = (json.dumps(memory.content, ensure_ascii=escapes) for escapes in (True, False))
    return len(shown) > 1 and any(jsontext.encode(form).startswith(shown) for form in forms)


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


def counted(entries: list[Any], name: str, count: str) -> list[ProjectCount]:
    """Read the projects that an answer names, and their numbers of memories."""
    named = [each for each in entries if isinstance(each, dict) and isinstance(each.get(name), str)]
    numbers = ((each[name], each.get(count)) for each in named if each[name])
    return [
        ProjectCount(project, number if isinstance(number, int) and number >= 0 else None)
        for project, number in numbers
    ]
