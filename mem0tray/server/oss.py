"""The dialect `oss`: the official Mem0 server. POST /memories, POST /search, GET /memories.

The server keeps our key with each memory, and can be asked for a memory by its key.
"""

import time
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from mem0tray.core.item import LONGEST_TEXT, Kind
from mem0tray.server.answers import (
    HOLDS_NUL,
    NOT_KEPT,
    STORED_NOTHING,
    health,
    json_object,
    json_value,
    no_use,
)
from mem0tray.server.http_client import (
    LONGEST_LISTING,
    LONGEST_PAGE,
    LONGEST_PATH,
    MOST_FOUND,
    NO_MEMORY,
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
from mem0tray.server.listings import ProjectListing
from mem0tray.server.model import (
    CANNOT_TELL,
    ID,
    Health,
    Memory,
    Outcome,
    Page,
    Presence,
    ProjectCount,
    Reply,
    ServerMemory,
)

# Servers from before April 2026 have no such path, but a description with this title.
DESCRIPTION: Final = "/openapi.json"
_TITLE: Final = "Mem0 REST APIs"
ENTITIES: Final = "/entities"
_LISTED: Final = 1000  # the most memories that it lists; Postgres shows any thousand of more
_COUNTED: Final = 10_000  # the most memories that it counts to list projects
_ROUND: Final = 10  # a server that does not know `top_k` lists 20 or 100: a multiple of this
# Likely bounds of a server or proxy that lists fewer than it is asked for, and does not say so:
_BOUNDS: Final = (20, 50)
_BOUND: Final = 100  # and multiples of this
_REFUSED: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_FEW: Final = 3  # questions about a project are searches; then it is listed
_QUERY: Final = 1000  # characters of a large text to search for
_SAYS_WHICH: Final = 502  # another service failed it; a code beside the status says which
_CODES: Final = {
    "provider_rate_limited": Kind.SLOW_DOWN,
    "provider_auth_failed": Kind.UNAUTHORIZED,
    "provider_bad_request": Kind.ITEM_FAILURE,
}


class OssClient(Mem0Client):
    """A client that speaks `oss`; see `Client` for what every method promises."""

    KEY = ("X-API-Key", "")  # as a bearer token the server would take it for a JWT, and refuse it
    SAVE = "/memories"
    SEARCH = "/search"
    ONE = ("/memories/", "")
    HEALTH = "/auth/setup-status"  # it asks the database
    KEY_QUESTION = "/memories?user_id=mem0tray-key-check&top_k=1"

    def _saved(self, reply: Reply, memory: Memory, timeout: float) -> Outcome:
        if repeats(reply, memory):
            return Outcome(Kind.DELIVERED, reply.status, "", None, reply.duration)
        outcome = self._outcome(reply, memory)
        if outcome.kind is not Kind.DELIVERED or self._terms.infer:
            return outcome
        if any(isinstance(each, dict) and each.get("event") == "ADD" for each in _results(reply)):
            if self._known.checks and self._is_kept(memory, timeout) is False:
                return self._lost(outcome, Kind.OUTAGE, NOT_KEPT)
            return outcome
        return self._lost(outcome, Kind.ITEM_FAILURE, STORED_NOTHING)

    def _keeps(self, memory: Memory, timeout: float) -> bool | None:
        if (memory.project, self.SEARCH) in self._known.cannot_tell:
            return None
        end = time.monotonic() + timeout
        found = self._found(memory, timeout)
        if found is not Presence.ABSENT:
            return True if found is Presence.PRESENT else None
        page = self.page(memory.project, "", end - time.monotonic())
        if isinstance(page, Outcome):
            return None
        there = any(each.key == id_of(memory.key) for each in page.memories)
        return True if there else None if not page.whole else False

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        if not memory.key or (memory.project, self.SEARCH) in self._known.cannot_tell:
            return Presence.CANNOT_TELL
        self._known.asked[memory.project] += 1
        if self._known.asked[memory.project] > _FEW:
            listed = self._listed(memory, timeout, since)
            if listed is not None:
                return listed
        return self._found(memory, timeout)

    def _found(self, memory: Memory, timeout: float) -> Presence | Outcome:
        # No blank or large text will do as a query.
        is_whole = bool(memory.content.strip()) and len(memory.content) <= LONGEST_TEXT
        key = id_of(memory.key)
        query = memory.content if is_whole else memory.content[:_QUERY].strip() or key
        reply = self._search(memory.project, key, query, timeout)
        if reply.status in CANNOT_TELL:
            self._known.cannot_tell.add((memory.project, self.SEARCH))
            return Presence.CANNOT_TELL
        is_shown = repeats(reply, memory)
        outcome = self._outcome(reply, memory)
        if not (outcome.is_success or is_shown):
            return no_answer(outcome)
        results = _results(reply)
        if is_shown or any(as_shown(each, "").key == key for each in results if has_text(each)):
            return Presence.PRESENT
        # A text too unlike the query may not be shown; a server that shows others ignores filters.
        return Presence.ABSENT if is_whole and not results else Presence.CANNOT_TELL

    def _listed(self, memory: Memory, timeout: float, since: float) -> Presence | None:
        """Look for it in a listing, which costs no question to a model; None: it does not say."""
        listing = self._known.recent(memory.project, since)
        if listing is None:
            asked = time.monotonic()
            page = self.page(memory.project, "", timeout)
            if isinstance(page, Outcome):
                return None
            listing = ProjectListing(asked, page.whole)
            listing.learn(each.key for each in page.memories if each.key)
            self._known.keep(memory.project, listing)
        if id_of(memory.key) in listing:
            return Presence.PRESENT
        return Presence.ABSENT if listing.complete else None

    def _is_cut(self, project: str, number: int, timeout: float) -> bool | Outcome:
        """Return whether it may have more than it listed (contract, section 4: read all)."""
        if number >= _LISTED or number % _ROUND or not number:
            return number >= _LISTED
        if number % _BOUND == 0 or number in _BOUNDS:
            more = self._get(self._listing_path(project, _LISTED + 1), timeout, LONGEST_LISTING)
            return more.status not in _REFUSED
        reply = self._get(self._listing_path(project, 1), timeout, LONGEST_LISTING)
        shown = self._shown(reply, project, "results")
        return shown if isinstance(shown, Outcome) else len(_results(reply)) > 1

    def read(self, project: str, limit: int, timeout: float) -> Page | Outcome:
        del limit
        return self.page(project, "", timeout)

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        del after  # there is never one
        end = time.monotonic() + timeout
        path = self._listing_path(project, _LISTED)
        if len(path) > LONGEST_PATH:
            return Page([], whole=False)
        reply = self._get(path, timeout, LONGEST_LISTING)
        shown = self._shown(reply, project, "results")
        if isinstance(shown, Outcome):
            return shown
        number = len(_results(reply))
        is_cut = self._is_cut(project, number, end - time.monotonic())
        if isinstance(is_cut, Outcome):
            return is_cut
        return Page(newest_first(shown), whole=len(shown) == number and not is_cut)

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        body = {"query": query, "filters": self._scope(project), "top_k": min(limit, MOST_FOUND)}
        return self._shown(self._post(self.SEARCH, body, timeout), project, "results")

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        wanted = id_of(key)
        reply = self._search(project, wanted, wanted, timeout)
        shown = self._shown(reply, project, "results")
        if isinstance(shown, Outcome):
            return shown
        return [each for each in shown if each.key == wanted]

    def _search(self, project: str, key: str, query: str, timeout: float) -> Reply:
        filters = self._scope(project) | {ID: key}
        body = {"query": query, "filters": filters, "threshold": 0, "top_k": 1}
        return self._post(self.SEARCH, body, timeout)

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        """List the users, or agents; where the server's count may be wrong, none is given."""
        reply = self._get(ENTITIES, timeout, LONGEST_PAGE)
        found = json_value(reply)
        if reply.status != HTTPStatus.OK or not isinstance(found, list):
            outcome = self._outcome(reply)
            is_odd = outcome.status == HTTPStatus.OK and reply.fault is None
            return replace(outcome, kind=Kind.NO_ANSWER, message=NO_PROJECTS) if is_odd else outcome
        known = self._counted(found, "id")
        is_vague = self._terms.user or sum(each.count or 0 for each in known) >= _COUNTED
        return [ProjectCount(each.project) for each in known] if is_vague else known

    def recognise(self, timeout: float, *, is_known: bool = False) -> Health:
        del is_known  # nothing hides what the same answer shows
        reply = self._health(timeout)
        is_well, is_ours = is_answered(reply), _is_official(reply)
        return replace(
            health(reply, healthy=is_well and is_ours), recognised=is_ours or not is_well
        )

    def _health(self, timeout: float) -> Reply:
        end = time.monotonic() + timeout
        reply = super()._health(timeout)
        if reply.status != HTTPStatus.NOT_FOUND:
            return reply
        description = self._get(DESCRIPTION, end - time.monotonic())
        return description if _is_official(description) else reply

    def _listing_path(self, project: str, number: int) -> str:
        names = self._scope(project) | {"top_k": number}
        return f"{self.SAVE}?{urlencode(names, errors='surrogatepass', quote_via=quote)}"

    def _is_of(self, project: str, entry: Any) -> bool:
        """Return whether an entry names no other project: without filters a server shows all."""
        return has_text(entry) and all(
            not isinstance(named := entry.get(scope), str) or named.casefold() == name.casefold()
            for scope, name in self._scope(project).items()
        )

    def _outcome(self, reply: Reply, memory: Memory = NO_MEMORY) -> Outcome:
        outcome = super()._outcome(reply, memory)
        if reply.status != _SAYS_WHICH:
            return outcome
        code = (json_object(reply) or {}).get("code")
        if code == "unknown" and holds_nul(memory):
            reason = no_use(_SAYS_WHICH, HOLDS_NUL)
            return outcome.because(reason, kind=Kind.ITEM_FAILURE, may_have_it=False)
        kind = _CODES.get(code) if isinstance(code, str) else None
        if kind is None:
            return outcome
        # The server asks the model before it stores; but of several facts some may be stored.
        return replace(outcome, kind=kind, may_have_it=self._terms.infer)


def _is_official(reply: Reply) -> bool:
    body = json_object(reply) or {}
    info = body.get("info")
    return "needsSetup" in body or (isinstance(info, dict) and info.get("title") == _TITLE)


def _results(reply: Reply) -> list[Any]:
    found = (json_object(reply) or {}).get("results")
    return found if isinstance(found, list) else []
