"""What an official Mem0 server has on the wire: its paths, and how it tells what went wrong."""

from collections.abc import Iterator
from typing import Any, Final

SAVE: Final = "/memories"
SEARCH: Final = "/search"
HEALTH: Final = "/auth/setup-status"
DESCRIPTION: Final = "/openapi.json"
TITLE: Final = "Mem0 REST APIs"  # in the description
PROJECTS: Final = "/entities"
MOST_LISTED: Final = 1000
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


def failure(
    error: Exception, request_id: str = "", *, blames_client: bool = True
) -> tuple[int, dict[str, str]]:
    """Status and body of the answer where Mem0's library raised this.

    To save and to search, what it finds invalid is the client's fault; to list, it is not.
    """
    is_invalid = isinstance(error, ValueError) or type(error).__name__ == "ValidationError"
    if blames_client and is_invalid:
        missing = isinstance(error, ValueError) and "not found" in str(error).lower()
        return 404 if missing else 400, {"detail": str(error)}
    return 502, upstream(_code(error), request_id)


def upstream(code: str, request_id: str = "") -> dict[str, str]:
    """What it says of what is not its own fault."""
    return {"detail": "Upstream provider error.", "code": code, "request_id": request_id}


def invalid(found: object, *where: str | int) -> dict[str, Any]:
    """What FastAPI says of a body that does not fit, which repeats it."""
    what = {"type": "string_type", "loc": ["body", *where], "msg": "Input should be a valid string"}
    return {"detail": [what | {"input": repr(found)}]}


def _code(error: Exception) -> str:
    return next((_CODES[name] for name in _names(error) if name in _CODES), _UNKNOWN)


def _names(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield type(error).__name__
        error = error.__cause__ or error.__context__
