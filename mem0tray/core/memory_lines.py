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
_KINDS: Final = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}


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
    if named is None and project:
        named = project
    if named is None:
        raise BadLineError('names no project: it has no "project_id"')
    owner, content = _text(named, "project_id"), found.get("content")
    if len(owner) > items.LONGEST_PROJECT:
        most = f"{items.LONGEST_PROJECT} characters at most"
        raise BadLineError(f'has as "project_id" a name that is too long: {most}')
    if content is None:
        raise BadLineError('has no "content"')
    if not isinstance(content, str):
        raise BadLineError(f'has as "content" {_kind(content)}, not a text')
    if not content:
        raise BadLineError('has an empty "content"')
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
    except RecursionError as error:
        raise BadLineError("is nested too deeply") from error
    except ValueError as error:  # more digits than Python reads
        raise BadLineError("holds a number that is too long") from error
    if not isinstance(found, dict):
        raise BadLineError(f"is not a JSON object but {_kind(found)}")
    return found


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise BadLineError(f'has as "{name}" {_kind(value)}, not a text')
    if not value.strip():
        raise BadLineError(f'has an empty "{name}"')
    return value


def _time(value: Any) -> float | None:
    """Check a timestamp; a whole number stays one, as producers write it."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadLineError(f'has as "timestamp" {_kind(value)}, not a number')
    if not 0 <= value <= _LATEST:
        raise BadLineError('has a "timestamp" that is no time in Unix seconds')
    return value


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return _KINDS.get(type(value), "a number")
