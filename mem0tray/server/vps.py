"""The dialect `vps`: POST /memory, GET /memory/{project}, POST /memory/search, GET /health."""

import functools
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from msgspec.structs import replace

from mem0tray.config.server_address import ServerAddress
from mem0tray.core.item import LONGEST_TEXT
from mem0tray.server.answers import health, json_object
from mem0tray.server.http_client import (
    LONGEST_LISTING,
    LONGEST_PAGE,
    LONGEST_PATH,
    NO_PROJECTS,
    HttpClient,
    as_shown,
    counted,
    has_text,
    is_answered,
    no_answer,
)
from mem0tray.server.listings import ProjectListing
from mem0tray.server.model import (
    CANNOT_TELL,
    KEY_REFUSED,
    MAX_ANSWER,
    Fault,
    Health,
    Memory,
    Outcome,
    Page,
    Presence,
    ProjectCount,
    Proof,
    Reply,
    ServerMemory,
)

LISTING: Final = "/memory/{project}"
_NAME: Final = "mem0tray"  # the `service` in the health answer of the embedded server
LIST_LIMIT: Final = 10_000
PAGE_LIMIT: Final = 1000
SEARCH_LIMIT: Final = 10
# Some servers cut a listing at a limit of their own without saying so, and mem0
# returns 100 where no limit reaches it: a round number may be incomplete.
_ROUND: Final = 100
_HIDING: Final = KEY_REFUSED | {HTTPStatus.TOO_MANY_REQUESTS}
_FAILING: Final = HTTPStatus.INTERNAL_SERVER_ERROR  # and what is above


