"""Verifying: which of the memories that a server took it no longer has.

They are found by our key if the server keeps it, else by the hash of the text, which is all that
the ledger keeps. Missing memories are queued again if a file here still holds their text.
"""

import hashlib
import os
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import SystemRandom
from typing import Final, NamedTuple

from mem0tray.actions import add, backups, chosen_client, look_up
from mem0tray.actions.chosen_client import PatientQuestions
from mem0tray.actions.in_step import keep_in_step
from mem0tray.actions.recall import why_not_shown
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import LOCAL_URL, Settings
from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import TakenMemory
from mem0tray.server import Client, Memory, Outcome, Presence, ServerMemory
from mem0tray.server.http_client import key_header
from mem0tray.server.model import CANNOT_TELL
from mem0tray.system.paths import Paths, claude_code_folder
from mem0tray.worker.queue import note_files

NOT_ALL_LISTED: Final = "the server does not list all of a project"
NO_LISTING: Final = "the server cannot show what it has"
INFERRED: Final = "with server.infer the server keeps no texts as they were"
_AT_ONCE: Final = 500  # memories looked at together
_QUEUED: Final = 100  # memories in one write of the queue file
_WIDTH: Final = 16  # bytes of a mark
_PLACES: Final = {items.DEAD: "the DLQ file", items.FRESH: "the queue file"}
# Fields of an item that come from its former deliveries.
_OF_ITS_WAY: Final = (*items.OUR_FIELDS, "moved_to_dlq_at", "emergency", items.QUEUED_AT)

Progress = Callable[[int, int], object]  # how many memories are done, of how many


class KnownText(NamedTuple):
    """An item with the text of a memory, and the place of the text, for people."""

    item: Item
    place: str


class MissingMemory(NamedTuple):
    """A memory that the server took, and no longer has.

    `text`: what a file here still has of it. `discarded`: the user has deleted that text here.
    `queued`: the id under which it was queued again, empty if it was not.
    """

    memory: TakenMemory
    text: KnownText | None
    discarded: bool = False
    queued: str = ""

    @property
    def can_be_queued(self) -> bool:
        """Whether it can be queued again, and has not been."""
        return self.text is not None and not self.discarded and not self.queued


@dataclass(slots=True)
class Verified:
    """What a server said about the memories that it took.

    `delivered` counts those that it took. It was asked about `asked` of them: they are `there`, or
    `missing`, or nobody can tell: `unclear` counts these by reason. `again` more wait here
    to be sent again. `trouble` says why it was not asked about the rest; empty if it was.
    """

    destination: str
    delivered: int = 0
    is_sample: bool = False
    there: int = 0
    again: int = 0
    missing: list[MissingMemory] = field(default_factory=list)
    unclear: dict[str, int] = field(default_factory=dict)
    trouble: str = ""

    @property
    def cannot_tell(self) -> int:
        """Count the memories about which nobody can tell."""
        return sum(self.unclear.values())

    @property
    def asked(self) -> int:
        """Count the memories about which the server was asked."""
        return self.there + len(self.missing) + self.cannot_tell

    def cannot_say(self, why: str) -> None:
        """Count a memory about which nobody can tell."""
        self.unclear[why] = self.unclear.get(why, 0) + 1


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
        taken = reader.taken(server.name)
        if project is not None:
            taken = {name: keys for name, keys in taken.items() if name == project}
        found = Verified(server.shown, sum(map(len, taken.values())))
        if sample is not None and sample < found.delivered:
            taken, found.is_sample = _sampled(taken, sample), True
        verifier = _Verifier(settings, client, reader, server.name, found)
        try:
            verifier.ask_about(taken, progress)
            if queues:
                verifier.queue_again()
        except _NotAnsweredError as error:
            found.trouble = why_not_shown(server.shown, error.said)
    return found


def _sampled(taken: Mapping[str, "array[int]"], number: int) -> dict[str, "array[int]"]:
    """Return a random sample of `number` keys: as many from each project, as far as it has them."""
    random = SystemRandom()
    left = {name: random.sample(keys, len(keys)) for name, keys in taken.items()}
    order = random.sample(list(left), len(left))
    chosen: dict[str, array[int]] = {}
    while number:
        for name in [each for each in order if left[each]][:number]:
            chosen.setdefault(name, array("q")).append(left[name].pop())
            number -= 1
    return chosen


class _NotAnsweredError(Exception):
    """The server did not answer a question."""

    def __init__(self, said: Outcome) -> None:
        super().__init__(said.message)
        self.said = said


class _ListedProject:
    """A server's listing of a project: marks of the texts, and of our keys if it has them."""

    def __init__(self) -> None:
        self._marks: set[bytes] = set()
        self.is_whole = True
        self.has_keys = False

    def learn(self, memory: ServerMemory, project: str) -> None:
        """Add a memory."""
        self._marks.add(items.digest(project, memory.text)[:_WIDTH])
        if memory.key:
            self.has_keys = True
            self._marks.add(_mark(memory.key))

    def has(self, memory: TakenMemory) -> bool:
        """Return whether the memory is listed, by its key or its text."""
        marks = _mark(key_header(memory.key)), memory.digest[:_WIDTH]
        return not self._marks.isdisjoint(marks)


def _mark(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:_WIDTH]


