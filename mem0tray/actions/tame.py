"""Making an item loadable that no JSON program can load, at the price of the odd value alone.

A number of 5,000 digits, a nest 100,000 deep: what is beside it is a memory
that somebody wants back. The original stays where it was kept.
"""

import re
from typing import Final

import msgspec

from mem0tray.files import document

_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)


def tamed(raw: bytes) -> bytes:
    """`raw` without the values that cannot be loaded; as it is when there is no way."""
    raw = raw.strip()
    if document.loadable(raw):
        return raw
    try:
        parts: dict[str, msgspec.Raw] = msgspec.json.decode(
            _without_nests(raw), type=dict[str, msgspec.Raw]
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw
    kept = {name: value for name, value in parts.items() if document.loadable(bytes(value))}
    return msgspec.json.encode(kept)


def _without_nests(raw: bytes) -> bytes:
    """An object's bytes with `null` for each value that is nested too deep to be loaded."""
    parts: list[bytes] = []
    depth = start = done = 0
    for token in _TOKENS.finditer(raw):
        mark = token[0]
        if mark in (b"{", b"["):
            depth += 1
            if depth == 2:  # noqa: PLR2004  (a value of the outermost object begins)
                start = token.start()
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 1 and not document.loadable(raw[start : token.end()]):
                parts += [raw[done:start], b"null"]
                done = token.end()
    return b"".join([*parts, raw[done:]])
