"""Memories as JSON lines; one that waits already is not queued again, so a run can be repeated."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from mem0tray.actions import add
from mem0tray.actions.one_writer import keep_in_step
from mem0tray.config.server_choice import chosen_server
from mem0tray.config.settings import Loaded
from mem0tray.core import item as items
from mem0tray.core.item import Name
from mem0tray.core.text import harmless_json
from mem0tray.files import orders
from mem0tray.ledger.reader import Reader
from mem0tray.system.paths import Paths

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
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
    """Return the memory of a line (of `project`, if it names none). Raises BadLineError."""
    if len(line) > items.LONGEST_LINE:
        raise BadLineError(f"is too long: {items.LONGEST_LINE:,} bytes at most")
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
    """List the ids that may have this idempotency key, by which alone `export` knows a memory."""
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
    _removed: set[Name] = field(default_factory=set)  # deleted on a server: ids that are used up

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
            self._known, self._removed = reader.waiting_names(), reader.removed()
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
            its = name, digest
            if its in self._known or its in self._removed or reader.has(*its, server):
                found = found._replace(id=name)
        while (found.id, digest) in self._removed:
            found = found._replace(id=items.id_again(found.id))
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
        orders.withdraw(paths, self._batch)
        where = add.add(paths, *self._batch.values())
        self.queued += len(self._batch)
        self.emergency += len(self._batch) if where == "emergency" else 0
        self._size = 0
        self._batch.clear()


def _size_of(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
