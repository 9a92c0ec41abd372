"""What Mem0's own servers, official and hosted, have in common: names, bodies, what they show.

They keep our key with each memory, and the project under a name that they accept.
"""

import json
import re
import time
from abc import abstractmethod
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.server.answers import no_use
from mem0tray.server.http_client import HttpClient, as_counted, key_header
from mem0tray.server.model import (
    ANY,
    ID,
    PROJECT,
    Fault,
    Memory,
    Outcome,
    Reply,
    ServerMemory,
    name_of,
    project_of,
)

_CHECKED: Final = (0.0, 1.0, 4.0, 15.0, 30.0)  # seconds to wait before each check of what is stored
# The first of the results, up to its text; the hosted service nests that in an object of its own.
_FIRST: Final = re.compile(
    rb'\s*\{(?:[^{}\[\]]{0,500}?,)?\s*"results"\s*:\s*\[\s*\{[^{}\[\]]{0,500}?'
    rb'(?:"data"\s*:\s*\{\s*)?"memory"\s*:\s*(?=")'
)
_ESCAPE: Final = 6  # characters of the longest one
_HIGH: Final = re.compile("[\ud800-\udbff]\\Z")  # the first half of a character


class Mem0Client(HttpClient):
    """A client of one of Mem0's own servers; a dialect says which paths, and what answers mean."""

    def says_success(self, body: dict[str, Any]) -> bool:
        """Return whether a search or listing is one."""
        return isinstance(body.get("results"), list)

    def _is_kept(self, memory: Memory, timeout: float) -> bool | None:
        """Check that the server has a memory that it said it stored; None: it does not say.

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
        return outcome.because(no_use(outcome.status or 0, why), kind=kind, may_have_it=True)

    @abstractmethod
    def _keeps(self, memory: Memory, timeout: float) -> bool | None:
        """Return whether the server shows this memory now; None where it does not say."""

    def _scope(self, project: str) -> dict[str, Any]:
        if self._terms.user:
            return {"user_id": name_of(self._terms.user), "agent_id": name_of(project)}
        return {"user_id": name_of(project)}

    def _metadata(self, memory: Memory) -> dict[str, str]:
        metadata = {ID: id_of(memory.key)} if memory.key else {}
        if name_of(memory.project) != memory.project:
            metadata[PROJECT] = memory.project
        return metadata

    def _counted(self, entries: list[Any], name: str) -> list[tuple[str, int | None]]:
        """Find the projects among the names that a server lists: users, or agents of one user."""
        kind = "agent" if self._terms.user else "user"
        own = [each for each in entries if isinstance(each, dict) and each.get("type") == kind]
        counted = (as_counted(each, name, "total_memories") for each in own)
        return [(project_of(each[0]), each[1]) for each in counted if each is not None]

    def _body(self, memory: Memory) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": memory.content}],
            **self._scope(memory.project),
            "infer": self._terms.infer,
            "metadata": self._metadata(memory),
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
    found = _FIRST.match(reply.body)
    if found is None:
        return False
    text = _begun(reply.body[found.end() : len(reply.body) // 2])
    return bool(text) and memory.content.startswith(text)


def _begun(raw: bytes) -> str:
    """Read the beginning of a text whose JSON begins with `raw`, quote included; empty if none."""
    part = raw.decode("utf-8", "ignore")
    for end in range(len(part), len(part) - _ESCAPE, -1):  # the last escape may be cut off
        with suppress(ValueError):
            return _HIGH.sub("", json.loads(f'{part[:end]}"'))
    return ""
