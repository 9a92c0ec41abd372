"""What a server says, made fit for logs and people: no content of a memory, no secret. Pure.

Servers like to repeat what they were sent, whole or cut, escaped, folded or in other letters. When
in doubt, their words are dropped.
"""

import re
import unicodedata
from typing import Any
from urllib.parse import unquote

LIMIT = 200
REPEATED = 12  # characters of a content that must not show in a row
REPEATED_SECRET = 8
# A content shorter than `REPEATED` must not show as a whole, unless it is so
# short that it stands in any text by chance.
_SHORTEST = 6
_LOOKED_AT = 4 * LIMIT

_SAYING = ("error", "detail", "details", "message", "msg", "reason", "title")
_CODING = ("code", "error_code", "type", "error_type")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")

_ENCODED = re.compile(r"\\[xuU][0-9a-fA-F]{2}")  # any character, to whoever decodes it
_ESCAPE = re.compile(r"\\+(.)")
_BLANK = re.compile(
    "[\\s\x00-\x1f\x7f-\xa0\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]+"
)
_NO_LETTER = re.compile(r"[\W_]+")


def said(body: Any, beside: str = "") -> str:
    """Read what an error's JSON body says, not yet redacted; of a list only `loc` and `msg`.

    Words that only repeat `beside`, the status shown before them, are left out.
    """
    return "; ".join(_said(body, 3, beside))[:_LOOKED_AT]


def _said(body: Any, depth: int, beside: str) -> list[str]:
    if isinstance(body, str):
        return [body] if body.strip() not in ("", beside) else []
    if isinstance(body, list):
        return [_located(entry) for entry in body[:5] if isinstance(entry, dict)]
    if isinstance(body, dict) and depth:
        for name in _SAYING:
            if found := _said(body.get(name), depth - 1, beside):
                return found
    return []


def _located(entry: dict[str, Any]) -> str:
    where = entry.get("loc")
    parts = where if isinstance(where, list) else [where]
    location = ".".join(str(part) for part in parts[:10] if isinstance(part, str | int))
    words = (location, entry.get("msg"))
    return ": ".join(word for word in words if isinstance(word, str) and word)


def code(body: Any) -> str:
    """Read the machine-readable code of an error's JSON body, or nothing."""
    if not isinstance(body, dict):
        return ""
    parts = [body, body.get("error"), body.get("detail")]
    parts = [part[0] if isinstance(part, list) and part else part for part in parts]
    named = (part.get(name) for part in parts if isinstance(part, dict) for name in _CODING)
    return next((each for each in named if isinstance(each, str) and _CODE.fullmatch(each)), "")


def repeats(text: str, content: str, length: int = REPEATED) -> bool:
    """Return whether `text` shows `length` characters of `content` in a row, however disguised."""
    text = text[:_LOOKED_AT]
    if content and _ENCODED.search(text):
        return True
    contents = {content, unescaped(content)}
    texts = {text, unescaped(text)}
    shown = {window for form in texts for window in _windows(form, length)}
    if any(window in one for window in shown for one in contents):
        return True
    length = min(length, len(content.strip()))
    if length < _SHORTEST:
        return False
    folded = [_folded(one) for one in contents]
    # A window is compared without its blanks, or its punctuation too: what is left must be long
    # enough to be no coincidence.
    for strip, least in ((_BLANK, min(_SHORTEST, length)), (_NO_LETTER, min(8, length))):
        stripped = [strip.sub("", one) for one in folded]
        seen: set[str] = set()
        for form in map(_folded, texts):
            seen.update(strip.sub("", window) for window in _windows(form, length))
            seen.update(_windows(strip.sub("", form), length))
        if any(len(part) >= least and part in one for part in seen for one in stripped):
            return True
    return False


def unescaped(text: str) -> str:
    """Undo the escapes of JSON, HTML and addresses; of encoded characters only HTML's."""
    text = _ESCAPE.sub(lambda found: " " if found[1] in "nrtbfv0" else found[1], text)
    if "&" in text:
        from html import unescape  # slow to import, and rarely wanted

        text = unescape(text)
    return unquote(text)


def _windows(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