class _Verifier:
    """Asks `client` (None: nothing was ever stored there) about what `server` took.

    The ledger's `reader` knows that; what is learned is added to `found`.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client | None,
        reader: Reader,
        server: str,
        found: Verified,
    ) -> None:
        self._paths = settings.locations()
        self._reader, self._server, self._found = reader, server, found
        timeout = settings.sync.timeout
        self._questions = None if client is None else PatientQuestions(client, timeout)
        self._infers = settings.server.infer and server != LOCAL_URL
        self._progress: Callable[[int], object] = lambda _: None
        self._done = 0
        self._texts = KnownTexts(self._paths, notes=settings.claude.auto_memory)
        # Read before the server is asked, so that no memory queued later hides a missing one.
        names = reader.waiting_names()
        ids = {name for name, _ in names}
        found.again = sum(items.first_id(each) != each for each in ids)
        self._ids = {*ids, *(each.id for each in look_up.quarantined(self._paths))}
        self._waiting = {digest for _, digest in names}
        lost = backups.deleted_unknown(self._paths, reader)
        self._discarded = reader.discarded_digests() | {digest for _, digest in lost}

    def ask_about(self, taken: Mapping[str, Sequence[int]], progress: Progress) -> None:
        """Ask about all of these keys, one project after the other. Raises _NotAnsweredError."""
        total = sum(map(len, taken.values()))
        self._progress = lambda done: progress(done, total)
        done = 0
        for project, keys in taken.items():
            listed = self._listed(project, done, len(keys))
            for begin in range(0, len(keys), _AT_ONCE):
                for memory in self._reader.memories(keys[begin : begin + _AT_ONCE], self._server):
                    self._judge(memory, listed)
                self._show(done + begin)
            done += len(keys)
            self._show(done)

    def _show(self, done: int) -> None:
        self._done = max(self._done, done)
        self._progress(self._done)

    def _listed(self, project: str, done: int, number: int) -> _ListedProject | None:
        """Return what the server lists of a project; None if it cannot."""
        found, count = _ListedProject(), 0
        for page in self._questions.pages(project) if self._questions is not None else ():
            if isinstance(page, Outcome):
                if page.status in CANNOT_TELL:
                    return None
                raise _NotAnsweredError(page)
            for memory in page.memories:
                found.learn(memory, project)
            found.is_whole &= page.whole
            count += len(page.memories)
            self._show(done + min(count, number))
        return found

    def _judge(self, memory: TakenMemory, listed: _ListedProject | None) -> None:
        if listed is not None and listed.has(memory):
            self._found.there += 1
        elif listed is None or not listed.is_whole:
            self._ask_for(memory, listed)
        elif self._infers:
            self._found.cannot_say(INFERRED)
        else:
            self._miss(memory)

    def _ask_for(self, memory: TakenMemory, listed: _ListedProject | None) -> None:
        """Ask for one memory that no listing shows."""
        text = self._texts.find(memory.digest)
        said = Presence.CANNOT_TELL
        if text is not None or (listed is not None and listed.has_keys):
            said = self._has(memory, text)
        if said is Presence.PRESENT:
            self._found.there += 1
        elif said is Presence.ABSENT:
            self._miss(memory)
        else:
            self._found.cannot_say(NO_LISTING if listed is None else NOT_ALL_LISTED)

    def _has(self, memory: TakenMemory, text: KnownText | None) -> Presence:
        """Return the server's answer about one memory. Raises _NotAnsweredError.

        Without the text the server finds it by the key, or cannot tell: a memory too unlike the
        query may not be found.
        """
        if self._questions is None:
            return Presence.ABSENT
        content = "" if text is None else text.item.content
        asked = Memory(memory.project, content, memory.key)
        found = self._questions.answer(self._questions.client.ask, asked)
        if isinstance(found, Outcome):
            raise _NotAnsweredError(found)
        if found is Presence.ABSENT and (text is None or self._infers):
            return Presence.CANNOT_TELL
        return found

    def _miss(self, memory: TakenMemory) -> None:
        """Count a memory as missing, unless it waits to be sent again."""
        if memory.digest in self._waiting or items.id_again(memory.id) in self._ids:
            self._found.again += 1
            return
        text = self._texts.find(memory.digest)
        discarded = memory.digest in self._discarded
        self._found.missing.append(MissingMemory(memory, text, discarded))

    def queue_again(self) -> None:
        """Queue missing memories as a producer does, after one more question about each.

        Their ids are derived from the former ones: if this is cut off, the next run goes on.
        Raises _NotAnsweredError, FileUnavailableError.
        """
        missing = self._found.missing
        chosen = [at for at, each in enumerate(missing) if each.can_be_queued]
        found_there = set()
        for begin in range(0, len(chosen), _QUEUED):
            entries = {}
            for at in chosen[begin : begin + _QUEUED]:
                memory, text = missing[at].memory, missing[at].text
                if self._has(memory, text) is Presence.PRESENT:
                    found_there.add(at)
                elif text is not None:
                    entries[at] = _entry(memory, text)
            if entries:
                add.add(self._paths, *entries.values())
            for at, entry in entries.items():
                missing[at] = missing[at]._replace(queued=entry["id"])
        self._found.there += len(found_there)
        self._found.missing = [each for at, each in enumerate(missing) if at not in found_there]


def _entry(memory: TakenMemory, text: KnownText) -> items.Object:
    """Return the queue entry that sends a memory again."""
    found = items.load_object(text.item.raw) or {}
    kept = {name: value for name, value in found.items() if name not in _OF_ITS_WAY}
    return kept | {"id": items.id_again(memory.id), "retries": 0}


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
                yield from ((raw, place) for _, raw in reader.listed(state))
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
