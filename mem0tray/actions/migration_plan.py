"""Which of a former server's memories to queue again (pure), and what earlier runs had to leave."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import structs

from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders
from mem0tray.files.atomic import TornError
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.ledger.rows import Traced
    from mem0tray.server.model import ServerMemory

_NAME: Final = "migrations.json"


class Sort(IntEnum):
    """Where a memory is, besides the former server. Of two with one text the greater counts."""

    UNREAD = 0  # only the former server has it, but has not shown it yet
    DELETED = 1
    QUEUED = 2  # by this migration
    WAITING = 3
    PRESENT = 4


class Sums(NamedTuple):
    """How many memories were found, and what became of them: `found` is the sum of the others."""

    found: int = 0
    queued: int = 0
    waiting: int = 0
    present: int = 0
    deleted: int = 0
    unread: int = 0


class Plan:
    """Takes what the former server shows, and says what of it to queue.

    `former` is what the ledger calls that server. `project`: only this one, if not None.
    `projects` are those known here, and whether the former server has something of each.
    `only_known`: leave alone what the ledger does not know to be there.
    """

    def __init__(self, former: str, project: str | None = None) -> None:
        self.projects: dict[str, bool] = {}
        self.only_known = False
        self._former, self._project = former, project
        self._sorts: dict[bytes, Sort] = {}  # by digest
        self._there: set[bytes] = set()
        self._unread: defaultdict[bytes, list[Traced]] = defaultdict(list)
        self.forgotten: list[Traced] = []  # there still, and erased here for good
        self._shown = {items.digest(*items.TRIAL)}
        self._counts: Counter[Sort] = Counter()

    def learn(
        self,
        known: "Iterable[Traced]",
        waiting: Collection[items.Name],
        discarded: Collection[items.Name] = (),
    ) -> None:
        """Take in what is known here, once, before anything is shown; `discarded` by the user."""
        sorts = self._sorts
        sorts.update((digest, Sort.DELETED) for _, digest in discarded)
        sorts.update((digest, Sort.WAITING) for _, digest in waiting)
        waits = {(items.first_id(name), digest) for name, digest in waiting}
        memories: defaultdict[items.Name, list[Traced]] = defaultdict(list)
        for each in known:  # items sent again under further ids are one memory
            if each.digest != items.digest(*items.TRIAL):
                memories[items.first_id(each.id), each.digest].append(each)
        for name, sent in memories.items():
            sort = _sort_of(sent, waits=name in waits)
            digest, project = sent[0].digest, sent[0].project
            sorts[digest] = max(sorts.get(digest, Sort.UNREAD), sort)
            there = [each for each in sent if each.there and self._project in (None, project)]
            self.projects[project] = bool(there) or self.projects.get(project, False)
            if not there:
                continue
            self._there.add(digest)
            if sort is Sort.UNREAD:
                # The server had lost those before; the last id is not used up by a deletion.
                self._unread[digest].append(structs.replace(there[-1], id=sent[-1].id))
            else:
                self._counts[sort] += 1
                self.forgotten += [each for each in there[-1:] if sent[-1].forgotten]

    @property
    def unread(self) -> "list[Traced]":
        """What, as the ledger knows, only the former server has, and has not shown."""
        return [each for found in self._unread.values() for each in found]

    def take(self, memory: "ServerMemory") -> list[items.Object]:
        """Take a memory as the former server shows it; return the queue entries to make of it."""
        digest = items.digest(memory.project, memory.text)
        found = self._unread.pop(digest, [])
        if found:
            self._counts[Sort.QUEUED] += len(found)
            self._sorts[digest] = max(self._sorts[digest], Sort.QUEUED)
            return [_entry(each.id, memory, each.timestamp) for each in found]
        if digest in self._there or digest in self._shown or self.only_known:
            return []
        self._shown.add(digest)
        sort = self._sorts.get(digest, Sort.UNREAD)
        if sort is not Sort.UNREAD:
            self._counts[sort] += 1
            return []
        self._counts[Sort.QUEUED] += 1
        self._sorts[digest] = Sort.QUEUED
        # A memory without an id of ours gets the same one at each migration.
        name = items.id_from(self._former, digest)
        return [_entry(name, memory, int(memory.moment or 0))]

    def sums(self, discarded: int = 0) -> Sums:
        """Return what became of everything so far; `discarded` were deleted before being queued."""
        count, unread = self._counts, len(self.unread)
        return Sums(
            found=count.total() + unread,
            queued=count[Sort.QUEUED] - discarded,
            waiting=count[Sort.WAITING],
            present=count[Sort.PRESENT],
            deleted=count[Sort.DELETED] + discarded,
            unread=unread,
        )


def _sort_of(sent: "list[Traced]", *, waits: bool) -> Sort:
    """Return where a memory is: the last item counts, as a restoration ends a deletion."""
    if any(each.here for each in sent):
        return Sort.PRESENT
    if waits or any(each.state in (items.FRESH, items.DEAD) for each in sent):
        return Sort.WAITING
    is_gone = sent[-1].forgotten or sent[-1].state == items.DISCARDED
    return Sort.DELETED if is_gone else Sort.UNREAD


def _entry(name: str, memory: "ServerMemory", timestamp: float) -> items.Object:
    whole = int(timestamp) if timestamp == int(timestamp) else timestamp
    return items.entry(name, memory.project, memory.text, whole)


def to_bring_over(paths: Paths, chosen: str, only_elsewhere: Mapping[str, int]) -> dict[str, int]:
    """Count by server what may still be brought over: without what could not be read back."""
    if not (chosen and only_elsewhere):
        return {}
    left = read_object(paths.data_dir / _NAME)
    counts = {name: count - items.count(left.get(name)) for name, count in only_elsewhere.items()}
    return {name: count for name, count in counts.items() if count > 0}


def note_left(paths: Paths, server: str, left: int) -> None:
    """Note how many memories of a former server could not be read back from it."""
    file = paths.data_dir / _NAME
    found = read_object(file)
    if items.count(found.get(server)) == left:
        return
    private_folders.make_private_folder(paths.data_dir)
    document = {**found, server: left}
    atomic.replace(file, json.dumps(document, indent=2).encode())


def read_object(file: Path) -> items.Object:
    """Read a JSON object; empty where there is none, or it cannot be read now."""
    with suppress(FileUnavailableError, TornError):
        found = atomic.read(file)
        if found is not None:
            return items.load_object(found[0]) or {}
    return {}
