"""JSON lines without halves of characters, which the SDK would drop together with their request.

A model's text that was cut within an emoji ends with one, and its client would wait for an answer
without end. Python's strings and the queue file have a place for them, pydantic's have none.
"""

import io
import re
from typing import BinaryIO, Final

# Each escape of a line in turn: a whole pair, half of one, or any other.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
_INSTEAD: Final = rb"\ufffd"  # the sign for a character that is lost


def mended(line: bytes) -> bytes:
    """A line of JSON with a sign in the place of each escape that is half a character."""
    if b"\\u" not in line:
        return line
    return _ESCAPE.sub(lambda found: _INSTEAD if found["half"] else found[0], line)


class MendedLines(io.RawIOBase):
    """What `source` gives, line by line, each of them `mended`."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill `buffer` with what there is, a line at most; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(mended(self._source.readline()))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def text_of(source: BinaryIO) -> io.TextIOWrapper:
    """`source` as a text, mended: to stand in the place of `sys.stdin`."""
    return io.TextIOWrapper(io.BufferedReader(MendedLines(source)), encoding="utf-8")
