"""Queueing many memories from JSON lines, with few writes of the queue file.

Each write holds as much as the queue file has already, so that the time grows with the lines
and not with their square, and no more than that is in memory at once. A memory that is
waiting already is not queued again, so that a run that was cut off can be repeated.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mem0tray.actions import add
from mem0tray.actions.in_step import keep_in_step
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Loaded
from mem0tray.core import item as items
from mem0tray.core import memory_lines
from mem0tray.core.item import Name
from mem0tray.core.memory_lines import BYTE_ORDER_MARK, BadLineError, MemoryLine
from mem0tray.files import orders
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

_LEAST: Final = 1 << 20  # bytes of one write
_BESIDE: Final = 150  # bytes of an entry beside its text, about


class BadLine(NamedTuple):
    """A line that is no memory: its number, from 1, and why."""

    number: int
    why: str


@dataclass(slots=True)
class LinesSoFar:
    """How far it is. `queued` are on the disk; `writing` are being written, perhaps in part.

    `emergency`: how many of those queued are in the emergency file. `waiting` were waiting already;
    `delivered` were delivered before to the chosen server, as the ledger says.
    """

    lines: int = 0
    queued: int = 0
    writing: int = 0
    emergency: int = 0
    waiting: int = 0
    delivered: int = 0
    bad: int = 0


@dataclass(slots=True)
class LineQueue:
    """Takes lines and queues what they say; `so_far` tells how far that is.

    `project` is for lines that name none. `again`: also queue what was delivered before, under
    another id. `tell` is called with each line that is no memory, `watch` after each
    line.
    """

    loaded: Loaded
    project: str
    again: bool
    tell: Callable[[BadLine], None]
    watch: Callable[[LinesSoFar], None]
    so_far: LinesSoFar = field(default_factory=LinesSoFar)
    _batch: list[items.Object] = field(default_factory=list)
    _names: list[Name] = field(default_factory=list)
    _size: int = 0
    _known: set[Name] = field(default_factory=set)

    def run(self, lines: Iterable[bytes]) -> None:
        """Queue what the lines say; everything is on the disk when this returns.

        A line that is no memory is told, and does not keep others from being queued. Raises
        Mem0TrayError where no file can be written: what `so_far` counts as queued is queued.
        """
        paths = add.prepared(self.loaded)
        server = _server_name(self.loaded, paths)
        # What cannot be read now is taken in only once what is then queued twice.
        keep_in_step(paths, self.loaded.settings)
        with Reader(paths.ledger) as reader:
            self._known = reader.waiting.names()
            for line in lines:
                self.so_far.lines += 1
                try:
                    found = self._read(line)
                except BadLineError as error:
                    self.so_far.bad += 1
                    self.tell(BadLine(self.so_far.lines, str(error)))
                else:
                    if found is not None:
                        self._take(found, reader, server)
                if self._size >= _LEAST and self._size >= _size_of(paths):
                    self._write(paths)
                self.watch(self.so_far)
            self._write(paths)

    def _read(self, line: bytes) -> MemoryLine | None:
        """The memory of a line; None for a blank line. Raises BadLineError."""
        if self.so_far.lines == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if not line.strip():
            return None
        return memory_lines.read(line.rstrip(b"\r\n"), self.project)

    def _take(self, found: MemoryLine, reader: Reader, server: str) -> None:
        digest = items.digest(found.project, found.content)
        for name in memory_lines.ids_of_key(found.id, digest)[1:]:
            if reader.has(name, digest, server) or (name, digest) in self._known:
                found = found._replace(id=name)
        while (is_delivered := reader.has(found.id, digest, server)) and self.again:
            found = found._replace(id=items.id_again(found.id))
        if is_delivered:
            self.so_far.delivered += 1
        elif (found.id, digest) in self._known:
            self.so_far.waiting += 1
        else:
            self._known.add((found.id, digest))
            self._names.append((found.id, digest))
            self._put(found)

    def _put(self, found: MemoryLine) -> None:
        self._batch.append(add.entry(found.id, found.project, found.content, found.timestamp))
        self._size += len(found.content) + _BESIDE

    def _write(self, paths: Paths) -> None:
        if not self._batch:
            return
        self.so_far.writing = len(self._batch)
        # Whoever queues it again takes back a deletion that no worker has carried out yet.
        orders.withdraw(paths.orders, self._names)
        where = add.add(paths, *self._batch)
        self.so_far.queued += len(self._batch)
        self.so_far.emergency += len(self._batch) if where == "emergency" else 0
        self.so_far.writing = self._size = 0
        self._batch.clear()
        self._names.clear()


def _server_name(loaded: Loaded, paths: Paths) -> str:
    """What the ledger calls the chosen server; empty without one, or if the setting is wrong."""
    if "server.url" in loaded.unknown:
        return ""
    return chosen_server(loaded.settings, paths).name


def _size_of(paths: Paths) -> int:
    with suppress(OSError):
        return paths.queue.stat().st_size
    return 0
