"""The part of a note that is its text, and the memory that it makes. Pure."""

from typing import Final

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.files import document

_FENCE: Final = "---"
_BYTE_ORDER_MARK: Final = "\ufeff"


def without_front_matter(text: str) -> str:
    """The text after the front matter, without blank lines around it.

    Front matter begins with `---` in the first line and ends at the next line that is `---`.
    Without such an end there is none, and everything is text.
    """
    lines = text.removeprefix(_BYTE_ORDER_MARK).splitlines(keepends=True)
    if lines and lines[0].rstrip() == _FENCE:
        for number, line in enumerate(lines[1:], 2):
            if line.rstrip() == _FENCE:
                return "".join(lines[number:]).strip()
    return "".join(lines).strip()


def as_item(path: str, project: str, text: str, changed: float, now: float) -> Item | None:
    """What a producer would queue for a note: its time is that of the last change.

    `path` is relative to Claude Code's folder: the id is the same after the ledger was lost.
    """
    timestamp = int(changed if items.EARLIEST <= changed <= now else now)
    return items.parse(
        document.dump(items.entry(items.id_of(path, text), project, text, timestamp))
    )
