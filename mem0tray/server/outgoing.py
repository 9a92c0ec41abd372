"""What goes out to a server in every dialect: headers, keys, JSON bodies."""

import hashlib
import json
import re
from typing import Any, Final
from urllib.parse import quote

import msgspec

from mem0tray import __version__

HEADERS: Final = (
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"mem0tray/{__version__}".encode()),
)
_LONGEST_KEY: Final = 512
_PLAIN_KEY: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")


def encode(body: dict[str, Any]) -> bytes:
    """`body` as JSON; a lone surrogate, which UTF-8 has no place for, as its escape."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body).encode("ascii")


def key_header(key: str) -> str:
    """An idempotency key as the value of a header, always the same for the same key.

    Anything but printable ASCII is percent-encoded, and a value too long for headers becomes
    a hash.
    """
    data = key.encode("utf-8", "surrogatepass")
    if len(data) > _LONGEST_KEY:
        return f"sha256-{hashlib.sha256(data).hexdigest()}"
    return key if _PLAIN_KEY.fullmatch(key) else quote(data, safe="")
