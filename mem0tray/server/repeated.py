"""A text that a server repeats in an answer too long to be read whole. Pure.

Mem0's own servers show in full what they store or find.
"""

import json
import re
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from mem0tray.server.model import Fault, Memory, Reply

# The first of the results, up to its text; the hosted service nests that in an object of its own.
_FIRST: Final = re.compile(
    rb'\s*\{(?:[^{}\[\]]{0,500}?,)?\s*"results"\s*:\s*\[\s*\{[^{}\[\]]{0,500}?'
    rb'(?:"data"\s*:\s*\{\s*)?"memory"\s*:\s*(?=")'
)
_ESCAPE: Final = 6  # characters of the longest one
_HIGH: Final = re.compile("[\ud800-\udbff]\\Z")  # the first half of a character


def repeats(reply: Reply, memory: Memory) -> bool:
    """Whether the answer is too long, and its first result is this text as far as was read.

    Only the first half of what was read is compared, as something else follows a text's end.
    """
    if reply.fault is not Fault.TOO_LONG or reply.status != HTTPStatus.OK:
        return False
    found = _FIRST.match(reply.body)
    if found is None:
        return False
    text = _begun(reply.body[found.end() : len(reply.body) // 2])
    return bool(text) and memory.content.startswith(text)


def _begun(raw: bytes) -> str:
    """Read the beginning of a text whose JSON begins with `raw`, quote included; empty if none."""
    part = raw.decode("utf-8", "ignore")
    for end in range(len(part), len(part) - _ESCAPE, -1):  # the last escape may be cut off
        with suppress(ValueError):
            return _HIGH.sub("", json.loads(f'{part[:end]}"'))
    return ""
