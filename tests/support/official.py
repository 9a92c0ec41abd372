"""A stand-in for the official Mem0 server: its routes, its key, its errors.

What it stores in is Mem0's own library where that is installed (`official_library.py`), or a
list that answers in the same shapes.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Protocol

from tests.support.http1 import Answer, Request
from tests.support.shapes import Json
from tests.support.standin import Standin, scored

SAVE: Final = "/memories"
SEARCH: Final = "/search"
HEALTH: Final = "/auth/setup-status"
# As the server calls what kept it from storing, by the names of exceptions; of one that it does
# not know, by that of what lies behind it.
_CODES: Final = {
    "AuthenticationError": "provider_auth_failed",
    "RateLimitError": "provider_rate_limited",
    "APITimeoutError": "provider_timeout",
    "BadRequestError": "provider_bad_request",
    "OperationalError": "datastore_unavailable",
}


def failure(error: Exception, *, blames_client: bool = True) -> Answer:
    """The answer where Mem0's library raised this.

    To save and to search, what it finds invalid is the client's fault; to list, it is not.
    """
    is_invalid = isinstance(error, ValueError) or type(error).__name__ == "ValidationError"
    if blames_client and is_invalid:
        missing = isinstance(error, ValueError) and "not found" in str(error).lower()
        return Answer(404 if missing else 400, {"detail": str(error)})
    known = (_CODES[name] for name in _names(error) if name in _CODES)
    return Answer(502, _upstream(next(known, "unknown")))


def _upstream(code: str) -> dict[str, str]:
    return {"detail": "Upstream provider error.", "code": code, "request_id": ""}


def _invalid(found: object, *where: str | int) -> dict[str, Any]:
    what = {"type": "string_type", "loc": ["body", *where], "msg": "Input should be a valid string"}
    return {"detail": [what | {"input": repr(found)}]}


def _names(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield type(error).__name__
        error = error.__cause__ or error.__context__


class Store(Protocol):
    """What the server keeps memories in, with the calls of `mem0.Memory`."""

    def add(self, messages: Any, **more: Any) -> dict[str, Any]:
        """Store them; `{"results": [{"id", "memory", "event"}]}`."""
        ...

    def search(self, query: str, *, filters: dict[str, Any], **more: Any) -> dict[str, Any]: ...

    def get_all(self, *, filters: dict[str, Any], **more: Any) -> dict[str, Any]: ...

    def get(self, memory_id: str) -> dict[str, Any] | None: ...

    def delete(self, memory_id: str) -> Any: ...


class SimpleStore:
    """Memories in a list. `fails`: what asking the model raises, until that is mended."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self._kept: list[dict[str, Any]] = []

    def add(self, messages: Any, *, infer: bool = True, **more: Any) -> dict[str, Any]:
        """Store the text of each message, or as `infer` no more than what ends with a full stop."""
        self._fail()
        metadata = more.pop("metadata", None) or {}
        results = []
        for message in messages:
            text = message["content"]
            _check_names(more)
            if infer and not text.endswith("."):
                continue
            created = f"2026-01-01T00:00:00.{len(self._kept):06d}+00:00"
            entry = {"id": str(uuid.uuid4()), "memory": text, "metadata": metadata, **more}
            self._kept.append(entry | {"created_at": created})
            results.append({"id": entry["id"], "memory": text, "event": "ADD", "role": "user"})
        return {"results": results}

    def search(self, query: str, *, filters: dict[str, Any], **more: Any) -> dict[str, Any]:
        self._fail()
        if not query.strip():
            raise ValueError("Invalid query: cannot be empty or whitespace-only.")
        found = scored(query, self._fitting(filters))
        enough = [each for each in found if each["score"] >= more.get("threshold", 0.1)]
        return {"results": enough[: more.get("top_k", 20)]}

    def get_all(self, *, filters: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"results": self._fitting(filters)[: more.get("top_k", 20)]}

    def get(self, memory_id: str) -> dict[str, Any] | None:
        return next((each for each in self._kept if each["id"] == memory_id), None)

    def delete(self, memory_id: str) -> None:
        if self.get(memory_id) is None:
            raise ValueError(f"Memory with id {memory_id} not found")
        self._kept = [each for each in self._kept if each["id"] != memory_id]

    def _fitting(self, filters: dict[str, Any]) -> list[dict[str, Any]]:
        _check_names(filters)
        return [
            each
            for each in self._kept
            if all((each["metadata"] | each).get(name) == value for name, value in filters.items())
        ]

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails


