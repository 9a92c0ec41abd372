"""A disk as applications may rely on it: what is not synced may be there, or not, in any order.

The model is that of ALICE (Pillai et al., OSDI 2014) at its weakest:

* the bytes of a file last only after an fsync or fdatasync of that file;
* a name in a folder (created, renamed, linked, removed) lasts only after an fsync of that
  folder, one of a file does nothing for its name;
* what was not synced may have reached the disk in any order, each part of it or not at
  all: a rename before the bytes of what was renamed, a file's new size before its bytes
  (blocks of zeros or of garbage), a write up to any block, an earlier write not and a
  later one all the same;
* a rename is atomic, and a block that is overwritten holds its old bytes or the new ones.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

BLOCK: Final = 4096
FOLDER: Final = 0  # the inode number that stands for any folder
_EXHAUSTIVE: Final = 4  # so many pending operations on names are tried in every combination
_GARBAGE: Final = b"\xa5"
_SAMPLES: Final = 6  # of each kind of half-written file, spread evenly


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written at an offset of a file."""

    inode: int
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Resize:
    """A file cut or extended."""

    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name given to a file or folder, `old` taken from it at once (a rename)."""

    inode: int
    path: str
    old: str | None = None


@dataclass(frozen=True, slots=True)
class Unname:
    """A name removed."""

    path: str


@dataclass(frozen=True, slots=True)
class SyncFile:
    """An fsync of a file, for the operations before number `began`."""

    inode: int
    began: int


@dataclass(frozen=True, slots=True)
class SyncFolder:
    """An fsync of a folder, for the operations before number `began`."""

    path: str
    began: int


Operation = Write | Resize | Name | Unname | SyncFile | SyncFolder
Tree = Mapping[str, bytes | None]  # by path: the bytes of a file, None for a folder


@dataclass(frozen=True, slots=True)
class Left:
    """What a power cut left: the tree, and in words what of it was lost."""

    tree: Tree
    words: str


@dataclass(slots=True)
class _File:
    """Bytes that last, and what was done since, each with its number."""

    lasting: bytes = b""
    pending: list[tuple[int, Write | Resize]] = field(default_factory=list)


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _apply(data: bytes, changes: Sequence[Write | Resize]) -> bytes:
    result = bytearray(data)
    for change in changes:
        if isinstance(change, Resize):
            del result[change.size :]
            result.extend(bytes(change.size - len(result)))
        else:
            end = change.offset + len(change.data)
            result.extend(bytes(max(0, end - len(result))))
            result[change.offset : end] = change.data
    return bytes(result)


class Disk:
    """A disk on which operations are done one after the other; `left` is what a cut leaves."""

    def __init__(self, names: Mapping[str, int], contents: Mapping[int, bytes]) -> None:
        self._names = dict(names)
        self._files = {inode: _File(data) for inode, data in contents.items()}
        self._pending: list[tuple[int, Name | Unname]] = []
        self._done = 0

    def do(self, operation: Operation) -> None:
        match operation:
            case Write() | Resize():
                file = self._files.setdefault(operation.inode, _File())
                file.pending.append((self._done, operation))
            case Name() | Unname():
                self._pending.append((self._done, operation))
            case SyncFile(inode, began):
                self._sync_file(self._files.setdefault(inode, _File()), began)
            case SyncFolder(path, began):
                self._sync_folder(path, began)
        self._done += 1

    @staticmethod
    def _sync_file(file: _File, began: int) -> None:
        now = [change for number, change in file.pending if number < began]
        file.lasting = _apply(file.lasting, now)
        file.pending = [(number, change) for number, change in file.pending if number >= began]

    def _sync_folder(self, path: str, began: int) -> None:
        def lasts(number: int, change: Name | Unname) -> bool:
            return number < began and _parent(change.path) == path

        now = [change for number, change in self._pending if lasts(number, change)]
        self._names = _named(self._names, now)
        self._pending = [entry for entry in self._pending if not lasts(*entry)]

    # What a power cut leaves ----------------------------------------------------------

    def left(self) -> Iterator[Left]:
        changes = [change for _, change in self._pending]
        for kept in _subsets(len(changes)):
            names = _reached(_named(self._names, [changes[number] for number in kept]))
            lost = [str(change) for n, change in enumerate(changes) if n not in kept]
            words = f"lost: {', '.join(lost)}" if lost else "every name there"
            for contents, about in self._contents(set(names.values())):
                tree = {
                    path: None if inode == FOLDER else contents.get(inode, b"")
                    for path, inode in names.items()
                }
                yield Left(tree, "; ".join([words, *about]))

    def _contents(self, wanted: set[int]) -> Iterator[tuple[dict[int, bytes], list[str]]]:
        """Give the bytes of the files: all complete, all old, all hollow, and each in turn."""
        changed = {i: file for i, file in self._files.items() if i in wanted and file.pending}
        complete = {i: _complete(file) for i, file in self._files.items()}
        yield complete, []
        if not changed:
            return
        old = complete | {i: file.lasting for i, file in changed.items()}
        yield old, ["no bytes of what was not synced"]
        for fill, name in ((b"\0", "zeros"), (_GARBAGE, "garbage")):
            hollow = {i: _hollow(file, fill) for i, file in changed.items()}
            yield complete | hollow, [f"{name} where bytes were appended"]
        for inode, file in changed.items():
            for data, about in _halves(file):
                told = [f"file {inode}: {about}"]
                yield complete | {inode: data}, told
                if len(changed) > 1:
                    yield old | {inode: data}, [*told, "no bytes of the others"]


def _named(names: Mapping[str, int], changes: Sequence[Name | Unname]) -> dict[str, int]:
    result = dict(names)
    for change in changes:
        if isinstance(change, Unname):
            result.pop(change.path, None)
            continue
        if change.old is not None and result.get(change.old) == change.inode:
            del result[change.old]
        result[change.path] = change.inode
    return result


def _reached(names: Mapping[str, int]) -> dict[str, int]:
    reached: dict[str, int] = {}
    for path in sorted(names):
        if (parent := _parent(path)) == "." or parent in reached:
            reached[path] = names[path]
    return reached


def _subsets(count: int) -> Iterator[Sequence[int]]:
    """Every choice of a few; of many all and none, starts, all but one, one alone."""
    numbers = range(count)
    if count <= _EXHAUSTIVE:
        for size in range(count, -1, -1):
            yield from itertools.combinations(numbers, size)
        return
    yield from (numbers[:size] for size in reversed(_spread(range(count + 1))))
    yield from ([n for n in numbers if n != one] for one in _spread(numbers[:-1]))
    yield from ([one] for one in _spread(numbers[1:]))


def _complete(file: _File) -> bytes:
    return _apply(file.lasting, [change for _, change in file.pending])


def _hollow(file: _File, fill: bytes) -> bytes:
    """The new size, and what was there before: what was appended holds `fill`."""
    full = _complete(file)
    kept = file.lasting[: len(full)]
    return kept + fill * (len(full) - len(kept))


def _halves(file: _File) -> Iterator[tuple[bytes, str]]:
    """Some of what was written and not synced, in order and out of order, and torn writes."""
    changes = [change for _, change in file.pending]
    for size in _spread(range(1, len(changes))):
        yield _apply(file.lasting, changes[:size]), f"the first {size} of {len(changes)} writes"
    if len(changes) > 1:
        for one in _spread(range(len(changes))):
            rest = changes[:one] + changes[one + 1 :]
            yield _apply(file.lasting, rest), f"all writes but number {one + 1}"
            yield _apply(file.lasting, [changes[one]]), f"write number {one + 1} alone"
    last = changes[-1]
    if isinstance(last, Write):
        for size in _cuts(last):
            torn = Write(last.inode, last.offset, last.data[:size])
            yield _apply(file.lasting, [*changes[:-1], torn]), f"{size} bytes of the last write"
        tail = Write(last.inode, last.offset + BLOCK, last.data[BLOCK:])
        if tail.data:
            yield _apply(file.lasting, [*changes[:-1], tail]), "the last write without its start"


def _cuts(write: Write) -> list[int]:
    """Where a write may be torn: at blocks of the file, and once in the middle of a byte run."""
    start = BLOCK - write.offset % BLOCK
    blocks = _spread(range(start, len(write.data), BLOCK))
    return sorted({*blocks, len(write.data) // 2} - {0})


def _spread(numbers: range) -> list[int]:
    if len(numbers) <= _SAMPLES:
        return list(numbers)
    step = (len(numbers) - 1) / (_SAMPLES - 1)
    return [numbers[round(n * step)] for n in range(_SAMPLES)]
