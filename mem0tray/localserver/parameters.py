"""What requests say besides their bodies: numbers, and names in a path."""

from typing import Any, Final
from urllib.parse import unquote_to_bytes

from starlette.exceptions import HTTPException
from starlette.requests import Request

from mem0tray.localserver.store import ID_MAX

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000
_DIGITS_MAX: Final = 18  # nobody means a longer number


def limit(value: Any) -> int:
    """How many memories are wanted, 1 to 1,000; HTTPException 422 if that is no number."""
    found = number(value)
    if found < 1:
        raise HTTPException(422, '"limit" must be a whole number, 1 or more.')
    return min(found, LIMIT_MAX)


def before(value: str | None) -> int:
    """The id below which memories are wanted; HTTPException 422 if it is none."""
    found = ID_MAX if value is None else number(value)
    if found < 1:
        raise HTTPException(422, '"before" must be the id of a memory, as a listing gives it.')
    return found


def number(value: Any) -> int:
    """The whole number that this is, or that its digits say; -1 if it is none."""
    text = str(value)
    return int(text[:_DIGITS_MAX]) if text.isascii() and text.isdecimal() else -1


def segment(request: Request, name: str) -> str:
    """A part of the path, decoded; HTTPException 400 where it is not UTF-8."""
    raw: str = request.path_params[name]
    try:
        return unquote_to_bytes(raw).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise HTTPException(400, "The path is not UTF-8.") from None
