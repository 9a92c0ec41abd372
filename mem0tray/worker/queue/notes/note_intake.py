"""The stage that takes in Claude Code's notes, where `claude.auto_memory` is true.

A note's text is queued and remembered in one transaction: a kill leaves both or neither. The
watch tells in which folders something has changed; now and then all of them are looked at.
"""

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mem0tray.core import events
from mem0tray.core.item import Item
from mem0tray.files.publish_rate import PublishRate
from mem0tray.ledger.inbox import NoteRecords
from mem0tray.ledger.names import NOTES, QUEUED
from mem0tray.system.paths import claude_code_folder
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.folders import watch
from mem0tray.worker.folders.watch import Target
from mem0tray.worker.queue.intake import accept
from mem0tray.worker.queue.notes import note_files, note_text, project_of_notes
from mem0tray.worker.queue.notes.awaited_notes import AwaitedNotes
from mem0tray.worker.queue.notes.quiet import ChangedNote, quiet_at

LOOK: Final = 60.0  # seconds between looks at all notes, if no watch sees all changes
CALM_LOOK: Final = 600.0  # the same if one does
# The most of one cycle, so that other files need not wait for thousands of notes: notes, their
# bytes, and projects to be looked up, each of which has git asked.
_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 4_000_000
_PROJECTS_AT_ONCE: Final = 20


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
        self._known: dict[str, str] = {}  # marks of folders, and of notes that are done, by path
        self._changed = AwaitedNotes()
        self._projects: dict[Path, str] = {}  # looked up for the notes that are quiet now
        self._heard: set[Path] = set()
        self._targets: tuple[Target, ...] | None = None  # None: they must be found anew
        self._listed: tuple[int, ...] | None = None  # the folder of all projects as it was then
        self._rate = PublishRate()  # of looks: to list thousands of notes takes a while
        self._told: set[str] = set()  # what could not be read, and has been told
        self._looked = -math.inf  # when all folders were last looked at, monotonic
        self.awaited = False  # there are notes left that can be taken in now

    def hear(self, folder: Path) -> None:
        """Note that something may have changed in a folder."""
        self._heard.add(folder)

    def targets(self) -> tuple[Target, ...]:
        """What to watch: the folder of all projects, and each project's folder of notes.

        To list thousands of projects costs more than all the rest of a cycle: they are listed
        again when a project came or went, when something was heard of one, and at each look at all.
        """
        if not self._context.settings.claude.auto_memory:
            return ()
        listed = _listing(self._root / note_files.PROJECTS)
        if self._targets is None or listed is None or listed != self._listed:
            self._targets, self._listed = self._find_targets(), listed
        return self._targets

    def _find_targets(self) -> tuple[Target, ...]:
        found = watch.targets_of(self._root / note_files.PROJECTS, ("",))
        for folder in self._folders():
            found += [] if folder.is_symlink() else watch.targets_of(folder, ("",))
        return tuple(found)

    def run(self, now: float, moment: float, *, sees_all: bool) -> int:
        """Look where something has changed, take in quiet notes; return how many memories are new.

        `sees_all`: the watch tells of every change. Raises LedgerError.
        """
        if not self._context.settings.claude.auto_memory:
            self._forget()
            return 0
        if self._looked == -math.inf:
            self._known = self._records.marks()
        if moment - self._looked >= (CALM_LOOK if sees_all else LOOK):
            self._heard.update(self._folders())
            self._looked, self._targets = moment, None
        if self._heard and self._rate.ready(moment):
            self._look(now, moment)
        new = self._take_in(self._read(now, moment))
        self.awaited = bool(self._heard) or self._changed.next_quiet() <= moment
        if not self.awaited:
            self._projects.clear()
        if not self._changed and self._context.ledger.may_have_been_sent(NOTES):
            self._context.ledger.trust(NOTES)
        return new

    def wait(self, moment: float) -> float:
        """Seconds until there is something to do; infinite where no note is awaited."""
        look = self._rate.wait(moment) if self._heard else math.inf
        return min(look, max(self._changed.next_quiet() - moment, 0.0))

    def _forget(self) -> None:
        """Begin anew when the setting is switched on again; the ledger knows what was taken in."""
        if self._looked != -math.inf:
            self._known.clear()
            self._changed.clear()
            self._projects.clear()
            self._looked, self._targets = -math.inf, None
            self.awaited = False
        self._heard.clear()

    # Finding ---------------------------------------------------------------------------

    def _folders(self) -> list[Path]:
        try:
            return list(note_files.folders(self._root))
        except OSError as error:
            self._tell(note_files.PROJECTS, error)
            return []

    def _look(self, now: float, moment: float) -> None:
        """Look into the folders that something was heard of."""
        started = time.monotonic()
        projects = self._root / note_files.PROJECTS
        while self._heard:
            folder = self._heard.pop()
            is_below = projects in folder.parents
            if folder == projects or is_below:
                self._targets = None  # one may have come, gone, or been replaced
            if is_below and folder.parent != projects:
                self._look_into(folder, now, moment)
        self._rate.note_cost(moment, time.monotonic() - started)

    def _look_into(self, folder: Path, now: float, moment: float) -> None:
        """Find the changed notes in a folder of notes."""
        try:
            for path, mark, changed in note_files.notes(self._root, folder):
                if self._known.get(path) == mark:
                    self._changed.drop(path)
                else:
                    self._await(path, mark, changed, quiet_at(changed, now, moment))
        except OSError as error:
            self._tell(folder.relative_to(self._root).as_posix(), error)

    def _await(self, path: str, mark: str, changed: float, at: float) -> None:
        """Await a changed note, unless it is awaited in this form already."""
        before = self._changed.get(path)
        if before is None or before.mark != mark:
            self._changed.put(path, ChangedNote(mark, changed, at))

    # Taking in -------------------------------------------------------------------------

    def _read(self, now: float, moment: float) -> list[_ReadNote]:
        """Read quiet notes. One that is gone, or has just changed, is no longer quiet."""
        read: list[_ReadNote] = []
        size, projects = 0, len(self._projects)
        for path, noted in self._changed.quiet(moment, _AT_ONCE):
            if size > _BYTES_AT_ONCE or len(self._projects) - projects >= _PROJECTS_AT_ONCE:
                break
            try:
                found = note_files.read(self._root, path)
            except OSError as error:
                self._changed.drop(path)
                self._known[path] = noted.mark  # not in the ledger, so the next worker tries again
                self._tell(path, error)
                continue
            if found is None:
                self._changed.drop(path)
                self._heard.add((self._root / path).parent)
                continue
            data, there = found
            mark = note_files.mark(there)
            if mark != noted.mark:
                self._await(path, mark, there.st_mtime, quiet_at(there.st_mtime, now, moment))
                continue
            size += len(data)
            text = self._text(path, data)
            item = None
            if text:
                item = note_text.as_item(path, self._project(path), text, noted.changed, now)
            read.append(_ReadNote(path, mark, item))
        return read

    def _project(self, path: str) -> str:
        """The project of a note; it is looked up once for all quiet notes of a folder."""
        name = "/".join(path.split("/")[:2])
        folder = self._root / name
        if folder not in self._projects:
            former = json.loads(self._known.get(name, '""'))
            self._projects[folder] = project_of_notes.of_notes(folder, os.environ, former)
            self._known[name] = json.dumps(self._projects[folder])
            self._records.note(name, self._known[name])
        return self._projects[folder]

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
        if not read:
            return 0
        ask = context.ledger.may_have_been_sent(NOTES)
        with context.ledger.transaction(durable=True):
            for note in read:
                if note.item is not None and self._records.add_text(note.item.name):
                    new += accept(context, note.item, ask=ask, shown=False)[1]
                self._records.note(note.path, note.mark)
            if new:
                context.counters.add(QUEUED, new)
        for note in read:
            self._known[note.path] = note.mark
            self._changed.drop(note.path)
        if new:
            context.events.emit(events.Accepted(new))
        return new

    def _tell(self, path: str, error: OSError) -> None:
        """Tell, once, that something cannot be read."""
        if path not in self._told:
            self._told.add(path)
            why = error.strerror or "it cannot be read"
            self._context.events.emit(events.NoteLeftOut(path, why))


def _listing(folder: Path) -> tuple[int, ...] | None:
    """What changes whenever an entry of a folder comes or goes; None where there is no folder."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
