"""A stand-in for Mem0's hosted service: its routes, its key, its events.

It says and takes nothing but what is published (`hosted_facts.py`).
"""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.support.hosted_facts import ENTITIES as NAMES
from tests.support.hosted_facts import fault_of, is_published
from tests.support.http1 import Answer, Request
from tests.support.standin import Standin, scored

if TYPE_CHECKING:
    from collections.abc import Callable

SAVE = "/v3/memories/add/"
LISTING = "/v3/memories/"
SEARCH = "/v3/memories/search/"
EVENT = "/v1/event/"
PING = "/v1/ping/"
ENTITIES = "/v1/entities/"
ONE = "/v1/memories/"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Work:
    """What the service does with a save: how long, in seconds (0: at once), and why in vain."""

    seconds: float = 0.0
    error: str = ""


class HostedStandin(Standin):
    """The service, with the switches of any stand-in; an equal text in a scope it stores once.

    `works` says what is done with a save. `faults` are the requests that do not fit what is
    published. On two things what is published, or reported, is at odds. `is_strict`: a filter
    finds only what has none of the entities that it does not name. `drops_agents`: beside a user
    the agent is not kept, though equal texts are told apart by it.
    """

    save_path = SAVE
    health_path = PING

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.health = Answer(body={"status": "ok", "org_id": "org", "project_id": "default"})
        self.works: Callable[[Request], Work] = lambda _: Work()
        self.faults: list[str] = []
        self.is_strict = self.drops_agents = False
        self._events: dict[str, dict[str, Any]] = {}
        self._kept: list[dict[str, Any]] = []
        self._texts: set[tuple[object, ...]] = set()
        self._late: dict[str, tuple[dict[str, Any], Request, Work]] = {}

    def finish(self) -> None:
        for name in list(self._late):
            self._end_late(name)

    def forget_events(self) -> None:
        """Forget every event; what was under way goes on."""
        with self._changed:
            self._events = {}

    def keep(self, saved: dict[str, Any]) -> None:
        """Keep a memory as if this had been saved: the body of a request, with one message."""
        with self._changed:
            self._keep(saved)

    def kept(self) -> list[dict[str, Any]]:
        with self._changed:
            return list(self._kept)

    # Inside the loop ------------------------------------------------------------

    def _decide(self, request: Request, *, saving: bool) -> Answer:
        if not is_published(request.method, request.path):
            self.faults.append(f"{request.method} {request.path}")
            return Answer(404, b"<!doctype html><title>Not Found</title>")
        if not self._has_key(request) and (request.path != PING or self.health.status == 200):
            return Answer(401, _NO_KEY)
        return super()._decide(request, saving=saving)

    def _has_key(self, request: Request) -> bool:
        return not self.api_key or request.headers.get("authorization") == f"Token {self.api_key}"

    def _asks(self, request: Request) -> bool:
        return request.path.startswith(EVENT)

    def _asked(self, request: Request) -> Answer:
        query = {name: values[0] for name, values in request.query.items()}
        fault = fault_of(request.path, query, request.json)
        if fault:
            return self._bad(fault)
        if self._asks(request):
            return self._told(request.path.removeprefix(EVENT).strip("/"))
        if request.path.startswith(ONE):
            name = request.path.removeprefix(ONE).strip("/")
            return self._one(name, deletes=request.method == "DELETE")
        if request.path == ENTITIES:
            return Answer(body=self._entities(query))
        if request.path == SEARCH:
            return Answer(body=self._searched(request.json))
        return Answer(body=self._listed(request.json, query))

    def _one(self, name: str, *, deletes: bool) -> Answer:
        found = next((each for each in self._kept if each["id"] == name), None)
        if found is None:
            return Answer(404, {"error": "Memory not found!"})
        if not deletes:
            return Answer(body=found)
        self._kept.remove(found)
        self._texts.discard(_scope(found, found["memory"]))
        self._drop(found["memory"])
        return Answer(body={"message": "Memory deleted successfully!"})

    def _told(self, name: str) -> Answer:
        if self.can_be_asked and name in self._events:
            return Answer(body=dict(self._events[name]))
        if self.can_be_asked or self.not_asked_status == 404:
            said = "Event not found or you don't have permission to access it."
            return Answer(404, {"error": said})
        return Answer(self.not_asked_status).whole

    def _refused(self, request: Request) -> Answer | None:
        fault = fault_of(SAVE, {}, request.json)
        for name in NAMES:
            if any(letter.isspace() for letter in str((request.json or {}).get(name, ""))):
                fault = f"{name} holds white space"
        if fault:
            return self._bad(fault)
        if "\0" in str(request.content) + str(request.project):
            return Answer(400, {"error": "400 Bad Request", "details": {"message": "Bad text."}})
        return None

    def _bad(self, fault: str) -> Answer:
        self.faults.append(fault)
        return Answer(400, {"error": "400 Bad Request", "details": {"message": fault}})

    def _store(self, request: Request) -> object:
        name, work = str(uuid.uuid4()), self.works(request)
        event = self._events[name] = {"id": name, "status": "PENDING", "event_type": "ADD"}
        if work.seconds:
            self._late[name] = event, request, work
            asyncio.get_running_loop().call_later(work.seconds, self._end_late, name)
            return {"status": "PENDING", "event_id": name}
        results = self._end(event, request, work)
        if work.error:
            return {"status": "FAILED", "event_id": name, "message": work.error}
        message = "Memories stored successfully"
        return {"status": "SUCCEEDED", "event_id": name, "message": message, "results": results}

    def _end_late(self, name: str) -> None:
        with self._changed:
            if name in self._late:
                self._end(*self._late.pop(name))
                self._changed.notify_all()

    def _end(self, event: dict[str, Any], request: Request, work: Work) -> list[Any]:
        if work.error:
            event |= {"status": "FAILED", "error": work.error}
            return []
        event["status"] = "SUCCEEDED"
        return self._keep(request.json)

    def _keep(self, saved: dict[str, Any]) -> list[Any]:
        text = saved["messages"][0]["content"]
        if _scope(saved, text) in self._texts:
            return []
        self._texts.add(_scope(saved, text))
        moment = saved.get("timestamp", 1_800_000_000 + len(self._kept))
        kept = {"id": str(uuid.uuid4()), "memory": text, "metadata": saved["metadata"]}
        kept["created_at"] = datetime.fromtimestamp(moment, UTC).isoformat()
        # A fact of a user's text has no agent.
        lost = {"agent_id"} if saved.get("infer", True) or self.drops_agents else set()
        kept |= {name: saved[name] for name in NAMES - lost if name in saved}
        self._kept.append(kept)
        self._note(saved["metadata"].get("mem0tray_project", saved["user_id"]), text)
        return [{"id": kept["id"], "data": {"memory": text}, "event": "ADD"}]

    def _listed(self, body: dict[str, Any], query: dict[str, str]) -> object:
        found = [each for each in self._kept if self._finds(each, body["filters"])]
        found.sort(key=lambda each: each["created_at"], reverse=True)
        return self._page(LISTING, found, query)

    def _page(self, path: str, found: list[dict[str, Any]], query: dict[str, str]) -> object:
        number, size = int(query.get("page", "1")), int(query.get("page_size", _PAGE))
        there = f"{self.url}{path}?page_size={size}&page="
        return {
            "count": len(found),
            "next": f"{there}{number + 1}" if number * size < len(found) else None,
            "previous": f"{there}{number - 1}" if number > 1 else None,
            "results": found[(number - 1) * size : number * size],
        }

    def _entities(self, query: dict[str, str]) -> object:
        names = {
            (kind, each[f"{kind}_id"])
            for each in self._kept
            for kind in ("user", "agent", "app")
            if f"{kind}_id" in each
        }
        found = [
            _ENTITY | {"id": str(number), "name": name, "type": kind}
            for number, (kind, name) in enumerate(sorted(names))
        ]
        return self._page(ENTITIES, found, query)

    def _searched(self, body: dict[str, Any]) -> object:
        kept = [each for each in self._kept if self._finds(each, body["filters"])]
        found = scored(body["query"], kept)
        better = [each for each in found if each["score"] > body.get("threshold", 0.1)]
        return {"results": better[: body.get("top_k", 10)]}

    def _finds(self, kept: dict[str, Any], filters: dict[str, Any]) -> bool:
        unnamed = NAMES & kept.keys() - _named(filters) if self.is_strict else ()
        return _fits(kept, filters) and not unnamed


_MOMENT = "2026-01-01T00:00:00Z"
_ENTITY = {"created_at": _MOMENT, "updated_at": _MOMENT, "owner": "me"}
_NO_KEY = {"detail": "Invalid API key. You can find your API key on your dashboard."}


def _fits(kept: dict[str, Any], filters: dict[str, Any]) -> bool:
    for name, value in filters.items():
        if name == "AND":
            fits = all(_fits(kept, each) for each in value)
        elif name == "metadata":
            fits = all(kept["metadata"].get(key) == wanted for key, wanted in value.items())
        else:
            fits = kept.get(name) == value or (value == "*" and name in kept)
        if not fits:
            return False
    return True


def _named(filters: dict[str, Any]) -> set[str]:
    below = (_named(each) for each in filters.get("AND", []))
    return {*filters}.union(*below)


def _scope(named: dict[str, Any], text: str) -> tuple[object, ...]:
    return *(named.get(name) for name in sorted(NAMES)), text
