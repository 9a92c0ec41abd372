"""The emergency file: JSON lines that producers append without any lock.

It is never truncated and never read twice: reading takes complete lines from a remembered
inode and offset on. (Measured: rename-read-delete lost 1,352 of 5,367 lines,
truncating 1,968 of 14,975, reading by offset none.)
"""

import math
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from mem0tray.core import jsontext
from mem0tray.core.item import Item, load_object, parse
from mem0tray.files import atomic, document
from mem0tray.system import regular_file

READ: Final = ".mem0_emergency.{inode}.read.json"  # its name once it is quiet
RENAME_AFTER: Final = 60.0  # seconds without growth
REMOVE_AFTER: Final = 86_400.0  # seconds after the renaming; a slow writer may still hold it open
_BLANKS: Final = b"\0 \r\t\xef\xbb\xbf"
_BEGINS: Final = re.compile(rb'\{\s*("|\Z)')  # a line, not an object within one
_LONGEST_TORN: Final = 1_000_000  # bytes of torn lines that we keep until their end comes
_ONE_WRITE: Final = 4096  # bytes of C's buffers (Python's are larger): a shorter line is one write
_CONTEXT: Final = 256  # bytes before the offset that must still be the same


class EmergencySource(msgspec.Struct, frozen=True):
    """A file being read: its name, inode, how far we are, when we renamed it (0: not yet).

    `before` is a hash of what stands just before `offset`, as the inode of a removed file is
    soon another file's. `renamed` is in Unix seconds; `boot` names the machine's start at that
    moment, and `uptime` is the moment on the monotonic clock, which nobody can set. `torn` are
    the parts of a line that others wrote theirs into, and whose end may still come.
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
        """Return whether no writer holds it open any more, a day after the renaming.

        By both clocks, as the wall clock may be set forward. No writer outlives the machine's run.
        """
        if now - self.renamed <= REMOVE_AFTER:
            return False
        return boot != self.boot or uptime - self.uptime > REMOVE_AFTER


class Lines(msgspec.Struct):
    """What new lines held, and where to go on.

    `odd` are lines that make no sense, and parts of lines whose other parts never came; `torn`
    has the parts of a line so far.
    """

    items: list[Item] = msgspec.field(default_factory=list)
    odd: list[bytes] = msgspec.field(default_factory=list)
    torn: list[bytes] = msgspec.field(default_factory=list)
    source: EmergencySource | None = None

    def take(self, line: bytes) -> None:
        bare = line.strip(_BLANKS)
        if not bare:
            return
        item = _whole(bare)
        if item is not None:
            self.items.append(item)
            return
        rest = self.take_within(line)
        bare = rest.strip(_BLANKS)
        if not bare:
            return
        is_closed = document.objects_in(bare) == [(0, len(bare))]  # one that no program can load
        if is_closed or not (self.torn or _begins(rest)):
            self.odd.append(bare)
            return
        self.torn.append(rest)
        if sum(map(_begins, self.torn)) > 1:  # an end may be that of either: no memory is of two
            self.give_up()
        elif bare.endswith(b"}") and (item := _whole(b"".join(self.torn))) is not None:
            self.items.append(item)
            self.torn.clear()
        elif sum(map(len, self.torn)) > _LONGEST_TORN:
            self.give_up()

    def take_within(self, line: bytes, longest: float = _ONE_WRITE) -> bytes:
        """Take the whole memories that others wrote into a line; return the line without them.

        Behind the beginning of a line, what is longer than one write may have that line's end: two
        writers that take turns make `{"content": "a…{"content": "b…` and the end of the first.
        """
        is_torn = bool(self.torn)
        left, at = b"", 0
        for start, end in document.objects_in(line):
            before = left + line[at:start]
            is_alone = not is_torn and not before.strip(_BLANKS)
            if not is_alone and end - start >= longest:
                continue
            item = _whole(line[start:end])
            if item is None:
                continue
            # A line of its own, not a value of the torn line that it is glued to?
            is_marked = (load_object(item.raw) or {}).get("emergency") is True
            if is_marked or not before.rstrip().endswith(b":"):
                self.items.append(item)
                left, at = before, end
        return left + line[at:]

    def give_up(self) -> None:
        if self.torn:
            self.odd.append(b"\n".join(self.torn))
            self.torn.clear()


def sources(kept: bytes) -> list[EmergencySource]:
    """Return the files being read, as the ledger keeps them in JSON."""
    return msgspec.json.decode(kept, type=list[EmergencySource])


def read(folder: Path, source: EmergencySource, *, final: bool) -> Lines | None:
    """New lines of `source`, or None when there are none.

    `final` also takes a last line without a newline, and parts of a line, as they are:
    nobody will complete them. Otherwise they wait. Raises FileUnavailableError.
    """
    result = Lines(torn=list(source.torn))
    path, offset = folder / source.name, source.offset
    with atomic.explained(path):
        try:
            file = regular_file.open_binary(path)
        except FileNotFoundError:
            return None
        with file:
            if os.fstat(file.fileno()).st_ino != source.inode:
                return None
            file.seek(max(0, offset - _CONTEXT))
            context = file.read(min(offset, _CONTEXT))
            if _hash(context) != source.before:
                offset, context = 0, b""
                file.seek(0)
                result.give_up()  # its end would have come in the other file
            data = file.read()
    *lines, tail = data.split(b"\n")
    taken = len(data) - len(tail)
    if tail.strip() and (final or parse(tail) is not None):
        lines.append(tail)
        taken = len(data)
    if not taken and not result.odd and not (final and result.torn):
        return None
    for line in lines:
        result.take(line)
    if final:
        if len(result.torn) == 1:  # no end came that could be in it: what looks whole there is
            result.torn = [result.take_within(result.torn[0], math.inf)]
        result.give_up()
    result.source = msgspec.structs.replace(
        source,
        offset=offset + taken,
        before=_hash((context + data[max(0, taken - _CONTEXT) : taken])[-_CONTEXT:]),
        torn=tuple(result.torn),
    )
    return result


def _hash(context: bytes) -> bytes:
    if not context:
        return b""
    import hashlib  # slow to import, and there is hardly ever an emergency file

    return hashlib.sha256(context).digest()


def _begins(part: bytes) -> bool:
    return _BEGINS.match(part.lstrip(_BLANKS)) is not None


def _whole(line: bytes) -> Item | None:
    """Return the memory in a line; bad bytes become escapes of lone surrogates."""
    try:
        line.decode()
    except UnicodeDecodeError:
        line = jsontext.encode(document.to_text(line))
    item = parse(line)
    return item if item is not None and document.loadable(item.raw) else None
