"""What requests bring, as plain values, and what answers say: JSON in ASCII with escapes.

What is wrong with a request is an HTTPException, with a plain sentence.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

# Bytes of one request. SQLite would take twice as much, but such a memory is a mistake.
BODY_MAX = 512 * 2**20
LIMIT_MAX: Final = 1000
Shape = TypeVar("Shape", bound=msgspec.Struct)


async def document(request: Request) -> Any:
    """Read the JSON in the body; HTTPException 413 where it is too large, 400 if it is none."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            raise HTTPException(413, f"The body is larger than {BODY_MAX:,} bytes.")
    try:  # by Python's parser: msgspec's own refuses lone surrogates
        return json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "The body is not JSON.") from None


def shaped(document: Any, shape: type[Shape], *, strict: bool = True) -> Shape:
    """Convert a document; HTTPException 422, which repeats nothing of it, if it does not fit."""
    if isinstance(document, dict):  # other names are ignored, half characters in them too
        document = {name: document[name] for name in shape.__struct_fields__ if name in document}
    try:
        return msgspec.convert(document, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise HTTPException(422, f"{error}.") from None
    except UnicodeEncodeError:  # msgspec's, of a text where none belongs
        raise HTTPException(422, "The body holds half a character where none can be.") from None


def key(request: Request) -> str:
    """Read the Idempotency-Key: bytes in UTF-8; others survive as `surrogateescape` makes them."""
    given = request.headers.get("idempotency-key", "")
    return given.encode("latin-1").decode("utf-8", "surrogateescape")


def digest(fields: Mapping[str, Any]) -> bytes:
    """Digest these fields, whatever their order and the escapes that they came with."""
    document = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(document.encode("ascii")).digest()


def segment(request: Request, name: str) -> str:
    """Decode a part of the path; HTTPException 400 where it is not UTF-8."""
    raw: str = request.path_params[name]
    try:
        return unquote_to_bytes(raw).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise HTTPException(400, "The path is not UTF-8.") from None


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a JSON document."""
    content = json.dumps(document, separators=(",", ":")).encode("ascii")
    return Response(content, status, headers=headers, media_type="application/json")


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with an error: a plain sentence that repeats nothing of what was sent."""
    return answer({"detail": detail}, status, headers)
