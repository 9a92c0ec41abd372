"""Which of a former server's memories are to be queued again, and what earlier runs had to leave.

The ledger says which memories that server has taken, and which of them the chosen one lacks; it
keeps no text of delivered ones, so the former server must show it. Whatever else that server
shows was saved there by others. The plan is pure: no I/O.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import structs

from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders
from mem0tray.files.atomic import TornError
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.ledger.rows import Traced
    from mem0tray.server import ServerMemory

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
    `only_known`: leave alone what the ledger does not know to be there.
    """

    def __init__(
        self, former: str, project: str | None = None, *, only_known: bool = False
    ) -> None:
        self.former, self.project, self.only_known = former, project, only_known
        self._sorts: dict[bytes, Sort] = {}  # by digest
        self._there: set[bytes] = set()
        self._projects: dict[str, bool] = {}  # whether the former server has something of each
        self._unread: defaultdict[bytes, list[Traced]] = defaultdict(list)
        self._shown = {items.trial_digest()}
        self._counts: Counter[Sort] = Counter()

    def learn(
        self,
        known: "Iterable[Traced]",
        waiting: Collection[items.Name],
        discarded: Collection[items.Name] = (),
    ) -> None:
        """Take in what is known here; call it once, before anything is shown.

        `discarded`: what the user has deleted, though the ledger does not know that yet.
        """
        self._sorts.update((digest, Sort.DELETED) for _, digest in discarded)
        self._sorts.update((digest, Sort.WAITING) for _, digest in waiting)
        waits, dropped = _first_names(waiting), _first_names(discarded)
        trial = items.trial_digest()
        theirs = (each for each in known if each.digest != trial)
        for name, each in _memories(theirs).items():
            sort = _sort_of(each, waits=name in waits, discarded=name in dropped)
            before = self._sorts.get(each.digest, Sort.UNREAD)
            self._sorts[each.digest] = max(before, sort)
            there = each.there and self.project in (None, each.project)
            self._projects[each.project] = there or self._projects.get(each.project, False)
            if not there:
                continue
            self._there.add(each.digest)
            if sort is Sort.UNREAD:
                self._unread[each.digest].append(each)
            else:
                self._counts[sort] += 1

    @property
    def projects(self) -> list[str]:
        """The projects of which the former server is known to have memories."""
        return [name for name, there in self._projects.items() if there]

    @property
    def known_projects(self) -> list[str]:
        """Every project that is known here."""
        return list(self._projects)

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
        name = items.id_from(self.former, digest)
        return [_entry(name, memory, memory.created_at() or 0)]

    def sums(self, discarded: int = 0) -> Sums:
        """Return what became of everything so far.

        `discarded`: how many the user discarded before they were queued.
        """
        count, unread = self._counts, len(self.unread)
        return Sums(
            found=count.total() + unread,
            queued=count[Sort.QUEUED] - discarded,
            waiting=count[Sort.WAITING],
            present=count[Sort.PRESENT],
            deleted=count[Sort.DELETED] + discarded,
            unread=unread,
        )


def _first_names(names: Collection[items.Name]) -> set[items.Name]:
    return {(items.first_id(name), digest) for name, digest in names}


def _memories(known: "Iterable[Traced]") -> "dict[items.Name, Traced]":
    """Join the items that are one memory, sent again under further ids.

    It stands under its first id. The last item counts that the former server has taken, as the
    server had lost the one before.
    """
    found: dict[items.Name, Traced] = {}
    for each in known:
        name = items.first_id(each.id), each.digest
        before = found.get(name)
        found[name] = each if before is None else _joined(before, each)
    return found


def _joined(before: "Traced", later: "Traced") -> "Traced":
    last = later if later.there or not before.there else before
    return structs.replace(
        last,
        state=max(before.state, later.state, key=_sort_by_state),
        there=before.there or later.there,
        here=before.here or later.here,
    )


def _sort_of(known: "Traced", *, waits: bool, discarded: bool) -> Sort:
    if known.here:
        return Sort.PRESENT
    if discarded:
        return Sort.DELETED
    return Sort.WAITING if waits else _sort_by_state(known.state)


def _sort_by_state(state: str) -> Sort:
    if state in (items.FRESH, items.DEAD):
        return Sort.WAITING
    return Sort.DELETED if state == items.DISCARDED else Sort.UNREAD


def _entry(name: str, memory: "ServerMemory", timestamp: float) -> items.Object:
    whole = int(timestamp) if timestamp == int(timestamp) else timestamp
    return items.entry(name, memory.project, memory.text, whole)


def to_bring_over(paths: Paths, chosen: str, only_elsewhere: Mapping[str, int]) -> dict[str, int]:
    """By server, how many memories that only former servers have a migration may still bring over.

    Without those that an earlier one could not read back; empty where no server is chosen.
    """
    if not (chosen and only_elsewhere):
        return {}
    left = _read(paths)
    counts = {name: count - items.count(left.get(name)) for name, count in only_elsewhere.items()}
    return {name: count for name, count in counts.items() if count > 0}


def note_left(paths: Paths, server: str, left: int) -> None:
    """Note how many memories of a former server could not be read back from it."""
    found = _read(paths)
    if items.count(found.get(server)) == left:
        return
    private_folders.make_private_folder(paths.data_dir)
    document = {**found, server: left}
    atomic.replace(paths.data_dir / _NAME, json.dumps(document, indent=2).encode())


def _read(paths: Paths) -> items.Object:
    with suppress(FileUnavailableError, TornError):
        found = atomic.read(paths.data_dir / _NAME)
        if found is not None:
            return items.load_object(found[0]) or {}
    return {}
