"""`mem0tray add --jsonl`: from a file or standard input to many queued memories."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from mem0tray import cli
from mem0tray.actions import add
from mem0tray.actions.in_step import keep_in_step
from mem0tray.cli import context, output
from mem0tray.cli.arguments import END_OF_INPUT, project_alone
from mem0tray.cli.interaction import ProgressLine
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Loaded
from mem0tray.core import item as items
from mem0tray.core import memory_lines
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.item import Name
from mem0tray.core.memory_lines import BYTE_ORDER_MARK, LONGEST_LINE, BadLineError, MemoryLine
from mem0tray.core.text import plural
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


_NAMED: Final = 100  # lines that are no memories, each named on standard error
_LISTED: Final = 1000  # the same in a JSON document
_TWICE: Final = "what is queued already is not queued twice"


def run(path: Path | None, project: str | None, *, again: bool, as_json: bool) -> None:
    """Queue the lines of the file (None: of standard input), and print how many were queued.

    Standard error says what is wrong with lines. Raises Mem0TrayError if not everything was
    queued, after that has been printed.
    """
    loaded = context.load_what_holds()
    project = project_alone(project) or ""
    bad: list[BadLine] = []
    with ProgressLine() as progress:

        def tell(line: BadLine) -> None:
            if len(bad) < _LISTED:
                bad.append(line)
            if not as_json and queue.so_far.bad <= _NAMED:
                progress.clear()
                output.remark(f"Line {line.number:,} {line.why}.")

        def watch(so_far: LinesSoFar) -> None:
            if progress.is_due:
                progress.show(f"{plural(so_far.lines, 'line')}, {so_far.queued:,} queued")

        queue = LineQueue(loaded, project, again, tell, watch)
        failed: Mem0TrayError | None = None
        try:
            queue.run(_standard_input() if path is None else _lines_of(path))
        except Mem0TrayError as error:
            failed = error
        except KeyboardInterrupt:
            progress.clear()
            output.remark(f"Interrupted: {_until(queue.so_far)}")
            raise
    _tell(queue.so_far, bad, as_json=as_json)
    if loaded.wrong and queue.so_far.queued:
        context.warn(["The memories are queued all the same."])
    _complain(queue.so_far, failed, as_json=as_json)


def _standard_input() -> Iterator[bytes]:
    if sys.stdin.isatty():
        sys.stderr.write(f"Type one JSON object a line. {END_OF_INPUT} ends it.\n")
    return _read(sys.stdin.buffer, "standard input")


def _lines_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from _read(file, str(path))
    except FileNotFoundError as error:
        raise FileUnavailableError(
            f"{path} is not there.", "Name a file that is, or `-` for standard input."
        ) from error
    except OSError as error:
        raise _unreadable(str(path), error) from error


def _unreadable(name: str, error: OSError) -> FileUnavailableError:
    reason = (error.strerror or str(error)).lower()
    return FileUnavailableError(f"{name} cannot be read: {reason}.")


def _read(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Read the lines, of one that is too long only as much as shows that."""
    try:
        while line := file.readline(LONGEST_LINE + 1):
            yield line
            while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(LONGEST_LINE + 1)
    except OSError as error:
        raise _unreadable(name, error) from error


def _tell(so_far: LinesSoFar, bad: list[BadLine], *, as_json: bool) -> None:
    shown = json.dumps(_document(so_far, bad), indent=2) if as_json else "\n".join(_said(so_far))
    why = cli.why_not_written(f"{shown}\n")
    if why:
        output.remark(f"{_queued(so_far)} Standard output cannot be written: {why}.")


def _said(so_far: LinesSoFar) -> Iterator[str]:
    yield _queued(so_far)
    if so_far.waiting:
        yield f"{so_far.waiting:,} waited already."
    if so_far.delivered:
        verb = "was" if so_far.delivered == 1 else "were"
        yield (
            f"{so_far.delivered:,} {verb} delivered to this server before."
            " `--again` queues them once more."
        )


def _queued(so_far: LinesSoFar) -> str:
    if not so_far.queued:
        return "Nothing was queued."
    return f"{plural(so_far.queued, 'memory is', 'memories are')} queued."


def _until(so_far: LinesSoFar) -> str:
    """How much of what was read is queued, and what to do about the rest."""
    queued = _queued(so_far).rstrip(".")
    if so_far.writing:
        writing = f"{so_far.writing:,} that were being written"
        queued = f"{queued}, and perhaps {writing}"
    read = plural(so_far.lines, "line was", "lines were")
    return f"{queued}; {read} read. Add all of it again: {_TWICE}."


def _document(so_far: LinesSoFar, bad: list[BadLine]) -> dict[str, Any]:
    return {
        "lines": so_far.lines,
        "queued": so_far.queued,
        "emergency": so_far.emergency,
        "waiting": so_far.waiting,
        "delivered": so_far.delivered,
        "bad": so_far.bad,
        "problems": [{"line": each.number, "reason": each.why} for each in bad],
    }


def _complain(so_far: LinesSoFar, failed: Mem0TrayError | None, *, as_json: bool) -> None:
    if failed is not None and so_far.lines:
        raise Mem0TrayError(f"{failed.message} {_until(so_far)}", failed.remedy) from failed
    if failed is not None:
        raise failed
    if not so_far.bad:
        return
    lines = plural(so_far.bad, "line is no memory", "lines are no memories")
    more = so_far.bad > _NAMED and not as_json
    first = f" The first {_NAMED} are named above." if more else ""
    what = f"{lines}, and not queued.{first}"
    raise Mem0TrayError(what, f"Mend what is wrong, and add all of it again: {_TWICE}.")
