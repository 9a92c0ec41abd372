"""JSON taken apart and laid out as text: each value keeps its own digits and escapes.

For what the fast parser refuses: NaN, lone surrogates, endless numbers, endless
nesting. The standard library says where a value ends; no value is made anew.
"""

import json
import re
from collections.abc import Iterator, Mapping
from json import JSONDecodeError
from typing import Final

_VALUES: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\n\r]*")
# Possessive: a match that could backtrack would remember every character, at 100 times its size.
_TEXT: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN: Final = re.compile(r'[^\s{}\[\],:"]+')  # a number, or a word as null
_BRACKET: Final = re.compile(rf"{_TEXT}|[{{}}\[\]]", re.DOTALL)
_TOKEN: Final = re.compile(rf"{_TEXT}|[{{}}\[\],:]|{_PLAIN.pattern}", re.DOTALL)
_BEYOND_ASCII: Final = re.compile(r"[^\0-\x7f]+")
_LONE: Final = re.compile(r"[\ud800-\udfff]")


def members(text: str) -> dict[str, str]:
    """Return each member of an object: its name, and its value as it stands there.

    A value that no program can load (see `span`) is kept like any other. Raises
    JSONDecodeError when the text is no object.
    """
    walk = _Walk(text)
    walk.take("{")
    found = {}
    for _ in walk.each("}"):
        name = walk.name()
        walk.take(":")
        found[name] = walk.value()
    walk.end()
    return found


def elements(text: str) -> list[str]:
    """Return each element of a list, as it stands there. Raises JSONDecodeError when it is none."""
    walk = _Walk(text)
    walk.take("[")
    found = [walk.value() for _ in walk.each("]")]
    walk.end()
    return found


class _Walk:
    """A place in a text that goes forward, over blanks too."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _sign(self) -> str:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def take(self, sign: str) -> None:
        """Go past a sign that must come now."""
        if self._sign() != sign:
            raise JSONDecodeError(f"Expecting {sign!r}", self._text, self._at)
        self._at += 1

    def end(self) -> None:
        """Make sure that the text ends here."""
        if self._sign():
            raise JSONDecodeError("Extra data", self._text, self._at)

    def each(self, close: str) -> Iterator[None]:
        """Stop before each part of an object or a list, up to its closing bracket."""
        if self._sign() != close:
            yield
            while self._sign() != close:
                self.take(",")
                yield
        self._at += 1

    def name(self) -> str:
        """Go past a text; return what it says."""
        if self._sign() != '"':
            raise JSONDecodeError("Expecting property name", self._text, self._at)
        name, self._at = _VALUES.raw_decode(self._text, self._at)
        return str(name)

    def value(self) -> str:
        """Go past a value; return it as it stands there."""
        self._sign()
        start = self._at
        try:
            _, self._at = _VALUES.raw_decode(self._text, start)
        except JSONDecodeError:
            raise
        except (ValueError, RecursionError):
            self._at, _ = span(self._text, start)
            if not self._at:
                raise JSONDecodeError("Expecting value", self._text, start) from None
        return self._text[start : self._at]


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
