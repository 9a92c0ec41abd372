"""What Mem0's own servers, official and hosted, have in common: names, bodies, what they show.

They keep our key with each memory, and the project under a name that they accept.
"""

import time
from abc import abstractmethod
from typing import Any, Final

from msgspec.structs import replace

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.server.answers import json_object, no_use
from mem0tray.server.http_client import (
    NO_MEMORY,
    NO_TEXTS,
    HttpClient,
    as_shown,
    entries_of,
    has_text,
)
from mem0tray.server.listings import Listings
from mem0tray.server.model import (
    MAX_ANSWER,
    Memory,
    Outcome,
    Proof,
    Reply,
    ServerMemory,
    Terms,
)
from mem0tray.server.oss_names import ANY, ID, PROJECT, name_of
from mem0tray.server.outgoing import encode, key_header

_CHECKED: Final = (0.0, 1.0, 4.0, 15.0, 30.0)  # seconds to wait before each check of what is stored


class Mem0Client(HttpClient):
    """Speaks to one of Mem0's own servers; a dialect says which paths, and what answers mean."""

    def __init__(
        self,
        address: ServerAddress,
        proof: Proof | None,
        known: Listings | None,
        terms: Terms,
        key_header: tuple[bytes, bytes],
        key_question: str,
    ) -> None:
        super().__init__(address, proof, known, key_header, key_question)
        self._terms = terms

    def _send(self, path: str, memory: Memory, more: dict[str, Any], timeout: float) -> Reply:
        """Send a request that saves a memory; `more` is what this dialect adds to the body."""
        body = self._body(memory, more)
        headers = self._save_headers(memory)
        return self._transport.exchange("POST", path, headers, body, timeout)

    def _post(
        self, path: str, body: dict[str, Any], timeout: float, longest: int = MAX_ANSWER
    ) -> Reply:
        data = encode(body)
        return self._transport.exchange("POST", path, self._json_headers, data, timeout, longest)

    def _shown(self, reply: Reply, project: str) -> list[ServerMemory] | Outcome:
        """The memories of a listing or search."""
        outcome = self._outcome(reply, NO_MEMORY)
        if not outcome.is_success:
            return replace(outcome, message=outcome.message or NO_TEXTS)
        entries = entries_of(json_object(reply), ("results",)) or []
        return [
            as_shown(each, project)
            for each in entries
            if has_text(each) and self._is_of(project, each)
        ]

    def _is_kept(self, memory: Memory, timeout: float) -> bool | None:
        """Whether the server has a memory that it said it stored; None where it does not say.

        Some servers say so and store nothing. One that is slow to find new memories is asked again
        for as long as the call may take.
        """
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
        """Change the outcome of a save that the server took for a success into a failure."""
        said = no_use(outcome.status or 0, why)
        return replace(outcome, kind=kind, message=said, may_have_it=True)

    @abstractmethod
    def _keeps(self, memory: Memory, timeout: float) -> bool | None:
        """Whether the server shows this memory now; None where it does not say."""

    def _is_of(self, project: str, entry: dict[str, Any]) -> bool:
        """Whether an entry of a listing or search of this project belongs to it."""
        del project, entry
        return True

    def _scope(self, project: str) -> dict[str, Any]:
        """The names under which a project's memories are kept."""
        if self._terms.user:
            return {"user_id": name_of(self._terms.user), "agent_id": name_of(project)}
        return {"user_id": name_of(project)}

    def _metadata(self, memory: Memory) -> dict[str, str]:
        """What is kept beside a memory."""
        metadata = {ID: id_of(memory.key)} if memory.key else {}
        if name_of(memory.project) != memory.project:
            metadata[PROJECT] = memory.project
        return metadata

    def _body(self, memory: Memory, more: dict[str, Any]) -> bytes:
        """The body of the request that saves a memory."""
        rest = self._scope(memory.project) | {
            "infer": self._terms.infer,
            "metadata": self._metadata(memory),
            **more,
        }
        return encode({"messages": [{"role": "user", "content": memory.content}], **rest})


def id_of(key: str) -> str:
    """The form in which a server keeps a key, always the same for the same key."""
    return name_of(key) if key == ANY else key_header(key)


def newest_first(found: list[ServerMemory]) -> list[ServerMemory]:
    """Sort memories by their times, the newest first; one whose time makes no sense comes last."""
    return sorted(found, key=lambda each: (each.moment or 0.0, each.created), reverse=True)


def type_of(entry: Any) -> Any:
    """The kind of an entry in a list of names: `user`, `agent`, or another."""
    return entry.get("type") if isinstance(entry, dict) else None


def holds_nul(memory: Memory) -> bool:
    """Whether project or text contains NUL, which Postgres cannot store."""
    return "\0" in memory.project or "\0" in memory.content
