"""Memories as JSON lines, and `mem0tray add --jsonl`: many queued memories with few writes.

Each write holds as much as the queue file has already, so that the time grows with the lines
and not with their square, and no more than that is in memory at once. A memory that is
waiting already is not queued again, so that a run that was cut off can be repeated.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple
from urllib.parse import unquote

from mem0tray import cli
from mem0tray.actions import add
from mem0tray.actions.in_step import keep_in_step
from mem0tray.cli import arguments, output
from mem0tray.cli.interaction import Progress
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Loaded
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.item import Name
from mem0tray.core.text import harmless_json, plural
from mem0tray.files import orders
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
LONGEST_LINE: Final = 16_000_000  # bytes: the longest text has up to six bytes of JSON for each
_LATEST: Final = 253_402_300_799  # of years that a date can be made of


class MemoryLine(NamedTuple):
    """What a line says. `timestamp`: Unix seconds, None where it says none."""

    project: str
    content: str
    id: str
    timestamp: float | None


class BadLineError(Exception):
    """The line is no memory; its text says why, as the end of a sentence that begins with it."""


def read_line(line: bytes, project: str = "") -> MemoryLine:
    """Return the memory of a line; `project` is that of lines that name none.

    A line without an id gets one that is the same at each reading, so that it is queued once.
    Raises BadLineError.
    """
    if len(line) > LONGEST_LINE:
        raise BadLineError(f"is too long: {LONGEST_LINE:,} bytes at most")
    found = _object(line)
    named = found.get("project_id")
    owner = _text(project if named is None else named, "project_id")
    if len(owner) > items.LONGEST_PROJECT:
        most = f"{items.LONGEST_PROJECT} characters at most"
        raise BadLineError(f'has as "project_id" a name that is too long: {most}')
    content = found.get("content")
    if not isinstance(content, str) or not content:
        raise BadLineError('has no text as "content"')
    if items.is_too_long(content):
        raise BadLineError(f'has as "content" a text that is too long: {items.TEXT_AT_MOST}')
    timestamp = _time(found.get("timestamp"))
    name = found.get("id")
    if name is None:
        name = items.stable_id(None, owner, content, timestamp or 0)
    return MemoryLine(owner, content, _text(name, "id"), timestamp)


def write_line(line: MemoryLine) -> bytes:
    """Make the line of a memory, with its end: UTF-8, with escapes for what a terminal obeys."""
    document: dict[str, Any] = {
        "id": line.id, "project_id": line.project, "content": line.content
    }  # fmt: skip
    if line.timestamp is not None:
        document["timestamp"] = line.timestamp
    return harmless_json(json.dumps(document, ensure_ascii=False)).encode() + b"\n"


def ids_of_key(key: str, digest: bytes) -> list[str]:
    """List the ids that may have this idempotency key; the first is the key itself.

    `export` knows a memory by its key alone, which for a further content has a hash behind the
    id, and has letters other than ASCII percent-encoded.
    """
    shown = [key]
    if "%" in key:
        shown.append(unquote(key, errors="surrogatepass"))
    end = f"-{digest.hex()[:8]}"
    return [*shown, *(each.removesuffix(end) for each in shown if each.endswith(end))]


def _object(line: bytes) -> dict[str, Any]:
    try:
        # Half a character, which some programs write in three bytes, is let through.
        found = json.loads(line.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1:,} is 0x{line[error.start]:02x}"
        raise BadLineError(f"is not UTF-8: {place}") from error
    except json.JSONDecodeError as error:
        raise BadLineError(f"is not JSON: {error.msg}, at character {error.pos + 1:,}") from error
    except (RecursionError, ValueError) as error:  # more levels or digits than Python reads
        raise BadLineError("holds too many levels, or too long a number") from error
    if not isinstance(found, dict):
        raise BadLineError("is no JSON object")
    return found


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadLineError(f'has no text as "{name}"')
    return value


def _time(value: Any) -> float | None:
    """Check a timestamp; a whole number stays one, as producers write it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 <= value <= _LATEST):
        raise BadLineError('has a "timestamp" that is no time in Unix seconds')
    return None if value is None else float(value) if isinstance(value, float) else int(value)


# Queueing -------------------------------------------------------------------------------------

_LEAST: Final = 1 << 20  # bytes of one write
_BESIDE: Final = 150  # bytes of an entry beside its text, about
_TWICE: Final = "what is queued already is not queued twice"


