"""What of a note is its text, and the id under which it is queued. Pure."""

import hashlib
import uuid
from typing import Final

_FENCE: Final = "---"
_BYTE_ORDER_MARK: Final = "\ufeff"


def without_front_matter(text: str) -> str:
    """The text behind the front matter, without the blank lines around it.

    Front matter begins with `---` in the first line and ends with the next line that is `---`.
    Where that never comes it is none, and all of it is text.
    """
    lines = text.removeprefix(_BYTE_ORDER_MARK).splitlines(keepends=True)
    if lines and lines[0].rstrip() == _FENCE:
        for number, line in enumerate(lines[1:], 2):
            if line.rstrip() == _FENCE:
                return "".join(lines[number:]).strip()
    return "".join(lines).strip()


def id_of(path: str, text: str) -> str:
    """The id of a text in the note at `path`: always the same, on whichever computer.

    `path` is that below Claude Code's folder, with `/` between its parts.
    """
    told = f"{path}\0{text}".encode("utf-8", "surrogatepass")
    return str(uuid.UUID(bytes=hashlib.sha256(told).digest()[:16], version=5))