class VpsClient(HttpClient):
    """A client that speaks `vps`; see `Client` for what every method promises."""

    KEY = ("Authorization", "Bearer ")
    HEALTH = "/health"
    SAVE = "/memory"
    SEARCH = "/memory/search"
    # A listing of a project that nobody has: it shows whether the key is wrong, and stores nothing.
    KEY_QUESTION = "/memory/mem0tray-key-check?limit=1"
    IDS = re.compile("[!-~]{1,512}")

    def __init__(self, address: ServerAddress, proof: Proof | None = None, *more: Any) -> None:
        super().__init__(address, proof, *more)
        if proof is not None:  # it is the embedded server, which speaks `oss` as well
            self.ONE = ("/memories/", "")

    def says_success(self, body: dict[str, Any]) -> bool:
        return body.get("success") is True

    def _body(self, memory: Memory) -> dict[str, Any]:
        return {"user_id": memory.project, "content": memory.content}

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        end = time.monotonic() + timeout
        project, path = memory.project, listing_path(memory.project)
        listing = ProjectListing(0.0, complete=False)
        if len(path) <= LONGEST_PATH:
            known = self._known.recent(project, since)
            found = known or self._list(memory, path, timeout)
            if not isinstance(found, ProjectListing):
                return found
            listing = found
        if memory.content in listing:
            return Presence.PRESENT
        if listing.complete:
            return Presence.ABSENT
        return self._search(memory, end - time.monotonic(), listing)

    def read(self, project: str, limit: int, timeout: float) -> Page | Outcome:
        page, asked = self._page(project, "", limit, timeout, MAX_ANSWER)
        if isinstance(page, Outcome):
            return page
        # The server cuts an answer that would be too long, or we have asked for less.
        is_cut = asked < limit or (bool(page.after) and len(page.memories) < limit)
        return Page(page.memories, whole=not is_cut)

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        reply, _ = _fitting(
            lambda most, left: self._searched(project, query, most, left), limit, timeout
        )
        return self._shown(reply, project, "results", "results")

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        """Find it where its key is its id: on the embedded server."""
        found = self.one(key, timeout)
        if isinstance(found, Outcome):
            return found
        return [found] if found is not None and found.project == project else []

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        end = time.monotonic() + timeout
        if len(listing_path(project, before=after)) > LONGEST_PATH:
            return Page([], whole=False)
        shown, _ = self._page(project, after, PAGE_LIMIT, timeout, LONGEST_PAGE)
        if isinstance(shown, Outcome) or after or shown.after or len(shown.memories) < PAGE_LIMIT:
            return shown
        # This server has no pages, but may show more at once.
        larger, _ = self._page(project, "", LIST_LIMIT, end - time.monotonic(), LONGEST_PAGE)
        return shown if isinstance(larger, Outcome) else larger

    def _page(
        self, project: str, after: str, limit: int, timeout: float, longest: int
    ) -> tuple[Page | Outcome, int]:
        """Read a page; also return how many memories were asked for at last."""

        def ask(most: int, left: float) -> Reply:
            bound = LONGEST_LISTING if most == 1 else longest
            return self._get(listing_path(project, most, after), left, bound)

        reply, asked = _fitting(ask, limit, timeout)
        entries = self._entries(reply, "memories", "results")
        if isinstance(entries, Outcome):
            return entries, asked
        body = json_object(reply) or {}
        shown = [as_shown(each, project) for each in entries if has_text(each)]
        is_full = len(entries) >= asked or body.get("truncated") is True
        if body.get("paged") is True:
            last = shown[-1].id if shown and is_full else ""
            return Page(shown, last, whole=bool(last) or not is_full), asked
        if after:  # another server is there by now, and begins anew
            return Page([], whole=False), asked
        is_doubtful = len(entries) % _ROUND == 0 < len(entries) or len(shown) < len(entries)
        return Page(shown, whole=not (is_full or is_doubtful)), asked

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        reply = self._get(self.SAVE, timeout, LONGEST_PAGE)
        entries = self._entries(reply, "projects", missing=NO_PROJECTS)
        return entries if isinstance(entries, Outcome) else counted(entries, "user_id", "count")

    def recognise(self, timeout: float, *, is_known: bool = False) -> Health:
        end = time.monotonic() + timeout
        reply = self._get(self.HEALTH, timeout)
        if not is_answered(reply) or (json_object(reply) or {}).get("service") == _NAME:
            return health(reply, healthy=is_answered(reply))
        listing = self._get(self.KEY_QUESTION, end - time.monotonic())
        status = listing.status or 0
        is_hidden = listing.fault is not None or status in _HIDING or status >= _FAILING
        if is_known and is_hidden:
            return health(reply, healthy=True)
        entries = self._entries(listing, "memories", "results")
        shows = (
            isinstance(entries, list)
            and isinstance((json_object(listing) or {}).get("memories"), dict)
            and all(has_text(each) for each in entries)
        )
        return replace(health(listing, healthy=shows), recognised=shows or is_hidden)

    def _list(
        self, memory: Memory, path: str, timeout: float
    ) -> ProjectListing | Presence | Outcome:
        if (memory.project, LISTING) in self._known.cannot_tell:
            return Presence.CANNOT_TELL
        listing = ProjectListing(time.monotonic(), complete=False)
        reply = self._get(path, timeout)
        # One too long is remembered too: fetched again, the listing would be cut as before.
        if reply.fault is not Fault.TOO_LONG or reply.status != HTTPStatus.OK:
            found = self._answer(reply, memory, "memories", LISTING)
            if not isinstance(found, list):
                return found
            texts = [each["memory"] for each in found if has_text(each)]
            count = len(found)
            listing.complete = len(texts) == count < LIST_LIMIT and (
                count % _ROUND != 0 or not count
            )
            listing.learn(texts)
        self._known.keep(memory.project, listing)
        return listing

    def _search(
        self, memory: Memory, timeout: float, listing: ProjectListing
    ) -> Presence | Outcome:
        """Look among the most similar texts; not finding it proves nothing."""
        too_long = len(memory.content) > LONGEST_TEXT
        if too_long or (memory.project, self.SEARCH) in self._known.cannot_tell:
            return Presence.CANNOT_TELL
        reply = self._searched(memory.project, memory.content, SEARCH_LIMIT, timeout)
        found = self._answer(reply, memory, "results", self.SEARCH)
        if not isinstance(found, list):
            return found
        listing.learn(each["memory"] for each in found if has_text(each))
        return Presence.PRESENT if memory.content in listing else Presence.CANNOT_TELL

    def _answer(
        self, reply: Reply, memory: Memory, name: str, question: str
    ) -> list[Any] | Presence | Outcome:
        """Read the entries of a listing or search; a server without this route cannot tell."""
        if reply.status in CANNOT_TELL:
            self._known.cannot_tell.add((memory.project, question))
            return Presence.CANNOT_TELL
        found = self._entries(reply, name, "results", about=memory)
        return found if isinstance(found, list) else no_answer(found)

    def _searched(self, project: str, query: str, limit: int, timeout: float) -> Reply:
        body = {"user_id": project, "query": query, "limit": limit}
        return self._post(self.SEARCH, body, timeout)


def _fitting(ask: Callable[[int, float], Reply], limit: int, timeout: float) -> tuple[Reply, int]:
    """Ask for up to `limit` memories, fewer if the answer is too long; return that number too."""
    end = time.monotonic() + timeout
    reply = ask(limit, timeout)
    while reply.fault is Fault.TOO_LONG and limit > 1:
        limit //= 2
        reply = ask(limit, end - time.monotonic())
    return reply, limit


@functools.lru_cache(maxsize=64)  # a first start needs it for each memory
def listing_path(project: str, limit: int = LIST_LIMIT, before: str = "") -> str:
    """Make the path of a project's newest memories, or of the newest before one of them.

    No id of a memory can make it lead anywhere else.
    """
    encoded = quote(project.encode("utf-8", "surrogatepass"), safe="")
    if encoded.strip(".") == "":
        # Dots alone would still be taken for a step within the path.
        encoded = encoded.replace(".", "%2E")
    behind = f"&before={quote(before, safe='')}" if before else ""
    return f"/memory/{encoded}?limit={limit}{behind}"
