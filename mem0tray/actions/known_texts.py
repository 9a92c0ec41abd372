"""The texts of delivered memories that files here still hold: the ledger keeps none of them."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mem0tray.actions import look_up
from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths, claude_code_folder
from mem0tray.worker.queue import note_files

_PLACES: Final = {items.DEAD: "the DLQ file", items.FRESH: "the queue file"}


class KnownText(NamedTuple):
    """An item with the text of a memory, and the place of the text, for people."""

    item: Item
    place: str


class KnownTexts:
    """Texts by digest, whatever the id; the files are read when the first text is asked for.

    `notes`: Claude Code's notes count too.
    """

    def __init__(self, paths: Paths, *, notes: bool = False) -> None:
        self._paths, self._notes = paths, notes
        self._found: dict[bytes, tuple[bytes, str]] | None = None

    def find(self, digest: bytes) -> KnownText | None:
        """Return the text of this digest; None where no file has it."""
        if self._found is None:
            self._found = {}
            for raw, place in self._everywhere():
                item = items.parse(raw)
                if item is not None:
                    self._found.setdefault(item.digest, (raw, place))
        raw, place = self._found.get(digest, (b"", ""))
        item = items.parse(raw) if raw else None
        return None if item is None else KnownText(item, place)

    def _everywhere(self) -> Iterator[tuple[bytes, str]]:
        yield from ((raw, place) for place, raw in look_up.left_over(self._paths))
        with Reader(self._paths.ledger) as reader:
            for state, place in _PLACES.items():
                yield from ((raw, place) for _, raw in reader.waiting.listed(state))
            yield from ((each.raw, "the quarantine") for each in look_up.quarantined(self._paths))
            if self._notes:
                with suppress(OSError):
                    yield from _in_notes(reader)


def _in_notes(reader: Reader) -> Iterator[tuple[bytes, str]]:
    """Yield the text of each note that can be read, with its path. Raises OSError."""
    root = claude_code_folder(os.environ).absolute()
    for folder in note_files.folders(root):
        owner = Path(*folder.relative_to(root).parts[:2])
        former = reader.project_of_notes(owner.as_posix())
        project = note_files.project_of(root / owner, os.environ, former)
        for note in note_files.notes(root, folder):
            with suppress(OSError, UnicodeDecodeError):
                data, _ = note_files.read(root, note.path) or (b"", None)
                text = note_files.without_front_matter(data.decode())
                if text and len(data) <= note_files.LARGEST:
                    now = time.time()
                    item = note_files.as_item(note.path, project, text, note.changed, now)
                    if item is not None:
                        yield item.raw, str(root / note.path)
