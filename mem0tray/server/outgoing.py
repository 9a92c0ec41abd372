"""What goes out to a server in every dialect: headers, keys, JSON bodies."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec

from mem0tray import __version__
from mem0tray.core.large import LargeText, as_json

HEADERS: Final = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"mem0tray/{__version__}".encode()),
)
_LONGEST_KEY: Final = 512
_PLAIN_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


class LargeBody:
    """A body with a large text: made piece by piece while it is sent, and once before for its size.

    `before` and `after` are the JSON around the text, its quotes included.
    """

    def __init__(self, before: bytes, text: LargeText, after: bytes) -> None:
        self._before, self._text, self._after = before, text, after
        self._size = sum(map(len, self))

    def __len__(self) -> int:
        """The number of its bytes."""
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """The pieces, one after the other."""
        yield self._before
        yield from as_json(self._text)
        yield self._after


def encode(body: dict[str, Any]) -> bytes:
    """`body` as JSON; a lone surrogate, which UTF-8 has no place for, as its escape."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body).encode("ascii")


def with_length(
    headers: list[tuple[bytes, bytes]], body: bytes | LargeBody
) -> list[tuple[bytes, bytes]]:
    """The headers of a request with the length of this body, as a stream does not tell its own."""
    if isinstance(body, LargeBody):
        return [*headers, (b"Content-Length", b"%d" % len(body))]
    return headers


def key_header(key: str) -> str:
    """An idempotency key as the value of a header, always the same for the same key.

    Anything but printable ASCII is percent-encoded, and a value too long for headers becomes
    a hash.
    """
    data = key.encode("utf-8", "surrogatepass")
    if len(data) > _LONGEST_KEY:
        return f"sha256-{hashlib.sha256(data).hexdigest()}"
    return key if _PLAIN_KEY.fullmatch(key) else quote(data, safe="")
