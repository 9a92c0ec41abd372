"""The stage that takes in Claude Code's notes, if `claude.auto_memory` is true.

A note is taken in once it has not changed for a minute. Its text is queued and remembered in one
transaction: a kill leaves both or neither.
"""

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.core import events
from mem0tray.core.item import Item
from mem0tray.ledger.names import NOTES, QUEUED
from mem0tray.system.paths import claude_code_folder
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.queue import note_files
from mem0tray.worker.queue.intake import accept

QUIET: Final = 60.0  # seconds
LOOK: Final = 15.0  # seconds between readings of all folders
LONGEST: Final = 600.0  # the same where there are thousands of notes
_SHARE: Final = 0.001  # of the time, at most, goes into reading folders
_AT_ONCE: Final = 0.25  # seconds of reading in one cycle: other files do not wait for thousands


class _ChangedNote(Struct, frozen=True):
    """A note that is not taken in yet: its mark, its own time, and from when it is quiet."""

    mark: str
    changed: float  # Unix seconds
    quiet_at: float  # monotonic


@dataclass(frozen=True, slots=True)
class _ReadNote:
    """A note that was read; `item` is None where it holds nothing to queue."""

    path: str
    mark: str
    item: Item | None


def quiet_at(changed: float, now: float, moment: float) -> float:
    """Return the moment from which a note that was last changed at `changed` is quiet, as seen now.

    A time in the future, as after a clock was set back, counts as now.
    """
    return moment + min(max(changed + QUIET - now, 0.0), QUIET)


class NoteIntake:
    """Finds changed notes, waits until each is quiet, takes it in."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._root = claude_code_folder(os.environ).absolute()
        self._known: dict[str, str] = {}  # marks of folders, and of notes that are done, by path
        self._changed: dict[str, _ChangedNote] = {}
        self._projects: dict[Path, str] = {}  # looked up for the notes that are quiet now
        self._reported: set[str] = set()  # what could not be read
        self._next_look = -math.inf  # monotonic
        self.awaited = False  # there are notes left that can be taken in now

    def run(self, now: float, moment: float) -> int:
        """Take in quiet notes; return how many memories are new. Raises LedgerError."""
        if not self._context.settings.claude.auto_memory:
            self._forget()
            return 0
        if self._next_look == -math.inf:
            self._known = self._context.inbox.note_marks()
        if moment >= self._next_look:
            self._look(now, moment)
        new = self._take_in(self._read(now, moment))
        self.awaited = self._next_quiet() <= moment
        if not self.awaited:
            self._projects.clear()
        if not self._changed and self._context.ledger.may_have_been_sent(NOTES):
            self._context.ledger.trust(NOTES)
        return new

    def wait(self, moment: float) -> float:
        """Return the seconds until there is something to do; infinite where no note is awaited."""
        return max(self._next_quiet() - moment, 0.0)

    def _next_quiet(self) -> float:
        return min((each.quiet_at for each in self._changed.values()), default=math.inf)

    def _forget(self) -> None:
        """Begin anew when the setting is switched on again; the ledger knows what was taken in."""
        if self._next_look != -math.inf:
            self._known.clear()
            self._changed.clear()
            self._projects.clear()
            self._next_look = -math.inf
            self.awaited = False

    # Finding ---------------------------------------------------------------------------

    def _look(self, now: float, moment: float) -> None:
        started = time.monotonic()
        try:
            for folder in note_files.folders(self._root):
                self._find_changed(folder, now, moment)
        except OSError as error:
            self._report(note_files.PROJECTS, error)
        cost = time.monotonic() - started
        self._next_look = moment + min(max(LOOK, cost / _SHARE), LONGEST)

    def _find_changed(self, folder: Path, now: float, moment: float) -> None:
        try:
            for path, mark, changed in note_files.notes(self._root, folder):
                if self._known.get(path) == mark:
                    self._changed.pop(path, None)
                else:
                    self._await(path, mark, changed, quiet_at(changed, now, moment))
        except OSError as error:
            self._report(folder.relative_to(self._root).as_posix(), error)

    def _await(self, path: str, mark: str, changed: float, at: float) -> None:
        before = self._changed.get(path)
        if before is None or before.mark != mark:
            self._changed[path] = _ChangedNote(mark, changed, at)

    # Taking in -------------------------------------------------------------------------

    def _read(self, now: float, moment: float) -> list[_ReadNote]:
        """Read quiet notes. One that is gone, or has just changed, is no longer quiet."""
        read: list[_ReadNote] = []
        started = time.monotonic()
        quiet = [
            (each.quiet_at, each.changed, path, each.mark)
            for path, each in self._changed.items()
            if each.quiet_at <= moment
        ]
        for _, changed, path, noted in sorted(quiet):
            if time.monotonic() - started > _AT_ONCE:
                break
            try:
                found = note_files.read(self._root, path)
            except OSError as error:
                del self._changed[path]
                self._known[path] = noted  # not in the ledger, so the next worker tries again
                self._report(path, error)
                continue
            if found is None:
                del self._changed[path]
                self._next_look = moment  # it may have been replaced
                continue
            data, there = found
            mark = note_files.mark(there)
            if mark != noted:
                self._await(path, mark, there.st_mtime, quiet_at(there.st_mtime, now, moment))
                continue
            text, item = self._text(path, data), None
            if text:
                item = note_files.as_item(path, self._project(path), text, changed, now)
            read.append(_ReadNote(path, mark, item))
        return read

    def _project(self, path: str) -> str:
        """Return the project of a note; it is looked up once for all quiet notes of a folder."""
        name = "/".join(path.split("/")[:2])
        folder = self._root / name
        if folder not in self._projects:
            former = json.loads(self._known.get(name, '""'))
            self._projects[folder] = note_files.project_of(folder, os.environ, former)
            self._known[name] = json.dumps(self._projects[folder])
            self._context.inbox.mark_note(name, self._known[name])
        return self._projects[folder]

    def _text(self, path: str, data: bytes) -> str:
        """Return the text of a note; empty where it cannot be used, which is reported."""
        if len(data) > note_files.LARGEST:
            why = f"it is larger than {note_files.LARGEST:,} bytes"
        else:
            try:
                return note_files.without_front_matter(data.decode())
            except UnicodeDecodeError:  # its message would repeat the note's bytes
                why = "it is no UTF-8"
        self._context.events.emit(events.NoteLeftOut(path, why))
        return ""

    def _take_in(self, read: list[_ReadNote]) -> int:
        context, new = self._context, 0
        if not read:
            return 0
        ask = context.ledger.may_have_been_sent(NOTES)
        with context.ledger.transaction(durable=True):
            for note in read:
                if note.item is not None and self._context.inbox.add_note_text(note.item.name):
                    new += accept(context, note.item, ask=ask, shown=False)[1]
                self._context.inbox.mark_note(note.path, note.mark)
            if new:
                context.counters.add(QUEUED, new)
        for note in read:
            self._known[note.path] = note.mark
            self._changed.pop(note.path, None)
        if new:
            context.events.emit(events.Accepted(new))
        return new

    def _report(self, path: str, error: OSError) -> None:
        if path not in self._reported:
            self._reported.add(path)
            why = error.strerror or "it cannot be read"
            self._context.events.emit(events.NoteLeftOut(path, why))
