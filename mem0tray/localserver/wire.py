"""What requests bring, as plain values, and what answers say.

Answers are JSON in ASCII with escapes, so that a lone surrogate survives the wire. What a request
brings is bounded; what is wrong with it is an HTTPException, with a plain sentence.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mem0tray.localserver.store import Indexing, Store, StoredMemory

ANSWER_MAX: Final = 16 * 2**20  # characters of memories in one answer
LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
_DIGITS_MAX: Final = 18  # nobody means a longer number


class Api:
    """What answers a dialect's requests, a method for each; a body has `body_max` bytes at most.

    They raise HTTPException for what cannot be answered, `sqlite3.Error` when the store fails.
    """

    def __init__(self, store: Store, indexing: Indexing, body_max: int) -> None:
        self._store = store
        self._indexing = indexing
        self._body_max = body_max


async def bounded(request: Request, most: int) -> bytearray:
    """Read the body; HTTPException 413 where it has more than `most` bytes."""
    declared = request.headers.get("content-length", "0")
    body = bytearray()
    if len(declared) <= _DIGITS_MAX and int(declared) <= most:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                break
        else:
            return body
    raise HTTPException(413, f"The body is larger than {most:,} bytes.")


def document(body: bytes | bytearray) -> dict[str, Any]:
    """Read the JSON object in a body; HTTPException 400 or 422 if it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise HTTPException(422, "The body is not a JSON object.")
    return found


def field(body: dict[str, Any], name: str) -> str:
    """Read a text in the document; HTTPException 422 if it is missing."""
    value = body.get(name)
    if not isinstance(value, str):
        raise HTTPException(422, f'The field "{name}" is missing or is not text.')
    return value


def digest(fields: dict[str, Any]) -> bytes:
    """Digest these fields, whatever their order and the escapes that they came with."""
    return hashlib.sha256(
        json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")
    ).digest()


def positive(name: str, value: Any, usual: int) -> int:
    """Read a whole number, 1 or more; HTTPException 422 if it is none."""
    found = usual if value is None else number(value)
    if found < 1:
        raise HTTPException(422, f'"{name}" must be a whole number, 1 or more.')
    return found


def limit(value: Any) -> int:
    """Read how many memories are wanted, 1 to 1,000; HTTPException 422 if that is no number."""
    return min(positive("limit", value, LIMIT_DEFAULT), LIMIT_MAX)


def number(value: Any) -> int:
    """Read a whole number, or the digits of one; -1 if it is none."""
    text = str(value)
    return int(text[:_DIGITS_MAX]) if text.isascii() and text.isdecimal() else -1


def segment(request: Request, name: str) -> str:
    """Decode a part of the path; HTTPException 400 where it is not UTF-8."""
    raw: str = request.path_params[name]
    try:
        return unquote_to_bytes(raw).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise HTTPException(400, "The path is not UTF-8.") from None


async def fitting(
    pages: Iterable[list[StoredMemory]], limit: int
) -> tuple[list[StoredMemory], dict[str, bool]]:
    """Take as many of the memories as are wanted and as an answer has room for.

    With them what the answer says if it ends for want of room. Others are served after each page.
    """
    found: list[StoredMemory] = []
    size = 0
    for page in pages:
        for each in page:
            size += len(each.memory)
            if len(found) == limit:
                return found, {}
            if found and size > ANSWER_MAX:
                return found, {"truncated": True}
            found.append(each)
        await asyncio.sleep(0)
    return found, {}


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a JSON document."""
    content = json.dumps(document, separators=(",", ":")).encode("ascii")
    return Response(content, status, headers=headers, media_type="application/json")


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with an error: a plain sentence that repeats nothing of what was sent."""
    return answer({"detail": detail}, status, headers)


def iso(moment: float) -> str:
    """Format a time (Unix seconds) in ISO 8601, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")