class OfficialStandin(Standin):
    """The server, with the switches of any stand-in; it does not honour keys."""

    save_path = SAVE
    health_path = HEALTH

    def __init__(self, store: Store, **more: Any) -> None:
        super().__init__(**more)
        self.store = store
        self.health = Answer(body={"needsSetup": False})

    def kept(self) -> list[str]:
        texts = []
        for scope in {json.dumps(_scope(save.json)) for save in self.saves}:
            found = self.store.get_all(filters=json.loads(scope), top_k=10_000)
            texts += [entry["memory"] for entry in found["results"]]
        return sorted(texts)

    def _has_key(self, request: Request) -> bool:
        return "authorization" not in request.headers and (
            request.headers.get("x-api-key") == self.api_key
        )

    def _asks(self, request: Request) -> bool:
        return (request.method, request.path) == ("POST", SEARCH)

    def _decide(self, request: Request, *, saving: bool) -> Answer:
        answer = self._decided(request, saving=saving)
        name = uuid.uuid4().hex[:8]
        if isinstance(answer.body, dict) and "request_id" in answer.body:
            answer.body["request_id"] = name
        return replace(answer, headers=answer.headers | {"X-Request-ID": name})

    def _decided(self, request: Request, *, saving: bool) -> Answer:
        if not (request.path.startswith(SAVE) or request.path in (SEARCH, HEALTH)):
            return _NOT_FOUND  # nobody wants a key for what is not there
        return super()._decide(request, saving=saving)

    def _asked(self, request: Request) -> Answer:
        if self._asks(request) and self.can_be_asked:
            asked = dict(request.json)
            query = asked.pop("query")
            if not isinstance(query, str):
                return Answer(422, _invalid(query, "query"))
            return self._called("search", query, **asked)
        if (request.method, request.path) == ("GET", SAVE):
            asked = {name: value[0] for name, value in request.query.items()}
            number = int(asked.pop("top_k", "20"))
            return self._called("get_all", filters=asked, top_k=number)
        name = request.path.removeprefix(f"{SAVE}/")
        if name != request.path and request.method in ("GET", "DELETE"):
            return self._one(name, deletes=request.method == "DELETE")
        return Answer(self.not_asked_status, {"detail": "Not Found"})

    def _one(self, name: str, *, deletes: bool) -> Answer:
        found = self.store.get(name)
        if not deletes:
            return Answer(body=found)
        answer = self._called("delete", name)
        if answer.status != 200 or found is None:
            return answer
        self._drop(found["memory"])
        return Answer(body={"message": "Memory deleted successfully"})

    def _refused(self, request: Request) -> Answer | None:
        try:
            request.body.decode()
            json.dumps(request.json, ensure_ascii=False).encode()
        except UnicodeError:  # half a character, which it has no place for
            return Answer(422, _invalid(request.content, "messages", 0, "content"))
        if not isinstance(request.content, str):
            return Answer(422, _invalid(request.content, "messages", 0, "content"))
        if "\0" in request.content + str(request.project):  # Postgres has no place for it
            return Answer(502, _upstream("unknown"))
        try:
            _check_names(_scope(request.json))
        except ValueError as error:
            return failure(error)
        return None

    def _save(self, request: Request) -> Answer:
        try:
            return super()._save(request)
        except Exception as error:  # noqa: BLE001  (as the server does)
            return failure(error)

    def _store(self, request: Request) -> object:
        wanted = dict(request.json)
        added: object = self.store.add(wanted.pop("messages"), **wanted)
        self._note(request.project, request.content)
        return added

    def _called(self, name: str, *given: Any, **more: Any) -> Answer:
        try:
            return Answer(body=getattr(self.store, name)(*given, **more))
        except Exception as error:  # noqa: BLE001  (as the server does)
            return failure(error, blames_client=name != "get_all")


_NOT_FOUND: Final = Answer(404, {"detail": "Not Found"})


def _scope(saved: Json) -> dict[str, str]:
    return {name: saved[name] for name in ("user_id", "agent_id") if name in saved}


def _check_names(names: dict[str, Any]) -> None:
    for name in ("user_id", "agent_id"):
        if any(letter.isspace() for letter in names.get(name, "")):
            raise ValueError(f"Invalid {name}: cannot contain whitespace.")
