"""Verifying which memories a server no longer has, by key or else by the hash of the text."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from secrets import SystemRandom
from typing import Final, NamedTuple

from mem0tray.actions import add, backups, chosen_client, look_up
from mem0tray.actions.chosen_client import NotAnsweredError, PatientQuestions
from mem0tray.actions.one_writer import keep_in_step
from mem0tray.actions.recall import why_not_shown
from mem0tray.actions.waiting import FoundItem, as_found
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import TakenMemory
from mem0tray.server.http_client import key_header
from mem0tray.server.model import CANNOT_TELL, Client, Memory, Presence
from mem0tray.system.paths import Paths, claude_code_folder
from mem0tray.worker.queue import note_folders, notes

NOT_ALL_LISTED: Final = "the server does not list all of a project"
NO_LISTING: Final = "the server cannot show what it has"
INFERRED: Final = "with server.infer the server keeps no texts as they were"
_AT_ONCE: Final = 500  # memories looked at together
_QUEUED: Final = 100  # memories in one write of the queue file
_PLACES: Final = {items.DEAD: "the DLQ file", items.FRESH: "the queue file"}
# Fields of an item that come from its former deliveries.
_OF_ITS_WAY: Final = (*items.OUR_FIELDS, "moved_to_dlq_at", "emergency", items.QUEUED_AT)

Progress = Callable[[int, int], object]  # how many memories are done, of how many


@dataclass(slots=True)
class MissingMemory:
    """A memory that the server took, and no longer has.

    `text`: what a file here still has of it. `discarded`: the user has deleted that text here.
    `queued`: the id under which it was queued again, empty if it was not.
    """

    memory: TakenMemory
    text: FoundItem | None
    discarded: bool = False
    queued: str = ""

    @property
    def can_be_queued(self) -> bool:
        return self.text is not None and not self.discarded and not self.queued


@dataclass(slots=True)
class Verified:
    """What a server said about the memories that it took.

    `delivered` counts those that it took. It was asked about `asked` of them: they are `there`, or
    `missing`, or nobody can tell: `cannot_tell_why` counts these by reason. `waiting_again` more
    wait here to be sent again. `trouble` says why it was not asked about the rest; empty if it was.
    """

    destination: str
    delivered: int = 0
    sample: bool = False
    there: int = 0
    waiting_again: int = 0
    missing: list[MissingMemory] = field(default_factory=list)
    cannot_tell_why: Counter[str] = field(default_factory=Counter)
    trouble: str = ""

    @property
    def cannot_tell(self) -> int:
        return self.cannot_tell_why.total()

    @property
    def asked(self) -> int:
        return self.there + len(self.missing) + self.cannot_tell


def verify(
    settings: Settings,
    project: str | None,
    sample: int | None,
    progress: Progress,
    *,
    queues: bool = False,
) -> Verified:
    """Ask the chosen server for what it took, of one project or all; `sample`: at most so many.

    `queues`: queue missing memories again. `progress` is called. Raises
    Mem0TrayError where no server is chosen, or a file of ours cannot be used.
    """
    paths = settings.locations()
    server = chosen_server(settings, paths)
    keep_in_step(paths, settings)
    with (
        chosen_client.opened(settings, paths) as client,
        Reader(paths.ledger, needed=True) as reader,
    ):
        taken: dict[str, Sequence[int]] = {
            name: keys
            for name, keys in reader.taken(server.name).items()
            if project in (None, name)
        }
        found = Verified(server.shown, sum(map(len, taken.values())))
        if sample is not None and sample < found.delivered:
            every = [(name, key) for name, keys in taken.items() for key in keys]
            some = sorted(SystemRandom().sample(every, sample))
            taken = {name: [key for _, key in keys] for name, keys in groupby(some, itemgetter(0))}
            found.sample = True
        verifier = _Verifier(settings, client, reader, server.name, found)
        try:
            verifier.ask_about(taken, progress)
            if queues:
                verifier.queue_again()
        except NotAnsweredError as error:
            found.trouble = why_not_shown(server.shown, error.said)
    return found


class _ListedProject(NamedTuple):
    """What a server lists of a project; `why` an unlisted memory may be there (empty: missing)."""

    marks: set[bytes | str]
    has_keys: bool
    why: str


class _Verifier:
    """Asks `client` (None: nothing was ever stored there) about what `server` took."""

    def __init__(
        self,
        settings: Settings,
        client: Client | None,
        reader: Reader,
        server: str,
        found: Verified,
    ) -> None:
        self._settings, self._paths = settings, settings.locations()
        self._reader, self._server, self._found = reader, server, found
        timeout = settings.sync.timeout
        self._questions = None if client is None else PatientQuestions(client, timeout)
        self._infers = settings.server.infer and server != LOCAL_URL
        # Read before the server is asked, so that no memory queued later hides a missing one.
        names = reader.waiting_names()
        ids = {name for name, _ in names}
        found.waiting_again = sum(items.first_id(each) != each for each in ids)
        self._ids = {*ids, *(each.id for each in look_up.quarantined(self._paths))}
        self._waiting = {digest for _, digest in names}
        lost = backups.deleted_unknown(self._paths, reader)
        self._discarded = reader.discarded_digests() | {digest for _, digest in lost}

    @cached_property
    def _texts(self) -> dict[bytes, FoundItem]:
        return known_texts(self._paths, notes=self._settings.claude.auto_memory)

    def ask_about(self, taken: Mapping[str, Sequence[int]], progress: Progress) -> None:
        """Ask about all of these keys, one project after the other. Raises NotAnsweredError."""
        total, done = sum(map(len, taken.values())), 0
        for project, keys in taken.items():
            progress(done, total)
            listed = self._listed(project)
            for begin in range(0, len(keys), _AT_ONCE):
                some = keys[begin : begin + _AT_ONCE]
                for memory in self._reader.memories(some, self._server):
                    self._judge(memory, listed)
                done += len(some)
                progress(done, total)

    def _listed(self, project: str) -> _ListedProject:
        marks: set[bytes | str] = set()
        has_keys, why = False, INFERRED if self._infers else ""
        try:
            for page in self._questions.pages(project) if self._questions is not None else ():
                for memory in page.memories:
                    marks |= {items.digest(project, memory.text), memory.key}
                    has_keys |= bool(memory.key)
                why = why if page.whole else NOT_ALL_LISTED
        except NotAnsweredError as error:
            if error.said.status not in CANNOT_TELL:
                raise
            why = NO_LISTING
        return _ListedProject(marks, has_keys, why)

    def _judge(self, memory: TakenMemory, listed: _ListedProject) -> None:
        said = Presence.CANNOT_TELL
        if not listed.marks.isdisjoint((memory.digest, key_header(memory.key))):
            said = Presence.PRESENT
        elif not listed.why:
            said = Presence.ABSENT
        elif listed.why != INFERRED:
            text = self._texts.get(memory.digest)
            if text is not None or listed.has_keys:
                said = self._has(memory, text)
        if said is Presence.PRESENT:
            self._found.there += 1
        elif said is not Presence.ABSENT:
            self._found.cannot_tell_why[listed.why] += 1
        elif memory.digest in self._waiting or items.id_again(memory.id) in self._ids:
            self._found.waiting_again += 1
        else:
            text, is_unwanted = self._texts.get(memory.digest), memory.digest in self._discarded
            self._found.missing.append(MissingMemory(memory, text, is_unwanted))

    def _has(self, memory: TakenMemory, text: FoundItem | None) -> Presence:
        """Ask about one memory: without its text, by its key. Raises NotAnsweredError."""
        if self._questions is None:
            return Presence.ABSENT
        content = "" if text is None or text.item is None else text.item.content
        asked = Memory(memory.project, content, memory.key)
        found = self._questions.answer(self._questions.client.ask, asked)
        if found is Presence.ABSENT and (text is None or self._infers):
            return Presence.CANNOT_TELL
        return found

    def queue_again(self) -> None:
        """Queue missing memories as a producer does, after one more question about each.

        Their ids are derived from the former ones: if this is cut off, the next run goes on.
        Raises NotAnsweredError, FileUnavailableError.
        """
        found = self._found
        chosen = [each for each in found.missing if each.can_be_queued]
        for begin in range(0, len(chosen), _QUEUED):
            entries, queued = [], []
            for each in chosen[begin : begin + _QUEUED]:
                if self._has(each.memory, each.text) is Presence.PRESENT:
                    found.missing.remove(each)
                    found.there += 1
                elif each.text is not None:
                    value = items.load_object(each.text.raw) or {}
                    kept = {name: value[name] for name in value if name not in _OF_ITS_WAY}
                    entries.append(kept | {"id": items.id_again(each.memory.id), "retries": 0})
                    queued.append(each)
            if entries:
                add.add(self._paths, *entries)
            for each in queued:
                each.queued = items.id_again(each.memory.id)


def known_texts(paths: Paths, *, notes: bool = False) -> dict[bytes, FoundItem]:
    """Read the texts that files here hold, by digest, whatever the id; `notes`: in notes too."""
    found: dict[bytes, FoundItem] = {}
    for place, raw in _everywhere(paths, notes=notes):
        known = as_found(raw, place)
        if known.item is not None:
            found.setdefault(known.item.digest, known)
    return found


def _everywhere(paths: Paths, *, notes: bool) -> Iterator[tuple[str, bytes]]:
    yield from look_up.left_over(paths)
    with Reader(paths.ledger) as reader:
        for state, place in _PLACES.items():
            yield from ((place, raw) for _, raw in reader.listed(state))
        yield from (("the quarantine", each.raw) for each in look_up.quarantined(paths))
        if notes:
            yield from _in_notes(reader)


def _in_notes(reader: Reader) -> Iterator[tuple[str, bytes]]:
    root = claude_code_folder(os.environ).absolute()
    directories = reader.note_directories()
    projects: dict[str, str] = {}
    for note in note_folders.find(root, directories):
        owner = note.folder.owner
        if owner not in projects:
            former = reader.project_of_notes(owner)
            projects[owner] = note_folders.project_of(root, owner, directories, former)
        with suppress(OSError, UnicodeDecodeError):
            data, _ = notes.read(root, note) or (b"", None)
            text = notes.without_front_matter(data.decode())
            if text and len(data) <= notes.LARGEST:
                item = notes.as_item(note, projects[owner], text, time.time())
                if item is not None:
                    yield str(root / note.path), item.raw
