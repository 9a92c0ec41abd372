"""A stand-in for the official Mem0 server: its routes, its key, its errors.

What it stores in is Mem0's own library where that is installed (`official_library.py`), or a
list that answers in the same shapes.
"""

import json
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, Protocol

from tests.support.http1 import Answer, Request
from tests.support.shapes import Json
from tests.support.standin import Standin

SAVE: Final = "/memories"
SEARCH: Final = "/search"
HEALTH: Final = "/auth/setup-status"
DESCRIPTION: Final = "/openapi.json"
TITLE: Final = "Mem0 REST APIs"  # in the description
# As the server calls what kept it from storing, by the names of exceptions; of one that it does
# not know, by that of what lies behind it.
_CODES: Final = {
    "AuthenticationError": "provider_auth_failed",
    "PermissionDeniedError": "provider_auth_failed",
    "RateLimitError": "provider_rate_limited",
    "APITimeoutError": "provider_timeout",
    "APIConnectionError": "provider_unavailable",
    "InternalServerError": "provider_unavailable",
    "BadRequestError": "provider_bad_request",
    "UnprocessableEntityError": "provider_bad_request",
    "OperationalError": "datastore_unavailable",
    "UnexpectedResponse": "vector_store_unavailable",
    "ResponseHandlingException": "vector_store_unavailable",
}
_UNKNOWN: Final = "unknown"


def failure(error: Exception, *, blames_client: bool = True) -> tuple[int, dict[str, str]]:
    """Status and body of the answer where Mem0's library raised this.

    To save and to search, what it finds invalid is the client's fault; to list, it is not.
    """
    is_invalid = isinstance(error, ValueError) or type(error).__name__ == "ValidationError"
    if blames_client and is_invalid:
        missing = isinstance(error, ValueError) and "not found" in str(error).lower()
        return 404 if missing else 400, {"detail": str(error)}
    return 502, upstream(_code(error))


def upstream(code: str) -> dict[str, str]:
    return {"detail": "Upstream provider error.", "code": code, "request_id": ""}


def invalid(found: object, *where: str | int) -> dict[str, Any]:
    what = {"type": "string_type", "loc": ["body", *where], "msg": "Input should be a valid string"}
    return {"detail": [what | {"input": repr(found)}]}


def _code(error: Exception) -> str:
    return next((_CODES[name] for name in _names(error) if name in _CODES), _UNKNOWN)


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
        words = set(query.split())
        found = []
        for entry in self._fitting(filters):
            score = len(words & set(entry["memory"].split())) / len(words)
            if score >= more.get("threshold", 0.1):
                found.append(entry | {"score": score})
        found.sort(key=lambda each: -each["score"])
        return {"results": found[: more.get("top_k", 20)]}

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
    """The server, with the switches of any stand-in; it does not honour keys.

    `is_old`: it is one from before April 2026, without the health path. `health_paths`: those
    that are answered with its health.
    """

    save_path = SAVE
    health_path = HEALTH

    def __init__(self, store: Store, **more: Any) -> None:
        super().__init__(**more)
        self.store = store
        self.is_old = False
        self.health_paths: tuple[str, ...] = (HEALTH,)
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

    def _decide(self, request: Request, *, saving: bool) -> tuple[Answer, object]:
        if self.is_old and request.path in (HEALTH, DESCRIPTION):
            is_there = request.path == DESCRIPTION
            answer: Answer = Answer(200 if is_there else 404)
            body: object = {"info": {"title": TITLE}} if is_there else {"detail": "Not Found"}
        elif request.path in self.health_paths:
            answer, body = self.health, self.health.body
        elif (
            not request.path.startswith(SAVE) and request.path != SEARCH
        ):  # nobody wants a key for what is not there
            answer = Answer(404)
            body = {"detail": "Not Found"}
        else:
            answer, body = super()._decide(request, saving=saving)
        name = uuid.uuid4().hex[:8]
        if isinstance(body, dict) and "request_id" in body:
            body["request_id"] = name
        return _with_header(answer, name), body

    def _asked(self, request: Request) -> tuple[Answer, object]:
        if self._asks(request) and self.can_be_asked:
            if not isinstance(request.json["query"], str):
                return Answer(422), invalid(request.json["query"], "query")
            more = {
                name: request.json[name] for name in ("threshold", "top_k") if name in request.json
            }
            return self._called(
                "search", request.json["query"], filters=request.json["filters"], **more
            )
        if (request.method, request.path) == ("GET", SAVE):
            asked = {name: value[0] for name, value in request.query.items()}
            number = int(asked.pop("top_k", "20"))
            return self._called("get_all", filters=asked, top_k=number)
        name = request.path.removeprefix(f"{SAVE}/")
        if name != request.path and request.method in ("GET", "DELETE"):
            return self._one(name, deletes=request.method == "DELETE")
        return Answer(self.not_asked_status, headers=self.not_asked_headers), {
            "detail": "Not Found"
        }

    def _one(self, name: str, *, deletes: bool) -> tuple[Answer, object]:
        found = self.store.get(name)
        if not deletes:
            return Answer(), found
        answer, body = self._called("delete", name)
        if answer.status == HTTPStatus.OK and found is not None:
            self._drop(found["memory"])
            body = {"message": "Memory deleted successfully"}
        return answer, body

    def _refused(self, request: Request) -> Answer | None:
        try:
            request.body.decode()
            json.dumps(request.json, ensure_ascii=False).encode()
        except UnicodeError:  # half a character, which it has no place for
            return Answer(422, invalid(request.content, "messages", 0, "content"))
        if not isinstance(request.content, str):
            return Answer(422, invalid(request.content, "messages", 0, "content"))
        if "\0" in request.content + str(request.project):  # Postgres has no place for it
            return Answer(502, upstream("unknown"))
        names = [request.json[name] for name in ("user_id", "agent_id") if name in request.json]
        if any(letter.isspace() for name in names for letter in name):
            return Answer(400, {"detail": "Invalid user_id: cannot contain whitespace."})
        return None

    def _save(self, request: Request) -> tuple[Answer, object]:
        try:
            return super()._save(request)
        except Exception as error:  # noqa: BLE001  (as the server does)
            return _as_answered(error)

    def _store(self, request: Request) -> object:
        wanted = dict(request.json)
        return self.store.add(wanted.pop("messages"), **wanted)

    def _called(self, name: str, *given: Any, **more: Any) -> tuple[Answer, object]:
        try:
            return Answer(), getattr(self.store, name)(*given, **more)
        except Exception as error:  # noqa: BLE001  (as the server does)
            return _as_answered(error, blames_client=name != "get_all")


def _scope(saved: Json) -> dict[str, str]:
    return {name: saved[name] for name in ("user_id", "agent_id") if name in saved}


def _check_names(names: dict[str, Any]) -> None:
    for name in ("user_id", "agent_id"):
        if any(letter.isspace() for letter in names.get(name, "")):
            raise ValueError(f"Invalid {name}: cannot contain whitespace.")


def _with_header(answer: Answer, name: str) -> Answer:
    if answer.raw is None:
        answer = Answer(
            **{
                **{field: getattr(answer, field) for field in Answer.__dataclass_fields__},
                "headers": answer.headers | {"X-Request-ID": name},
            }
        )
    return answer


def _as_answered(error: Exception, *, blames_client: bool = True) -> tuple[Answer, object]:
    status, body = failure(error, blames_client=blames_client)
    return Answer(status), body
