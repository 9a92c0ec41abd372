"""JSON taken apart and laid out as text, where the fast parser refuses: values stay as they are."""

import json
import re
from collections.abc import Mapping
from json import JSONDecodeError
from typing import Final, NamedTuple

_VALUES: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\n\r]*")
# Possessive: a match that could backtrack would remember every character, at 100 times its size.
_TEXT: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN: Final = re.compile(r'[^\s{}\[\],:"]+')  # a number, or a word as null
_BRACKET: Final = re.compile(rf"{_TEXT}|[{{}}\[\]]", re.DOTALL)
_TOKEN: Final = re.compile(rf"{_TEXT}|[{{}}\[\],:]|{_PLAIN.pattern}", re.DOTALL)
_BEYOND_ASCII: Final = re.compile(r"[^\0-\x7f]+")
_LONE: Final = re.compile(r"[\ud800-\udfff]")


class Part(NamedTuple):
    """A member of an object or an element of a list; it begins at `start`, its value at `value`."""

    name: str | int
    start: int
    value: int
    end: int


def members(text: str) -> dict[str, str]:
    """Return each member of an object, its value as it stands. Raises JSONDecodeError."""
    return {str(part.name): text[part.value : part.end] for part in _whole(text, "{")}


def elements(text: str) -> list[str]:
    """Return each element of a list, as it stands there. Raises JSONDecodeError when it is none."""
    return [text[part.value : part.end] for part in _whole(text, "[")]


def _whole(text: str, opening: str) -> list[Part]:
    found, end = parts(text, _past(text, past_blanks(text, 0), opening) - 1)
    if past_blanks(text, end) < len(text):
        raise JSONDecodeError("Extra data", text, past_blanks(text, end))
    return found


def parts(text: str, at: int) -> tuple[list[Part], int]:
    """Return the parts of the object or list at `at`, and where it ends. Raises JSONDecodeError."""
    is_object = text[at] == "{"
    close = "}" if is_object else "]"
    found: list[Part] = []
    at = past_blanks(text, at + 1)
    if text[at : at + 1] == close:
        return found, at + 1
    while True:
        start, name = at, len(found)
        if is_object:
            if text[at : at + 1] != '"':
                raise JSONDecodeError("Expecting property name", text, at)
            name, at = _VALUES.raw_decode(text, at)
            at = past_blanks(text, _past(text, past_blanks(text, at), ":"))
        found.append(Part(name, start, at, value_end(text, at)))
        at = past_blanks(text, found[-1].end)
        if text[at : at + 1] == close:
            return found, at + 1
        at = past_blanks(text, _past(text, at, ","))


def past_blanks(text: str, at: int) -> int:
    """Return the end of the blanks that begin at `at`."""
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at


def _past(text: str, at: int, sign: str) -> int:
    if text[at : at + 1] != sign:
        raise JSONDecodeError(f"Expecting {sign!r}", text, at)
    return at + 1


def value_end(text: str, at: int) -> int:
    """Return the end of the value that begins at `at`. Raises JSONDecodeError where none does."""
    try:
        return _VALUES.raw_decode(text, at)[1]
    except JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        end, _ = span(text, at)
        if not end:
            raise JSONDecodeError("Expecting value", text, at) from None
        return end


def span(text: str, start: int) -> tuple[int, list[int]]:
    """Return where the value at `start` ends, one too deep or too long for any program to load.

    0 when it does not end, with the places of all brackets that stay open.
    """
    plain = _PLAIN.match(text, start)
    if plain:
        return plain.end(), []
    opened: list[int] = []
    for token in _BRACKET.finditer(text, start):
        if token[0] in "[{":
            opened.append(token.start())
        elif token[0] in "]}":
            opened.pop()
            if not opened:
                return token.end(), []
    return 0, opened


def depth(text: str) -> int:
    """Return how deep a value is nested."""
    now = deepest = 0
    for token in _BRACKET.finditer(text):
        if token[0] in "[{":
            now += 1
            deepest = max(deepest, now)
        elif token[0] in "]}":
            now -= 1
    return deepest


def encode(text: str) -> bytes:
    """JSON as UTF-8; lone surrogates become their escapes."""
    return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def escaped(raw: bytes) -> bytes:
    """JSON in ASCII: other characters become their escapes; bytes that are no UTF-8 stay."""
    if raw.isascii():
        return raw
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text).encode()


def join(parts: Mapping[str, str]) -> str:
    """Return an object made of the members that `members` gives."""
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in parts.items()) + "}"


def indent(text: str) -> str:
    """Return a value laid out as `json.dumps(indent=2)` does it."""
    parts: list[str] = []
    level = 0
    before = ""
    for token in _TOKEN.findall(text):
        opened, closes = before in {"{", "["}, token in {"}", "]"}
        level -= closes
        if opened != closes or before == ",":
            parts.append("\n" + "  " * level)
        elif before == ":":
            parts.append(" ")
        parts.append(token)
        level += token in {"{", "["}
        before = token
    return "".join(parts)
