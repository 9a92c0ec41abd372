"""Claude Code's notes, taken in if `claude.auto_memory` is true; `note_folders` finds them.

A note is taken in once it has not changed for a minute. Its text is queued and remembered in one
transaction. No link is followed: its target is a note by itself, or not one of Claude Code's.
"""

import json
import math
import os
import stat
from itertools import takewhile
from pathlib import Path
from typing import Final

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.files import document
from mem0tray.ledger.names import NOTE_DIRECTORIES, NOTES, QUEUED
from mem0tray.system import regular_file
from mem0tray.system.paths import claude_code_folder
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.queue import note_folders
from mem0tray.worker.queue.intake import accept
from mem0tray.worker.queue.note_folders import FoundNote

LARGEST: Final = 1_000_000  # bytes of a note, which Claude Code keeps to a few thousand
QUIET: Final = 60.0  # seconds
LOOK: Final = 15.0  # seconds between readings of all folders
_AT_ONCE: Final = 100  # notes that are read in one cycle: other files do not wait for thousands
_NOT_FOLLOWED: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
_FENCE: Final = "---"


def quiet_at(changed: float, now: float, moment: float) -> float:
    """Return from which moment a note is quiet; a time in the future counts as now."""
    return moment + min(max(changed + QUIET - now, 0.0), QUIET)


