"""A text that is too large to be in memory several times over: its JSON, read piece by piece.

Pure. The worker holds a memory of 50 MB as the bytes that stand in its file, and next to
them never more than a piece of its text.
"""

import json
from collections.abc import Iterator
from typing import Final

import msgspec

LARGE: Final = 1 << 20  # bytes of JSON; what is smaller is handled at once, which is faster
_PIECE: Final = 1 << 18
_ESCAPE: Final = 6  # bytes of the longest one
_BACKSLASH: Final = 0x5C
_HIGH: Final = (b"\\UD8", b"\\UD9", b"\\UDA", b"\\UDB")  # a pair of surrogates begins


class LargeText:
    """A text by its JSON, quotes included; `str()` has all of it."""

    __slots__ = ("_json",)

    def __init__(self, raw: bytes) -> None:
        self._json = raw

    def __str__(self) -> str:
        """The whole text at once, which takes several times its size."""
        return "".join(self.pieces())

    def pieces(self) -> Iterator[str]:
        """The text, one piece after the other."""
        view = memoryview(self._json)[1:-1]
        begin = 0
        while begin < len(view):
            end = _cut(view, begin + _PIECE)
            yield _text(bytes(view[begin:end]))
            begin = end


def pieces(text: str | LargeText) -> Iterator[str]:
    """Any text, one piece after the other."""
    if isinstance(text, LargeText):
        yield from text.pieces()
    else:
        for begin in range(0, len(text), _PIECE):
            yield text[begin : begin + _PIECE]


def as_json(text: str | LargeText) -> Iterator[bytes]:
    """The text as JSON without its quotes; a lone surrogate as its escape."""
    for piece in pieces(text):
        try:
            yield msgspec.json.encode(piece)[1:-1]
        except UnicodeEncodeError:
            yield json.dumps(piece)[1:-1].encode("ascii")


def begun(raw: bytes) -> str:
    """The beginning of a text whose JSON begins with `raw`, quote included; empty if none does."""
    view = memoryview(raw)[1:]
    try:
        # The cut needs some bytes behind it to fall within no character.
        return _text(bytes(view[: _cut(view, len(view) - _ESCAPE)]))
    except ValueError:
        return ""


def check_utf8(data: bytes | bytearray) -> None:
    """Raise UnicodeDecodeError where `data` is no UTF-8."""
    view = memoryview(data)
    begin = 0
    while begin < len(view):
        end = min(begin + _PIECE, len(view))
        while begin < end < len(view) and view[end] & 0xC0 == 0x80:  # noqa: PLR2004  (UTF-8)
            end -= 1
        bytes(view[begin:end]).decode()
        begin = max(end, begin + 1)


def _text(part: bytes) -> str:
    quoted = b'"' + part + b'"'
    try:
        return msgspec.json.decode(quoted, type=str)
    except msgspec.DecodeError:  # a lone surrogate
        return str(json.loads(quoted))


def _cut(view: memoryview, end: int) -> int:
    """Where a piece may end, at `end` or shortly before: within no character and no escape."""
    if end >= len(view):
        return len(view)
    while view[end] & 0xC0 == 0x80:  # noqa: PLR2004  (a further byte of a character of UTF-8)
        end -= 1
    at = bytes(view[end - _ESCAPE : end]).rfind(b"\\")
    if at >= 0 and _begins_escape(view, begin := end - _ESCAPE + at):
        size = _ESCAPE if view[begin + 1] == ord("u") else 2
        end = begin if begin + size > end else end
    before = end - _ESCAPE
    pair = bytes(view[before : before + 4]).upper() in _HIGH and _begins_escape(view, before)
    return before if pair else end


def _begins_escape(view: memoryview, at: int) -> bool:
    """Whether the last of a run of backslashes escapes what follows: their number is odd."""
    first = at
    while first > 0 and view[first - 1] == _BACKSLASH:
        first -= 1
    return (at - first) % 2 == 0
