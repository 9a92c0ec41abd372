"""The texts of delivered memories that files here still hold: the ledger keeps none of them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from mem0tray.actions import look_up, read_files
from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.system.paths import Paths

_PLACES: Final = {
    read_files.DLQ: "the DLQ file",
    read_files.QUEUE: "the queue file",
    look_up.EMERGENCY: "the emergency file",
    look_up.QUARANTINE: "the quarantine",
}


class KnownText(NamedTuple):
    """An item with the text of a memory, and the place of the text, for people."""

    item: Item
    place: str


class KnownTexts:
    """Texts by digest, whatever the id; the files are read when the first text is asked for."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._found: dict[bytes, tuple[bytes, str]] | None = None

    def find(self, digest: bytes) -> KnownText | None:
        """The text of this digest; None where no file has it."""
        if self._found is None:
            self._found = {}
            for raw, place in _everywhere(self._paths):
                item = items.parse(raw)
                if item is not None:
                    self._found.setdefault(item.digest, (raw, place))
        raw, place = self._found.get(digest, (b"", ""))
        item = items.parse(raw) if raw else None
        return None if item is None else KnownText(item, place)


def _everywhere(paths: Paths) -> Iterator[tuple[bytes, str]]:
    yield from ((raw, place) for place, raw in look_up.left_over(paths))
    yield from ((found.raw, _PLACES[found.place]) for found in look_up.in_files(paths))