class NoteIntake:
    """Finds changed notes, waits until each is quiet, takes it in."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._root = claude_code_folder(os.environ).absolute()
        self._known: dict[str, str] = {}  # marks of folders, and of notes that are done, by path
        self._directories: dict[str, str] = {}  # those that `note_folders.learn` found
        self._learnt = 0.0  # Unix seconds
        self._changed: dict[str, tuple[float, FoundNote]] = {}  # with the moment of quiet
        self._projects: dict[str, str] = {}  # looked up in this cycle
        self._reported: set[str] = set()  # what could not be read
        self._next_look = -math.inf  # monotonic
        self.awaited = False  # there are notes left that can be taken in now

    def run(self, now: float, moment: float) -> int:
        """Take in quiet notes; return how many memories are new. Raises LedgerError."""
        if not self._context.settings.claude.auto_memory:
            self._changed.clear()
            self._next_look, self.awaited = -math.inf, False
            return 0
        if self._next_look == -math.inf:
            self._known = self._context.inbox.note_marks()
            self._directories = json.loads(self._context.ledger.meta(NOTE_DIRECTORIES) or "{}")
            self._learnt = -math.inf
        if moment >= self._next_look:
            self._next_look = moment + LOOK
            self._learn(now)
            for note in note_folders.find(self._root, self._directories, self._report):
                self._await(note, now, moment)
        self._projects.clear()
        quiet = [note for at, note in self._changed.values() if at <= moment]
        quiet.sort(key=lambda note: note.changed)
        self.awaited = len(quiet) > _AT_ONCE
        found = [self._read(note, now, moment) for note in quiet[:_AT_ONCE]]
        new = self._take_in([each for each in found if each is not None])
        if not self._changed and self._context.ledger.may_have_been_sent(NOTES):
            self._context.ledger.trust(NOTES)
        return new

    def _learn(self, now: float) -> None:
        """Remember where sessions were held: Claude Code removes transcripts after 30 days."""
        new = note_folders.learn(self._root, self._directories, self._learnt - QUIET)
        self._learnt = now
        if new:
            self._directories |= new
            self._context.ledger.set_meta(NOTE_DIRECTORIES, json.dumps(self._directories))

    def _await(self, note: FoundNote, now: float, moment: float) -> None:
        _, before = self._changed.get(note.path, (0.0, None))
        if self._known.get(note.path) == note.mark:
            self._changed.pop(note.path, None)
        elif before is None or before.mark != note.mark:
            self._changed[note.path] = quiet_at(note.changed, now, moment), note

    def _read(
        self, note: FoundNote, now: float, moment: float
    ) -> tuple[FoundNote, Item | None] | None:
        """Return a note with its item; None if it is another by now, or cannot be read."""
        found = None
        try:
            found = read(self._root, note)
        except OSError as error:
            self._known[note.path] = note.mark  # the next worker tries again
            self._report(error, note.path)
        if found is None:
            del self._changed[note.path]
            self._next_look = moment  # it may have been replaced
            return None
        if found[1].mark != note.mark:
            self._await(found[1], now, moment)
            return None
        return note, self._item(note, found[0], now)

    def _item(self, note: FoundNote, data: bytes, now: float) -> Item | None:
        why = f"it is larger than {LARGEST:,} bytes"
        if len(data) <= LARGEST:
            try:
                text = without_front_matter(data.decode())
            except UnicodeDecodeError:  # its message would repeat the note's bytes
                why = "it is no UTF-8"
            else:
                return as_item(note, self._project(note.folder.owner), text, now) if text else None
        self._context.events.emit(events.NoteLeftOut(note.path, why))
        return None

    def _project(self, owner: str) -> str:
        if owner not in self._projects:  # once for all quiet notes of a folder
            former = json.loads(self._known.get(owner, '""'))
            found = note_folders.project_of(self._root, owner, self._directories, former)
            self._projects[owner], self._known[owner] = found, json.dumps(found)
            self._context.inbox.mark_note(owner, self._known[owner])
        return self._projects[owner]

    def _take_in(self, notes: list[tuple[FoundNote, Item | None]]) -> int:
        context, new = self._context, 0
        if not notes:
            return 0
        ask = context.ledger.may_have_been_sent(NOTES)
        with context.ledger.transaction(durable=True):
            for note, item in notes:
                if item is not None and context.inbox.add_note_text(item.name):
                    new += accept(context, item, ask=ask, shown=False)[1]
                context.inbox.mark_note(note.path, note.mark)
            if new:
                context.counters.add(QUEUED, new)
        for note, _ in notes:
            self._known[note.path] = note.mark
            self._changed.pop(note.path, None)
        if new:
            context.events.emit(events.Accepted(new))
        return new

    def _report(self, error: OSError, path: str = "") -> None:
        is_gone = not path and isinstance(error, FileNotFoundError | NotADirectoryError)
        path = path or str(error.filename).removeprefix(f"{self._root}{os.sep}")
        if path not in self._reported and not is_gone:
            self._reported.add(path)
            why = error.strerror or "it cannot be read"
            self._context.events.emit(events.NoteLeftOut(path, why))


# Files ------------------------------------------------------------------------------


def read(root: Path, note: FoundNote) -> tuple[bytes, FoundNote] | None:
    """Return a note's first bytes and its mark; None if it just changed. Raises OSError."""
    path = root / note.path
    way = takewhile(lambda each: each != note.folder.base, path.parents)
    try:
        if not all(stat.S_ISDIR(folder.lstat().st_mode) for folder in way):
            return None
        fd = regular_file.open_fd(path, _NOT_FOLLOWED)
    except FileNotFoundError:
        return None
    with os.fdopen(fd, "rb") as file:
        before = FoundNote.of(note.path, os.fstat(fd), note.folder)
        data = file.read(LARGEST + 1)
        after = FoundNote.of(note.path, os.fstat(fd), note.folder)
    return (data, after) if before == after else None


def without_front_matter(text: str) -> str:
    """Return the text without the front matter between a first `---` and the next."""
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    fences = [n for n, line in enumerate(lines) if line.rstrip() == _FENCE][:2]
    if len(fences) == 2 and fences[0] == 0:  # noqa: PLR2004  (a pair)
        lines = lines[fences[1] + 1 :]
    return "".join(lines).strip()


def as_item(note: FoundNote, project_id: str, text: str, now: float) -> Item | None:
    """Return the entry that a producer would queue; its id is made of path and text."""
    timestamp = int(note.changed if items.EARLIEST <= note.changed <= now else now)
    entry = items.entry(items.id_of(note.path, text), project_id, text, timestamp)
    return items.parse(document.dump(entry))
