"""The emergency file: JSON lines that producers append without any lock.

It is never truncated and never read twice: reading takes complete lines from a remembered
inode and offset on. (Measured: rename-read-delete lost 1,352 of 5,367 lines,
truncating 1,968 of 14,975, reading by offset none.)
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mem0tray.core.item import Item, load_object, parse
from mem0tray.files import atomic, document
from mem0tray.system import regular_file

RENAME_AFTER = 60.0  # seconds without growth
_BLANKS = b"\0 \r\t\xef\xbb\xbf"
_BEGINS = re.compile(rb'\{\s*("|\Z)')  # a line, not an object within one
_LONGEST_TORN = 1_000_000  # bytes of torn lines that we keep until their end comes
_SHORTEST_CUT = 4096  # bytes of C's buffers (Python's are larger): a shorter line is one write
_MOST_TORN = 64  # torn lines kept, since each may be the end
_CONTEXT = 256  # bytes before the offset that must still be the same
REMOVE_AFTER = 86_400.0  # seconds after the renaming; a slow writer may still hold it open


class EmergencySource(msgspec.Struct, frozen=True):
    """A file being read: its name, inode, how far we are, when we renamed it (0: not yet).

    `before` is a hash of what stands just before `offset`, as the inode of a removed file is
    soon another file's. `renamed` is in Unix seconds; `boot` names the machine's start at that
    moment, and `uptime` is the moment on the monotonic clock, which nobody can set. `torn` are
    lines of which the first is the beginning of a line that other writers cut up, and whose end
    may still come.
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
        """Whether no writer holds the file open any more: a day has passed since the renaming.

        The day must have passed by both clocks, as the wall clock may be set forward, mostly soon
        after a start of the machine. A writer from before that start is gone in any case.
        """
        if now - self.renamed <= REMOVE_AFTER:
            return False
        return boot != self.boot or uptime - self.uptime > REMOVE_AFTER

    @property
    def pieces(self) -> list[bytes]:
        """The torn lines as one piece, if there are any."""
        return _together(self.torn)


class Lines(msgspec.Struct):
    """What new lines held, and where to go on.

    `odd` are lines that make no sense; `pieces` those of which nobody can tell any more how they
    belong together: each piece is counted as one, however many lines it has.
    """

    items: list[Item] = msgspec.field(default_factory=list)
    odd: list[bytes] = msgspec.field(default_factory=list)
    pieces: list[bytes] = msgspec.field(default_factory=list)
    source: EmergencySource | None = None


def sources(kept: bytes) -> list[EmergencySource]:
    """The files being read, as the ledger keeps them in JSON."""
    return msgspec.json.decode(kept, type=list[EmergencySource])


def read(folder: Path, source: EmergencySource, *, final: bool) -> Lines | None:
    """New lines of `source`, or None when there are none.

    `final` also takes a last line without a newline, and lines cut up by others, as they are:
    nobody will complete them. Otherwise they wait.
    """
    torn, lost = list(source.torn), list[bytes]()
    path = folder / source.name
    try:
        with regular_file.open_binary(path) as file:
            if os.fstat(file.fileno()).st_ino != source.inode:
                return None
            file.seek(max(0, source.offset - _CONTEXT))
            context = file.read(min(source.offset, _CONTEXT))
            offset = source.offset
            if _hash(context) != source.before:
                offset, context = 0, b""
                file.seek(0)
                torn, lost = [], torn  # those lines stood in another file
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
    result = Lines()
    _give_up(lost, result)
    for line in lines:
        _take(line, result, torn)
        if len(torn) > _MOST_TORN or sum(map(len, torn)) > _LONGEST_TORN:
            _give_up(torn, result)
    if final:
        _give_up(torn, result)
    result.source = msgspec.structs.replace(
        source, offset=offset + taken, before=before, torn=tuple(torn)
    )
    return result


def _hash(context: bytes) -> bytes:
    if not context:
        return b""
    import hashlib  # slow to import, and there is hardly ever an emergency file

    return hashlib.sha256(context).digest()


def _take(line: bytes, result: Lines, torn: list[bytes]) -> None:
    """Take what a line holds; changes `torn`, for which see `EmergencySource`."""
    bare = line.strip(_BLANKS)
    if not bare:
        return
    item = _whole(bare)
    if item is not None:
        result.items.append(item)
        return
    if _may_be_of_two(line):
        torn.append(line)
        return
    found = document.salvage(bare, ("queue",))
    result.items += [item for raw in found.lists["queue"] if (item := parse(raw)) is not None]
    rest = document.around_lines(line)
    is_whole = bool(found.rejected) or load_object(bare) is not None
    if is_whole or not (torn or _begins(rest)):
        result.odd.append(bare)
        return
    torn.append(line)  # it may be the middle of a line
    if rest.rstrip(_BLANKS).endswith(b"}") and (item := _put_together(torn)) is not None:
        result.items.append(item)
        torn.clear()


def _put_together(torn: list[bytes]) -> Item | None:
    """The memory that these parts make up, without the whole lines between them.

    Where two lines have begun, an end may be that of either, and would read as a memory in both.
    """
    parts = list(map(document.around_lines, torn))
    if sum(map(_begins, parts)) != 1 or any(map(_may_be_of_two, torn)):
        return None
    return _whole(b"".join(parts))


def _give_up(torn: list[bytes], result: Lines) -> None:
    """Keep in one piece what nobody completes any more, or nobody can tell apart."""
    if not _are_mixed(torn):
        for line in filter(_may_be_of_two, torn):
            found = document.salvage(line, ("queue",)).lists["queue"]
            result.items += [item for raw in found if (item := parse(raw)) is not None]
    result.pieces += _together(torn)
    torn.clear()


def is_mixed(pieces: bytes) -> bool:
    """Whether a memory that looks whole in one of `Lines.pieces` may be made of two."""
    return _are_mixed(pieces.split(b"\n"))


def _are_mixed(torn: Sequence[bytes]) -> bool:
    """Whether an end has come that may be another line's, which then looks whole."""
    return any(map(_may_be_of_two, torn)) and not all(
        _begins(document.around_lines(line)) for line in torn
    )


def _may_be_of_two(line: bytes) -> bool:
    """Whether a torn line that looks whole may be the beginning of one and the end of another.

    So it is where two writers take turns: `{"content": "a…{"content": "b…` and the first's end.
    """
    return any(
        end - start >= _SHORTEST_CUT and _begins(document.around_lines(line[:start]))
        for start, end in document.lines_in(line)
    )


def _begins(part: bytes) -> bool:
    return _BEGINS.match(part.lstrip(_BLANKS)) is not None


def _together(torn: Sequence[bytes]) -> list[bytes]:
    return [b"\n".join(torn)] if torn else []


def _whole(line: bytes) -> Item | None:
    item = parse(_as_utf8(line))
    return item if item is not None and document.loadable(item.raw) else None


def _as_utf8(line: bytes) -> bytes:
    """The line with bad bytes as escapes of the lone surrogates that stand for them."""
    try:
        line.decode()
    except UnicodeDecodeError:
        text = document.to_text(line)
        return re.sub("[\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):04x}", text).encode()
    return line
