"""A text that a server repeats in an answer too long to be read whole. Pure.

Mem0's own servers show in full what they store or find: for a memory of 50 MB that is as long.
"""

import re
from http import HTTPStatus
from typing import Final

from mem0tray.core.large import LargeText, begun, pieces
from mem0tray.server.model import Fault, Memory, Reply

# The first of the results, up to its text; the hosted service nests that in an object of its own.
_FIRST: Final = re.compile(
    rb'\s*\{(?:[^{}\[\]]{0,500}?,)?\s*"results"\s*:\s*\[\s*\{[^{}\[\]]{0,500}?'
    rb'(?:"data"\s*:\s*\{\s*)?"memory"\s*:\s*(?=")'
)


def repeats(reply: Reply, memory: Memory) -> bool:
    """Whether the answer is too long, and its first result is this text as far as was read.

    Only the first half of what was read is compared, as something else follows a text's end.
    """
    if reply.fault is not Fault.TOO_LONG or reply.status != HTTPStatus.OK:
        return False
    found = _FIRST.match(reply.body)
    if found is None:
        return False
    text = begun(reply.body[found.end() : len(reply.body) // 2])
    return bool(text) and _begins(memory.content, text)


def _begins(content: str | LargeText, text: str) -> bool:
    for piece in pieces(content):
        if not piece.startswith(text[: len(piece)]):
            return False
        text = text[len(piece) :]
        if not text:
            return True
    return False
