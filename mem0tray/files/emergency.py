"""The emergency file: JSON lines that producers append without any lock.

It is never truncated and never read twice: complete lines from a remembered
inode and offset. (Measured: rename-read-delete lost 1,352 of 5,367 lines,
truncating 1,968 of 14,975, reading by offset none.)
"""

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mem0tray.core.item import Item, parse
from mem0tray.core.large import check_utf8
from mem0tray.files import atomic, document
from mem0tray.system import plain

RENAME_AFTER = 60.0  # seconds without growth
_BLANKS = b"\0 \r\t\xef\xbb\xbf"
_BEGINS = re.compile(rb'\{\s*("|\Z)')  # as a line, and not what stands in one
_LONGEST_TORN = 1_000_000  # bytes of torn lines that are kept for their end
_CONTEXT = 256  # bytes before the offset that must still be the same
REMOVE_AFTER = 86_400.0  # seconds after the renaming; a slow writer may still hold it open


class EmergencySource(msgspec.Struct, frozen=True):
    """A file being read: its name, inode, how far we are, when we renamed it (0: not).

    `before` is a hash of what stands just before `offset`: the inode of a file
    that was removed is soon another file's. `renamed` is in Unix seconds; `boot`
    names the start of the machine in which it was, `uptime` is the same moment on
    the monotonic clock, which nobody can set. `torn` are lines of which the first is the
    beginning of one that another writer cut in two; its end may come still.
    """

    name: str
    inode: int
    offset: int = 0
    renamed: float = 0.0
    before: bytes = b""
    boot: str = ""
    uptime: float = 0.0
    torn: tuple[bytes, ...] = ()

    def has_rested(self, now: float, boot: str, uptime: float) -> bool:
        """Whether no writer holds it open any more: a day has passed since the renaming.

        By both clocks: one that is set forward, as soon after a start of the machine,
        makes no day. A writer of an earlier start is gone in any case.
        """
        if now - self.renamed <= REMOVE_AFTER:
            return False
        return boot != self.boot or uptime - self.uptime > REMOVE_AFTER


@dataclass(slots=True)
class Lines:
    """What new lines held, and where to go on."""

    items: list[Item] = field(default_factory=list)
    odd: list[bytes] = field(default_factory=list)
    source: EmergencySource | None = None


def read(folder: Path, source: EmergencySource, *, final: bool) -> Lines | None:
    """New lines of `source`, or None when there are none.

    `final` takes a last line without its newline, and what another line was written into, as
    they are: nobody will complete them. Otherwise they wait.
    """
    torn, lost = list(source.torn), list[bytes]()
    path = folder / source.name
    try:
        with plain.open_binary(path) as file:
            if os.fstat(file.fileno()).st_ino != source.inode:
                return None
            file.seek(max(0, source.offset - _CONTEXT))
            context = file.read(min(source.offset, _CONTEXT))
            offset = source.offset
            if _hash(context) != source.before:
                offset, context = 0, b""
                file.seek(0)
                torn, lost = [], torn  # they stood in another file
            data = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(path, error) from error
    *lines, tail = data.split(b"\n")
    taken = len(data) - len(tail)
    if tail.strip() and (final or parse(tail) is not None):
        lines.append(tail)
        taken = len(data)
    if not taken and not (final and (torn or lost)):
        return None
    before = _hash((context + data[max(0, taken - _CONTEXT) : taken])[-_CONTEXT:])
    del data
    result = Lines(odd=lost)
    lines.reverse()
    while lines:  # a large one is not kept beside what was made of it
        _take(lines.pop(), result, torn)
    if final or sum(map(len, torn)) > _LONGEST_TORN:
        result.odd += torn
        torn.clear()
    result.source = msgspec.structs.replace(
        source, offset=offset + taken, before=before, torn=tuple(torn)
    )
    return result


def _hash(context: bytes) -> bytes:
    return hashlib.sha256(context).digest() if context else b""


def _take(line: bytes, result: Lines, torn: list[bytes]) -> None:
    """Take what a line holds; `torn`: see `EmergencySource`, changed here."""
    bare = line.strip(_BLANKS)
    if not bare:
        return
    item = _whole(bare)
    if item is not None:
        result.items.append(item)
        return
    found = document.salvage(bare, ("queue",))
    result.items += [item for raw in found.lists["queue"] if (item := parse(raw)) is not None]
    rest = document.around_lines(line)
    if torn and (item := _whole(b"".join(map(document.around_lines, (*torn, line))))) is not None:
        result.items.append(item)
        torn.clear()
    elif _BEGINS.match(rest.lstrip(_BLANKS)):
        result.odd += torn
        torn[:] = [line] if rest != line else []
        result.odd += [] if torn else [bare]
    elif torn:  # what is no line may be the middle of one
        torn.append(line)
    else:
        result.odd.append(bare)


def _whole(line: bytes) -> Item | None:
    item = parse(_as_utf8(line))
    return item if item is not None and document.loadable(item.raw) else None


def _as_utf8(line: bytes) -> bytes:
    """The line with bad bytes as the escapes of the lone surrogates that stand for them."""
    try:
        check_utf8(line)
    except UnicodeDecodeError:
        text = document.to_text(line)
        return re.sub("[\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):04x}", text).encode()
    return line
