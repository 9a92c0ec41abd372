"""Making an item loadable that no JSON program can load, at the price of the odd value alone.

A number of 5,000 digits, or nesting 100,000 deep: what stands beside it is a memory
that somebody wants back. The original stays where it was kept.
"""

from json import JSONDecodeError

from mem0tray.core import jsontext
from mem0tray.files import document


def tamed(raw: bytes) -> bytes:
    """`raw` without the values that cannot be loaded; unchanged if that is impossible."""
    raw = raw.strip()
    if document.loadable(raw):
        return raw
    try:
        parts = jsontext.members(document.to_text(raw))
    except JSONDecodeError:
        return raw
    return jsontext.encode(
        jsontext.join(
            {
                name: value
                for name, value in parts.items()
                if document.loadable(jsontext.encode(value))
            }
        )
    )
