"""Memories as JSON lines, as `export` writes and `add --jsonl` takes them. Pure.

One object a line: `project_id` and `content`, and where they are known `id` and `timestamp` (Unix
seconds). Readers ignore other names.
"""

import json
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from mem0tray.core import item as items
from mem0tray.core.text import harmless_json

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LONGEST_LINE: Final = 16_000_000  # bytes: the longest text has up to six bytes of JSON for each
_LATEST: Final = 253_402_300_799  # of years that a date can be made of


class MemoryLine(NamedTuple):
    """What a line says. `timestamp`: Unix seconds, None where it says none."""

    project: str
    content: str
    id: str
    timestamp: float | None


class BadLineError(Exception):
    """The line is no memory; its text says why, as the end of a sentence that begins with it."""


def read(line: bytes, project: str = "") -> MemoryLine:
    """Return the memory of a line; `project` is that of lines that name none.

    A line without an id gets one that is the same at each reading, so that it is queued once.
    Raises BadLineError.
    """
    if len(line) > LONGEST_LINE:
        raise BadLineError(f"is too long: {LONGEST_LINE:,} bytes at most")
    found = _object(line)
    named = found.get("project_id")
    owner = _text(project if named is None else named, "project_id")
    if len(owner) > items.LONGEST_PROJECT:
        most = f"{items.LONGEST_PROJECT} characters at most"
        raise BadLineError(f'has as "project_id" a name that is too long: {most}')
    content = found.get("content")
    if not isinstance(content, str) or not content:
        raise BadLineError('has no text as "content"')
    if items.is_too_long(content):
        raise BadLineError(f'has as "content" a text that is too long: {items.TEXT_AT_MOST}')
    timestamp = _time(found.get("timestamp"))
    name = found.get("id")
    if name is None:
        name = items.stable_id(None, owner, content, timestamp or 0)
    return MemoryLine(owner, content, _text(name, "id"), timestamp)


def write(line: MemoryLine) -> bytes:
    """Make the line of a memory, with its end: UTF-8, with escapes for what a terminal obeys."""
    document: dict[str, Any] = {
        "id": line.id,
        "project_id": line.project,
        "content": line.content,
        "timestamp": line.timestamp,
    }
    if line.timestamp is None:
        del document["timestamp"]
    return harmless_json(json.dumps(document, ensure_ascii=False)).encode() + b"\n"


def ids_of_key(key: str, digest: bytes) -> list[str]:
    """List the ids that may have this idempotency key; the first is the key itself.

    `export` knows a memory by its key alone, which for a further content has a hash behind the
    id, and has letters other than ASCII percent-encoded.
    """
    shown = [key]
    if "%" in key:
        shown.append(unquote(key, errors="surrogatepass"))
    end = f"-{digest.hex()[:8]}"
    return [*shown, *(each.removesuffix(end) for each in shown if each.endswith(end))]


def _object(line: bytes) -> dict[str, Any]:
    try:
        # Half a character, which some programs write in three bytes, is let through.
        found = json.loads(line.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1:,} is 0x{line[error.start]:02x}"
        raise BadLineError(f"is not UTF-8: {place}") from error
    except json.JSONDecodeError as error:
        raise BadLineError(f"is not JSON: {error.msg}, at character {error.pos + 1:,}") from error
    except (RecursionError, ValueError) as error:  # more levels or digits than Python reads
        raise BadLineError("holds too many levels, or too long a number") from error
    if not isinstance(found, dict):
        raise BadLineError("is no JSON object")
    return found


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadLineError(f'has no text as "{name}"')
    return value


def _time(value: Any) -> float | None:
    """Check a timestamp; a whole number stays one, as producers write it."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _LATEST:
        raise BadLineError('has a "timestamp" that is no time in Unix seconds')
    return float(value) if isinstance(value, float) else int(value)
