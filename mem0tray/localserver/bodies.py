"""Bodies of requests: bounded, and taken apart."""

import hashlib
import json
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

_DIGITS_MAX: Final = 18  # nobody means a longer size


async def bounded(request: Request, most: int) -> bytearray:
    """The body; HTTPException 413 where it has more than `most` bytes."""
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
    """The JSON object in a body; HTTPException 400 or 422 if it is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise HTTPException(422, "The body is not a JSON object.")
    return found


def field(body: dict[str, Any], name: str) -> str:
    """A text in the document; HTTPException 422 if it is missing."""
    value = body.get(name)
    if not isinstance(value, str):
        raise HTTPException(422, f'The field "{name}" is missing or is not text.')
    return value


def digest(fields: dict[str, Any]) -> bytes:
    """A digest of these fields, whatever their order and the escapes that they came with."""
    return hashlib.sha256(
        json.dumps(fields, sort_keys=True, separators=(",", ":")).encode("ascii")
    ).digest()