@dataclass(slots=True)
class LineQueue:
    """Queue that takes lines; counts say how far it is.

    `queued` memories are on the disk, `emergency` of them in the emergency file. `waiting` waited
    already, `delivered` were delivered before to the chosen server; `problems` says of each line
    that is no memory, by its number, why.
    """

    loaded: Loaded
    project: str  # of lines that name none
    again: bool  # also queue what was delivered before, under another id
    lines: int = 0
    queued: int = 0
    emergency: int = 0
    waiting: int = 0
    delivered: int = 0
    problems: dict[int, str] = field(default_factory=dict)
    _batch: dict[Name, items.Object] = field(default_factory=dict)
    _size: int = 0
    _known: set[Name] = field(default_factory=set)

    def run(self, lines: Iterable[bytes]) -> Iterator[str]:
        """Queue what the lines say; yield after each what is wrong with it, or nothing.

        Everything is on the disk at the end. Raises Mem0TrayError where no file can be written:
        what is counted as queued is queued.
        """
        paths = add.prepared(self.loaded)
        is_chosen = "server.url" not in self.loaded.unknown
        server = chosen_server(self.loaded.settings, paths).name if is_chosen else ""
        # What cannot be read now is taken in only once what is then queued twice.
        keep_in_step(paths, self.loaded.settings)
        with Reader(paths.ledger) as reader:
            self._known = reader.waiting_names()
            for line in lines:
                self.lines += 1
                text = line.removeprefix(BYTE_ORDER_MARK) if self.lines == 1 else line
                try:
                    if text.strip():
                        self._take(read_line(text.rstrip(b"\r\n"), self.project), reader, server)
                except BadLineError as error:
                    self.problems[self.lines] = str(error)
                if self._size >= _LEAST and self._size >= _size_of(paths.queue):
                    self._write(paths)
                yield self.problems.get(self.lines, "")
            self._write(paths)

    def _take(self, found: MemoryLine, reader: Reader, server: str) -> None:
        digest = items.digest(found.project, found.content)
        for name in ids_of_key(found.id, digest)[1:]:
            if reader.has(name, digest, server) or (name, digest) in self._known:
                found = found._replace(id=name)
        while (is_delivered := reader.has(found.id, digest, server)) and self.again:
            found = found._replace(id=items.id_again(found.id))
        if is_delivered:
            self.delivered += 1
        elif (found.id, digest) in self._known:
            self.waiting += 1
        else:
            self._known.add((found.id, digest))
            made = add.entry(found.id, found.project, found.content, found.timestamp)
            self._batch[found.id, digest] = made
            self._size += len(found.content) + _BESIDE

    def _write(self, paths: Paths) -> None:
        if not self._batch:
            return
        # Whoever queues it again takes back a deletion that no worker has carried out yet.
        orders.withdraw(paths.orders, self._batch)
        where = add.add(paths, *self._batch.values())
        self.queued += len(self._batch)
        self.emergency += len(self._batch) if where == "emergency" else 0
        self._size = 0
        self._batch.clear()

    def __str__(self) -> str:
        number = plural(self.queued, "memory is", "memories are")
        return f"{number} queued." if self.queued else "Nothing was queued."

    @property
    def so_far(self) -> str:
        """How much of what was read is queued, and what to do about the rest."""
        read = plural(self.lines, "line was", "lines were")
        return f"{str(self).rstrip('.')}; {read} read. Add all of it again: {_TWICE}."


def _size_of(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def run(path: Path | None, project: str | None, *, again: bool, as_json: bool) -> None:
    """Queue the lines of the file (None: of standard input), and print how many were queued.

    Standard error says what is wrong with lines. Raises Mem0TrayError if not everything was
    queued, after that has been printed.
    """
    loaded = arguments.load_what_holds()
    queue = LineQueue(loaded, arguments.project_alone(project) or "", again)
    failed = _run(queue, _lines(path), as_json=as_json)
    said = json.dumps(_document(queue), indent=2) if as_json else _said(queue)
    if not_written := cli.why_not_written(f"{said}\n"):
        output.remark(f"{queue} Standard output cannot be written: {not_written}.")
    if loaded.wrong and queue.queued:
        arguments.warn(["The memories are queued all the same."])
    if failed is not None:
        if not queue.lines:
            raise failed
        raise Mem0TrayError(f"{failed.message} {queue.so_far}", failed.remedy) from failed
    if queue.problems:
        bad = plural(len(queue.problems), "line is no memory", "lines are no memories")
        remedy = f"Mend what is wrong, and add all of it again: {_TWICE}."
        raise Mem0TrayError(f"{bad}, and not queued.", remedy)


def _run(queue: LineQueue, lines: Iterable[bytes], *, as_json: bool) -> Mem0TrayError | None:
    """Queue the lines, and show the progress; return the error that ended it."""
    with Progress() as progress:
        try:
            for why in queue.run(lines):
                if why and not as_json:
                    progress.clear()
                    output.remark(f"Line {queue.lines:,} {why}.")
                if progress.is_due:
                    progress.show(f"{plural(queue.lines, 'line')}, {queue.queued:,} queued")
        except Mem0TrayError as error:
            return error
        except KeyboardInterrupt:
            progress.clear()
            output.remark(f"Interrupted: {queue.so_far}")
            raise
    return None


def _lines(path: Path | None) -> Iterator[bytes]:
    """Read the lines. Raises FileUnavailableError."""
    if path is None and sys.stdin.isatty():
        sys.stderr.write(f"Type one JSON object a line. {arguments.END_OF_INPUT} ends it.\n")
    try:
        if path is None:
            yield from _limited(sys.stdin.buffer)
            return
        with path.open("rb") as file:
            yield from _limited(file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FileUnavailableError(
            f"{path or 'standard input'} cannot be read: {reason}."
        ) from error


def _limited(file: BinaryIO) -> Iterator[bytes]:
    """Read the lines, of one that is too long only as much as shows that."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE + 1)


def _said(queue: LineQueue) -> str:
    said = str(queue)
    if queue.waiting:
        said += f"\n{queue.waiting:,} waited already."
    if queue.delivered:
        said += f"\n{queue.delivered:,} delivered to this server before: `--again` queues them too."
    return said


def _document(queue: LineQueue) -> dict[str, Any]:
    return {
        "lines": queue.lines,
        "queued": queue.queued,
        "emergency": queue.emergency,
        "waiting": queue.waiting,
        "delivered": queue.delivered,
        "bad": len(queue.problems),
        "problems": [{"line": line, "reason": why} for line, why in queue.problems.items()],
    }
