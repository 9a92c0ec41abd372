"""Bodies of requests: bounded, taken apart, and with no large text twice in memory.

A small body is read as a whole, which is faster.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from mem0tray.core.large import LARGE, LargeText, check_utf8

_DIGITS_MAX: Final = 18  # nobody means a longer size
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(slots=True)
class Save:
    """A memory to be stored: `text` in UTF-8, surrogates let through.

    `digest` stands for the whole body, whatever its order of fields and its escapes.
    """

    project: str
    text: bytes | bytearray
    digest: bytes


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


async def memory(body: bytearray) -> Save:
    """The memory that a body of `vps` asks to save."""
    large = large_member(body, "content", '"')
    if large is not None:
        fields, content = large
        return Save(field(fields, "user_id"), *await text_and_digest(fields, content))
    fields = document(body)
    project, text = field(fields, "user_id"), field(fields, "content")
    return Save(project, *await text_and_digest(fields, text))


def large_member(
    body: bytes | bytearray, name: str, begin: str
) -> tuple[dict[str, Any], msgspec.Raw] | None:
    """The other members of a JSON object, and the large one of this name, unparsed.

    None where the body is small, odd, or large elsewhere, or the member begins otherwise.
    """
    if len(body) < LARGE:
        return None
    try:
        members = _MEMBERS.decode(body)
        check_utf8(body)
        large = members.pop(name, msgspec.Raw(b"null"))
        if len(large) < LARGE or memoryview(large)[0] != ord(begin):
            return None
        return {each: json.loads(bytes(value)) for each, value in members.items()}, large
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


async def text_and_digest(
    fields: dict[str, Any], content: str | msgspec.Raw
) -> tuple[bytes | bytearray, bytes]:
    """A memory's text, and a digest of it together with its request's other fields.

    `content` is the text; or, if large, its JSON, which is read piece by piece.
    """
    if isinstance(content, str):
        whole = _canonical(fields | {"content": content}).encode("ascii")
        return content.encode("utf-8", "surrogatepass"), hashlib.sha256(whole).digest()
    text = bytearray()
    digest = hashlib.sha256()
    for place, name in enumerate(sorted([*fields, "content"])):
        digest.update(f"{',' if place else '{'}{json.dumps(name)}:".encode("ascii"))
        if name != "content":
            digest.update(_canonical(fields[name]).encode("ascii"))
            continue
        digest.update(b'"')
        for piece in LargeText(content).pieces():
            digest.update(json.dumps(piece)[1:-1].encode("ascii"))
            text += piece.encode("utf-8", "surrogatepass")
            await asyncio.sleep(0)  # serve others in between
        digest.update(b'"')
    digest.update(b"}")
    return text, digest.digest()
