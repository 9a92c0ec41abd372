"""The dialect `platform`: Mem0's hosted service, as its published API description has it.

It may take a memory in and store it later: then its answer names an event, our ticket, to ask by.
It stores equal texts in a scope once, so a memory of unknown outcome can be sent again.
"""

import itertools
import re
import time
from http import HTTPStatus
from typing import Any, Final

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.item import EARLIEST, Kind
from mem0tray.server.answers import (
    HOLDS_NUL,
    NOT_KEPT,
    STORED_NOTHING,
    classify,
    failed_later,
    health,
    json_object,
    no_use,
)
from mem0tray.server.http_client import (
    LONGEST_PAGE,
    NO_PROJECTS,
    Mem0Client,
    holds_nul,
    id_of,
    is_answered,
    newest_first,
    no_answer,
    repeats,
)
from mem0tray.server.model import (
    CANNOT_TELL,
    ID,
    KEY_REFUSED,
    PROJECT,
    Health,
    Memory,
    Outcome,
    Page,
    Presence,
    ProjectCount,
    Reply,
    ServerMemory,
    name_of,
)

LISTING: Final = "/v3/memories/"
EVENT: Final = "/v1/event/"
ENTITIES: Final = "/v1/entities/"
_SOUGHT: Final = 1000  # characters of a text to search for
_SIZE: Final = 200  # memories in a page
_REDIRECTS: Final = HTTPStatus.MULTIPLE_CHOICES
_STORED: Final = "SUCCEEDED"
_FAILED: Final = "FAILED"
_UNDER_WAY: Final = frozenset({"PENDING", "RUNNING"})
_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class HostedClient(Mem0Client):
    """A client that speaks `platform`; see `Client` for what every method promises."""

    KEY = ("Authorization", "Token ")
    HEALTH = KEY_QUESTION = "/v1/ping/"
    SAVE = "/v3/memories/add/"
    SEARCH = "/v3/memories/search/"
    ONE = ("/v1/memories/", "/")

    def __init__(self, address: ServerAddress, *more: Any) -> None:
        super().__init__(address, *more)
        self._loses_project = bool(self._terms.user) and self._terms.infer

    def _body(self, memory: Memory) -> dict[str, Any]:
        body = super()._body(memory)
        if EARLIEST <= memory.timestamp <= time.time():  # else the time of arrival counts
            body["timestamp"] = int(memory.timestamp)
        return body

    def _saved(self, reply: Reply, memory: Memory, timeout: float) -> Outcome:
        if repeats(reply, memory):
            return Outcome(Kind.DELIVERED, reply.status, "", None, reply.duration)
        outcome = self._judged(reply, memory, (json_object(reply) or {}).get("event_id"))
        return self._confirmed(outcome, reply, memory, timeout)

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        del since  # no earlier answer is used again
        if not memory.ticket:
            return Presence.CANNOT_TELL
        reply = self._get(f"{EVENT}{memory.ticket}/", timeout)
        if reply.status in CANNOT_TELL:  # it has forgotten, or the key is another account's
            return Presence.CANNOT_TELL
        outcome = self._judged(reply, memory, memory.ticket)
        outcome = self._confirmed(outcome, reply, memory, timeout - reply.duration)
        if outcome.kind is Kind.DELIVERED:
            return Presence.PRESENT
        if _status(reply) in (_STORED, _FAILED, *_UNDER_WAY):
            return outcome
        return no_answer(outcome)

    def _confirmed(self, outcome: Outcome, reply: Reply, memory: Memory, timeout: float) -> Outcome:
        """Return the outcome of a delivery, once what is in doubt was seen there."""
        adds_nothing = not (json_object(reply) or {}).get("results", True)
        is_doubtful = adds_nothing or self._known.checks
        if outcome.kind is not Kind.DELIVERED or self._terms.infer or not is_doubtful:
            return outcome
        if adds_nothing:
            is_there = self._keeps(memory, timeout)
            return outcome if is_there else self._lost(outcome, Kind.ITEM_FAILURE, STORED_NOTHING)
        if self._is_kept(memory, timeout) is False:
            kind = Kind.ITEM_FAILURE if memory.ticket else Kind.OUTAGE
            return self._lost(outcome, kind, NOT_KEPT)
        return outcome

    def _keeps(self, memory: Memory, timeout: float) -> bool | None:
        end = time.monotonic() + timeout
        text = str(memory.content)
        found = self.find(memory.project, memory.key, timeout)
        if not found:
            left = end - time.monotonic()
            found = self.search(memory.project, text[:_SOUGHT], 10, left)
        if isinstance(found, Outcome):
            return None
        return any(each.key == id_of(memory.key) or each.text == text for each in found)

    def read(self, project: str, limit: int, timeout: float) -> Page | Outcome:
        end = time.monotonic() + timeout
        found: list[ServerMemory] = []
        page = self.page(project, "", timeout)
        while isinstance(page, Page):
            found += page.memories
            if not page.after or len(found) >= limit:
                return Page(found[:limit])
            page = self.page(project, page.after, end - time.monotonic())
        return page

    def probe(self, timeout: float) -> Health:
        """Ask for the server's health. One that refuses the key is healthy: a save will tell."""
        reply = self._get(self.HEALTH, timeout)
        return health(reply, healthy=is_answered(reply) or reply.status in KEY_REFUSED)

    def recognise(self, timeout: float, *, is_known: bool = False) -> Health:
        del is_known
        return self.probe(timeout)

    def _judged(self, reply: Reply, memory: Memory, ticket: Any) -> Outcome:
        outcome = classify(
            reply, time.time(), lambda body: body.get("status") == _STORED, memory.content,
            self._secrets,
        )  # fmt: skip
        status = _status(reply)
        if status in _UNDER_WAY and isinstance(ticket, str) and _TICKET.fullmatch(ticket):
            return Outcome(
                Kind.AT_WORK, reply.status, "", None, reply.duration,
                may_have_it=True, ticket=ticket,
            )  # fmt: skip
        if status == _FAILED:
            reason = failed_later(reply, memory.content, self._secrets)
            outcome = outcome.because(reason, may_have_it=False)
        if outcome.kind is Kind.ITEM_FAILURE and holds_nul(memory):
            return outcome.because(no_use(outcome.status or 0, HOLDS_NUL))
        return outcome

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        """Read a page of a project's memories, from the newest on.

        `after` is the number of memories before it in the server's order. No order is promised: if
        the oldest come first the list is read from its end, and `after` is minus the number of
        memories that are left.
        """
        end = time.monotonic() + timeout
        place = int(after or 0)
        number = place // _SIZE if place >= 0 else (-place - 1) // _SIZE
        begin = number * _SIZE
        path = f"{LISTING}?page={number + 1}&page_size={_SIZE}"
        reply = self._post(path, {"filters": self._filters(project)}, timeout, LONGEST_PAGE)
        if place and reply.status == HTTPStatus.NOT_FOUND:  # it has fewer memories by now
            return Page([], whole=False)
        shown = self._shown(reply, project, "results")
        if isinstance(shown, Outcome):
            return shown
        body = json_object(reply) or {}
        count, listed = body.get("count"), len(body["results"])
        more = bool(body.get("next")) and bool(shown)
        begins_old = more and newest_first([shown[0], shown[-1]])[0] is not shown[0]
        if begins_old and not place and isinstance(count, int):
            return self.page(project, str(-count), end - time.monotonic())
        is_whole, following = len(shown) == listed, begin + listed if more else 0
        if place < 0:
            shown, following = shown[: -place - begin], -begin
        return Page(newest_first(shown), str(following or ""), whole=is_whole)

    def _with_key(self, project: str, key: str, timeout: float) -> Reply:
        clauses = [self._filters(project), {"metadata": {ID: key}}]
        return self._post(LISTING, {"filters": {"AND": clauses}}, timeout, LONGEST_PAGE)

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        if self._loses_project:
            return Outcome(Kind.NO_ANSWER, HTTPStatus.NOT_FOUND, NO_PROJECTS)
        end = time.monotonic() + timeout
        found: dict[str, ProjectCount] = {}
        for number in itertools.count(1):
            path = f"{ENTITIES}?page={number}"
            reply = self._get(path, end - time.monotonic(), LONGEST_PAGE)
            entries = self._entries(reply, "results", missing=NO_PROJECTS)
            if isinstance(entries, Outcome):
                return entries
            names = [each.project for each in self._counted(entries, "name")]
            is_shown_again = bool(names) and all(name in found for name in names)
            found |= {name: ProjectCount(name) for name in names}
            if is_shown_again or not entries or not (json_object(reply) or {}).get("next"):
                break
        return list(found.values())

    def _filters(self, project: str) -> dict[str, Any]:
        if self._loses_project:
            user = {"user_id": name_of(self._terms.user)}
            return {"AND": [user, {"metadata": {PROJECT: project}}]}
        return self._scope(project)


def _status(reply: Reply) -> str:
    is_success = reply.status is not None and HTTPStatus.OK <= reply.status < _REDIRECTS
    found = (json_object(reply) or {}).get("status") if is_success else None
    return found if isinstance(found, str) else ""
