"""JSON lines without halves of characters, which the SDK would drop together with their request.

A text that a model cut within an emoji ends with such a half, and its client would wait for an
answer without end. Python's strings and the queue file can hold halves, pydantic's cannot.
"""

import io
import re
from typing import BinaryIO, Final

# Each escape of a line in turn: a whole pair, half of one, or any other.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_INSTEAD: Final = rb"\ufffd"  # the replacement character


def mended(line: bytes) -> bytes:
    """A line of JSON with a replacement for each escape that is half a character."""
    if b"\\u" not in line:
        return line
    return _ESCAPE.sub(lambda found: _INSTEAD if found["half"] else found[0], line)


class MendedLines(io.RawIOBase):
    """The lines of `source`, each of them `mended`."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Whether the stream can be read: always."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill `buffer` with available bytes, at most a line; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(mended(self._source.readline()))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def text_of(source: BinaryIO) -> io.TextIOWrapper:
    """`source` as mended text, to replace `sys.stdin`."""
    return io.TextIOWrapper(io.BufferedReader(MendedLines(source)), encoding="utf-8")
