"""The stage that takes in Claude Code's notes, where `claude.auto_memory` is true.

A note's text is queued and remembered in one transaction: a kill leaves both or neither. The
watch tells in which folders something has changed; now and then all of them are looked at.
"""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.files import document
from mem0tray.ledger.counters import QUEUED
from mem0tray.ledger.database import NOTES
from mem0tray.ledger.notes import NoteRecords
from mem0tray.system.paths import claude_code_folder
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.folders import watch
from mem0tray.worker.folders.watch import Target
from mem0tray.worker.queue.intake import accept
from mem0tray.worker.queue.notes import note_files, note_text, project_of_notes, quiet
from mem0tray.worker.queue.notes.quiet import ChangedNote

LOOK: Final = 60.0  # seconds between looks at all notes, if no watch sees all changes
CALM_LOOK: Final = 600.0  # the same if one does
_AT_ONCE: Final = 200  # notes a cycle, so that other files need not wait for thousands of them


@dataclass(frozen=True, slots=True)
class _ReadNote:
    """A note that was read; `item` is None where it holds nothing to queue."""

    path: str
    mark: str
    item: Item | None


class NoteIntake:
    """Finds changed notes, waits until each is quiet, takes it in. Call it on one thread.

    Only `hear` may be called on any.
    """

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._root = claude_code_folder(os.environ).absolute()
        self._records = NoteRecords(context.ledger)
        self._known: dict[str, str] = {}  # marks of notes with nothing left to take in, by path
        self._changed: dict[str, ChangedNote] = {}
        self._heard: set[Path] = set()
        self._told: set[str] = set()  # what could not be read, and has been told
        self._looked = -math.inf  # when all folders were last looked at, monotonic
        self.awaited = False  # there are notes left that can be taken in now

    def hear(self, folder: Path) -> None:
        """Note that something may have changed in a folder."""
        self._heard.add(folder)

    def targets(self) -> tuple[Target, ...]:
        """What to watch: the folder of all projects, and each project's folder of notes."""
        if not self._context.settings.claude.auto_memory:
            return ()
        found = watch.targets_of(self._root / note_files.PROJECTS, ("",))
        for folder in self._folders():
            words = (note_files.SUFFIX,)
            found += [] if folder.is_symlink() else watch.targets_of(folder, words)
        return tuple(found)

    def run(self, now: float, moment: float, *, sees_all: bool) -> int:
        """Look where something has changed, take in what is due; return how many memories are new.

        `sees_all`: the watch tells of every change. Raises LedgerError.
        """
        if not self._context.settings.claude.auto_memory:
            self._forget()
            return 0
        if self._looked == -math.inf:
            self._known = self._records.marks()
        if moment - self._looked >= (CALM_LOOK if sees_all else LOOK):
            self._heard.update(self._folders())
            self._looked = moment
        while self._heard:
            self._look_into(self._heard.pop(), now)
        due = self._due(now)
        new = self._take_in(self._read(due[:_AT_ONCE], now)) if due else 0
        self.awaited = len(due) > _AT_ONCE
        if not self._changed and self._context.ledger.asks_about(NOTES):
            self._context.ledger.trust(NOTES)
        return new

    def wait(self, now: float) -> float:
        """Seconds until a changed note is due; infinite where none has changed."""
        left = (quiet.seconds_left(each, now) for each in self._changed.values())
        return min(left, default=math.inf)

    def _forget(self) -> None:
        """Begin anew when the setting is switched on again; the ledger knows what was taken in."""
        if self._looked != -math.inf:
            self._known.clear()
            self._changed.clear()
            self._looked = -math.inf
            self.awaited = False
        self._heard.clear()

    # Finding ---------------------------------------------------------------------------

    def _folders(self) -> list[Path]:
        try:
            return list(note_files.folders(self._root))
        except OSError as error:
            self._tell(note_files.PROJECTS, error)
            return []

    def _look_into(self, folder: Path, now: float) -> None:
        """Find the changed notes in a folder; a folder of other things has none."""
        is_of_notes = folder.name == note_files.FOLDER
        if not is_of_notes or folder.parent.parent != self._root / note_files.PROJECTS:
            return
        try:
            for path, mark, changed in note_files.notes(self._root, folder):
                if self._known.get(path) == mark:
                    self._changed.pop(path, None)
                    continue
                before = self._changed.get(path)
                if before is None or before.mark != mark:
                    self._changed[path] = ChangedNote(mark, changed, now)
        except OSError as error:
            self._tell(folder.relative_to(self._root).as_posix(), error)

    def _due(self, now: float) -> list[str]:
        """The paths of the notes that have been quiet for long enough, the oldest first."""
        found = [
            (note.changed, path)
            for path, note in self._changed.items()
            if not quiet.seconds_left(note, now)
        ]
        return [path for _, path in sorted(found)]

    # Taking in -------------------------------------------------------------------------

    def _read(self, paths: Iterable[str], now: float) -> list[_ReadNote]:
        """Read these notes. One that is gone, or has just changed, is no longer due."""
        read: list[_ReadNote] = []
        projects: dict[Path, str] = {}
        for path in paths:
            noted = self._changed[path]
            try:
                found = note_files.read(self._root / path)
            except OSError as error:
                del self._changed[path]
                self._known[path] = noted.mark  # not in the ledger, so the next worker tries again
                self._tell(path, error)
                continue
            if found is None:
                del self._changed[path]
                self._heard.add((self._root / path).parent)
                continue
            data, there = found
            mark = note_files.mark(there)
            if mark != noted.mark:
                self._changed[path] = ChangedNote(mark, there.st_mtime, now)
                continue
            text = self._text(path, data)
            item = None
            if text:
                folder = (self._root / path).parent.parent
                if folder not in projects:
                    projects[folder] = project_of_notes.of_notes(folder, os.environ)
                item = _item(path, projects[folder], text, noted.changed, now)
            read.append(_ReadNote(path, mark, item))
        return read

    def _text(self, path: str, data: bytes) -> str:
        """The text of a note; empty where it cannot be used, which is told once."""
        if len(data) > note_files.LARGEST:
            why = f"it is larger than {note_files.LARGEST:,} bytes"
            self._context.events.emit(events.NoteLeftOut(path, why))
            return ""
        try:
            return note_text.without_front_matter(data.decode())
        except UnicodeDecodeError:  # its message would repeat the note's bytes
            self._context.events.emit(events.NoteLeftOut(path, "it is no UTF-8"))
            return ""

    def _take_in(self, read: list[_ReadNote]) -> int:
        context, new = self._context, 0
        ask = context.ledger.asks_about(NOTES)
        with context.ledger.transaction(durable=True):
            for note in read:
                if note.item is not None and self._records.add_text(note.item.digest):
                    new += accept(context, note.item, ask=ask, shown=False)[1]
                self._records.note(note.path, note.mark)
            if new:
                context.counters.add(QUEUED, new)
        for note in read:
            self._known[note.path] = note.mark
            del self._changed[note.path]
        if new:
            context.events.emit(events.Accepted(new))
        return new

    def _tell(self, path: str, error: OSError) -> None:
        """Tell, once, that something cannot be read."""
        if path not in self._told:
            self._told.add(path)
            why = error.strerror or "it cannot be read"
            self._context.events.emit(events.NoteLeftOut(path, why))


def _item(path: str, project: str, text: str, changed: float, now: float) -> Item | None:
    """What a producer would queue for a note: its time is that of the last change."""
    timestamp = int(changed if items.EARLIEST <= changed <= now else now)
    # The path is relative to Claude Code's folder: the id is the same after the ledger was lost.
    entry = items.entry(items.id_of(path, text), project, text, timestamp)
    return items.parse(document.dump(entry))
