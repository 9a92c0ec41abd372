"""The dialect `platform`: Mem0's hosted service, as its published API description has it.

It may take a memory in and store it later: then its answer names an event, our ticket, to ask by.
It stores equal texts in a scope once, so a memory of unknown outcome can be sent again.

With a user the scope is that of Mem0's own plug-ins (in mem0ai/mem0, `auto_capture.py` saves and
`_search.py` reads): `user_id`, and the project as `app_id`. Older versions kept it as `agent_id`,
of facts in the metadata alone. What a filter does with an entity that it does not name is told in
two ways there: it takes any (`v2-memory-filters.mdx`), or only records without one
(`references/architecture.md`). So each way of keeping has a question of its own.
"""

import itertools
import re
import time
from http import HTTPStatus
from typing import Any, Final

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
    MOST_FOUND,
    NO_PROJECTS,
    Mem0Client,
    as_shown,
    has_text,
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
_LOOK: Final = 0.1  # seconds between two looks at what is under way
_REDIRECTS: Final = HTTPStatus.MULTIPLE_CHOICES
_STORED: Final = "SUCCEEDED"
_FAILED: Final = "FAILED"
_UNDER_WAY: Final = frozenset({"PENDING", "RUNNING"})
FORMER: Final = "1:0"  # `after` of the first page of what older versions kept in another way
_APP: Final = "app_id"
_AGENT: Final = "agent_id"
_Clause = dict[str, Any]  # a filter, or a part of one
_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class PlatformClient(Mem0Client):
    """A client that speaks `platform`; see `Client` for what every method promises."""

    KEY = ("Authorization", "Token ")
    HEALTH = KEY_QUESTION = "/v1/ping/"
    SAVE = "/v3/memories/add/"
    SEARCH = "/v3/memories/search/"
    ONE = ("/v1/memories/", "/")

    @property
    def _kinds(self) -> tuple[str, ...]:
        return ("app", "agent") if self._terms.user else ("user",)

    def _scope(self, project: str) -> dict[str, Any]:
        scope = super()._scope(project)
        return {_APP if name == _AGENT else name: value for name, value in scope.items()}

    def _body(self, memory: Memory) -> dict[str, Any]:
        body = super()._body(memory)
        if _APP in body and memory.as_agent:  # the same scope, in which it is stored once
            body[_AGENT] = body.pop(_APP)
            if self._terms.infer:
                body["metadata"][PROJECT] = memory.project
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
            return self._by_key(memory, timeout)
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

    def _by_key(self, memory: Memory, timeout: float) -> Presence | Outcome:
        """Look for what may be there in another scope, where it would not be stored once."""
        if not (self._terms.user and memory.key):
            return Presence.CANNOT_TELL
        found = self.find(memory.project, memory.key, timeout)
        if isinstance(found, Outcome) and found.status not in CANNOT_TELL:
            return no_answer(found)
        is_there = not isinstance(found, Outcome) and bool(found)
        return Presence.PRESENT if is_there else Presence.CANNOT_TELL

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
        for way in range(len(self._ways(project))):
            place = "0"
            for _ in range(0, limit + _SIZE, _SIZE):
                page = self._page(project, way, int(place), end - time.monotonic())
                if isinstance(page, Outcome):
                    return page
                found += page.memories
                place = page.after
                if not place:
                    break
        return Page(newest_first(found)[:limit])

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        end = time.monotonic() + timeout
        body, found = {"query": query, "top_k": min(limit, MOST_FOUND)}, list[ServerMemory]()
        for way, filters in enumerate(self._ways(project)):
            reply = self._post(self.SEARCH, body | {"filters": filters}, end - time.monotonic())
            entries = self._entries(reply, "results")
            if isinstance(entries, Outcome):
                return entries
            apart = _with_app(entries) if way else ()
            shown = (as_shown(each, project) for each in entries if has_text(each))
            found += (each for each in shown if each.id not in apart)
        if self._terms.user:
            found.sort(key=lambda each: each.score or 0.0, reverse=True)
        return found[:limit]

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        end = time.monotonic() + timeout
        for scope in self._scopes(project):
            found = self._with_key(project, scope, key, end - time.monotonic())
            if found:
                return found
        return []

    def _with_key(
        self, project: str, scope: list[_Clause], key: str, timeout: float
    ) -> list[ServerMemory] | Outcome:
        wanted = id_of(key)
        filters = _all_of(*scope, {"metadata": {ID: wanted}})
        reply = self._post(LISTING, {"filters": filters}, timeout, LONGEST_PAGE)
        shown = self._shown(reply, project, "results")
        if isinstance(shown, Outcome):
            return shown
        return [each for each in shown if each.key == wanted]

    def move(self, memory: ServerMemory, timeout: float) -> bool | Outcome:
        """Keep a memory as we do now, and delete the former one once the new one is seen."""
        end = time.monotonic() + timeout
        there = self.one(memory.id, timeout)
        if not isinstance(there, ServerMemory):
            return there or True  # deleted meanwhile
        # With the text that it has now: somebody may have corrected it since it was listed.
        ours = Memory(memory.project, there.text, memory.key, memory.moment or 0.0)
        reply = self._post(self.SAVE, self._body(ours) | {"infer": False}, end - time.monotonic())
        outcome = self._judged(reply, ours, (json_object(reply) or {}).get("event_id"))
        while outcome.kind is Kind.AT_WORK and time.monotonic() < end - _LOOK:
            time.sleep(_LOOK)
            reply = self._get(f"{EVENT}{outcome.ticket}/", end - time.monotonic())
            outcome = self._judged(reply, ours, outcome.ticket)
        if outcome.kind is Kind.AT_WORK:
            return False
        scope = self._scopes(ours.project)[0]
        if not (outcome.is_success or repeats(reply, ours)):
            return outcome
        found = self._with_key(ours.project, scope, ours.key, end - time.monotonic())
        if isinstance(found, Outcome) or all(each.text != ours.content for each in found):
            return found if isinstance(found, Outcome) else False
        said = self.delete(memory, end - time.monotonic())
        return said.is_success or said

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
        """Read a page of a project's memories, of one way of keeping after the other.

        `after`: the number of the way, and the place in it. No page is empty but the last.
        """
        end = time.monotonic() + timeout
        page = Page([], after or "0:0")
        while page.after and not page.memories:
            way, _, place = page.after.partition(":")
            said = self._page(project, int(way), int(place), end - time.monotonic())
            if isinstance(said, Outcome):
                return said
            following = f"{way}:{said.after}"
            if not said.after:
                is_last = int(way) + 1 == len(self._ways(project))
                following = "" if is_last else f"{int(way) + 1}:0"
            page = Page(said.memories, following, page.whole and said.whole)
        return page

    def _page(self, project: str, way: int, place: int, timeout: float) -> Page | Outcome:
        """Read a page of what was kept in one way, from the newest on.

        `place` is the number of memories before it in the server's order. No order is promised: if
        the oldest come first the list is read from its end, and `place` is minus the number of
        memories that are left.
        """
        end = time.monotonic() + timeout
        number = place // _SIZE if place >= 0 else (-place - 1) // _SIZE
        begin = number * _SIZE
        path = f"{LISTING}?page={number + 1}&page_size={_SIZE}"
        filters = self._ways(project)[way]
        reply = self._post(path, {"filters": filters}, timeout, LONGEST_PAGE)
        if place and reply.status == HTTPStatus.NOT_FOUND:  # it has fewer memories by now
            return Page([], whole=False)
        entries = self._entries(reply, "results")
        if isinstance(entries, Outcome):
            return entries
        body = json_object(reply) or {}
        shown = [as_shown(each, project) for each in entries if has_text(each)]
        count, listed = body.get("count"), len(entries)
        more = bool(body.get("next")) and bool(shown)
        begins_old = more and newest_first([shown[0], shown[-1]])[0] is not shown[0]
        if begins_old and not place and isinstance(count, int):
            return self._page(project, way, -count, end - time.monotonic())
        is_whole, following = len(shown) == listed, begin + listed if more else 0
        if place < 0:
            shown, following = shown[: -place - begin], -begin
        apart = _with_app(entries) if way else ()
        shown = [each for each in shown if each.id not in apart]
        return Page(newest_first(shown), str(following or ""), whole=is_whole)

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
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

    def _scopes(self, project: str) -> list[list[_Clause]]:
        """Return the scopes in which a memory of a project may be: as we save it, then the others.

        Without a user there is one; the last of several is that of a record without a project.
        """
        if not self._terms.user:
            return [[self._scope(project)]]
        user, name = {"user_id": name_of(self._terms.user)}, name_of(project)
        return [[user, {_APP: name}], [user, {_AGENT: name}], [user]]

    def _ways(self, project: str) -> list[_Clause]:
        """Return the filters by which a project is read: each way of keeping by its own."""
        ours, *former = self._scopes(project)
        if former and self._terms.infer:
            former = [[*former[-1], {"metadata": {PROJECT: project}}]]
        return [_all_of(*scope) for scope in (ours, *former[:1])]


def _all_of(*clauses: _Clause) -> _Clause:
    return clauses[0] if len(clauses) == 1 else {"AND": [*clauses]}


def _with_app(entries: list[Any]) -> set[str]:
    """Return the ids of entries that have an app: of the ways of keeping only the first has one."""
    return {str(each.get("id")) for each in entries if isinstance(each, dict) and each.get(_APP)}


def _status(reply: Reply) -> str:
    is_success = reply.status is not None and HTTPStatus.OK <= reply.status < _REDIRECTS
    found = (json_object(reply) or {}).get("status") if is_success else None
    return found if isinstance(found, str) else ""
