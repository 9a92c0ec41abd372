"""Receipts: what commands and the menu changed in the DLQ file, so that no hand edit is seen.

A receipt says which memories were removed, put in, or made due at once, and names the
very file that shows the change (inode, size, time of change). It is written just before that
file takes its place, as `doing-N.json`, and renamed to `done-N.json` just after; both
under the lock that our own writers share. The worker compares what it sees with the
receipts, memory by memory; what no receipt explains was done by hand. A receipt also names the
file that its command replaced: if commands alone led from the file that was merged
last to the present one, a `last_attempt` of 0 that stood there before is nobody's edit.

No receipt may hide a removal by hand. One named `doing` counts only while the file that it names is
in place: a command killed before that put the file nowhere. One named `done` counts for the next
reading of the file and no other. One that is lost or cannot be read explains nothing.
"""

import itertools
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.item import Name
from mem0tray.files import atomic, private_folders
from mem0tray.files.atomic import LastingSignature, Signature
from mem0tray.files.named import Named, named, names_of
from mem0tray.system import plain

DELETE: Final = "delete"
FORGET: Final = "forget"
RETRY: Final = "retry"
RESTORE: Final = "restore"
EDIT: Final = "edit"
VERBS: Final = (DELETE, FORGET, RESTORE, EDIT, RETRY)
_DOING: Final = "doing-"
_DONE: Final = "done-"


class _Receipt(msgspec.Struct, frozen=True):
    """What stands in a receipt; `file` is inode, size and time of change (ns)."""

    verb: str
    file: LastingSignature
    before: LastingSignature | None = None  # the file that was replaced, if any
    removed: Sequence[Named] = ()
    added: Sequence[Named] = ()
    due: Sequence[Named] = ()
    backup: str = ""


class Deed(msgspec.Struct, frozen=True):
    """What a user did to a memory: the verb, and the name of the backup that it made, if any."""

    verb: str
    backup: str = ""


class Account(msgspec.Struct, frozen=True):
    """What commands have done since the last reading, for each memory: the last deed counts.

    `whole`: everything done to the file since it was last merged was done by commands.
    """

    removed: Mapping[Name, Deed] = msgspec.field(default_factory=dict)
    added: Mapping[Name, Deed] = msgspec.field(default_factory=dict)
    due: Mapping[Name, Deed] = msgspec.field(default_factory=dict)
    whole: bool = False


class Difference(msgspec.Struct, frozen=True):
    """What an edit of the file's items changes: memories removed, put in, made due at once."""

    removed: Sequence[Name]
    added: Sequence[Name]
    due: Sequence[Name]


def difference(
    before: Sequence[bytes], after: Sequence[bytes], asked: Sequence[Name] = ()
) -> Difference:
    """Compare the items of two states of the file; leave out what makes no sense to us.

    Memories `asked` to be due at once count as made due, even if they already were.
    """
    old, new = _parsed(before, set(after)), _parsed(after, set(before))
    due = [name for name in new if name in old and new[name] <= 0 < old[name]]
    return Difference(
        removed=[name for name in old if name not in new],
        added=[name for name in new if name not in old],
        due=list(dict.fromkeys([*due, *asked])),
    )


def _parsed(raws: Iterable[bytes], same: set[bytes]) -> dict[Name, float]:
    """The memories not among the `same`, each with its `last_attempt`."""
    found = (items.parse(raw) for raw in raws if raw not in same)
    return {item.name: item.last_attempt for item in found if item is not None}


class Writer:
    """The receipt of one change of the file `before`. Use it with our own writers' lock held."""

    def __init__(
        self,
        folder: Path,
        verb: str,
        change: Difference,
        backup: str = "",
        before: Signature | None = None,
    ) -> None:
        self._folder = folder
        self._verb = verb
        self._change = change
        self._backup = backup
        self._before = before
        self._path: Path | None = None

    def announce(self, file: Signature) -> None:
        """Write the receipt, for the file that is about to take its place.

        If that fails, the change is made all the same, and told as a hand edit.
        """
        change = self._change
        receipt = {
            "verb": self._verb,
            "file": file.lasting,
            "before": self._before.lasting if self._before else None,
            "removed": msgspec.to_builtins(named(change.removed)),
            "added": msgspec.to_builtins(named(change.added)),
            "due": msgspec.to_builtins(named(change.due)),
            "backup": self._backup,
        }
        with suppress(FileUnavailableError):
            private_folders.make_private_folder(self._folder)
            path = self._folder / f"{_DOING}{_next_number(self._folder):020d}.json"
            atomic.replace(path, json.dumps(receipt).encode())
            self._path = path

    def finish(self, *, replaced: bool) -> None:
        """Note whether the file has taken its place."""
        if self._path is None:
            return
        with suppress(OSError):  # the worker may have removed it already
            if replaced:
                self._path.rename(_done(self._path))
            else:
                self._path.unlink()
        self._path = None


def clear_up(folder: Path, file: Signature | None) -> None:
    """Finish or remove what killed commands left, by the file that is in place now.

    The caller holds the lock of our own writers, so that nobody else is at work.
    """
    with suppress(FileUnavailableError):
        for path in private_folders.listing(folder, f"{_DOING}*.json"):
            receipt = _read(path)
            with suppress(OSError):
                if receipt is not None and file is not None and receipt.file == file.lasting:
                    path.rename(_done(path))
                else:
                    path.unlink()
        for path in private_folders.listing(folder, f".{_DOING}*"):
            with suppress(OSError):
                path.unlink()


def _done(path: Path) -> Path:
    return path.with_name(path.name.replace(_DOING, _DONE))


def _next_number(folder: Path) -> int:
    """A number greater than that of any receipt, whatever the clock says."""
    return max([time.time_ns(), *(_number(path) + 1 for path in _paths(folder))])


def _number(path: Path) -> int:
    with suppress(ValueError):
        return int(path.stem.rpartition("-")[2])
    return 0


def _paths(folder: Path) -> list[Path]:
    """Every receipt, the oldest first."""
    found = itertools.chain.from_iterable(
        private_folders.listing(folder, f"{begin}*.json") for begin in (_DOING, _DONE)
    )
    return sorted(found, key=_number)


class Receipts:
    """The worker's side: `look` before the file is read, `account` after, `consume` at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: list[Path] = []
        self._used: list[Path] = []

    def look(self) -> bool:
        """See which receipts there are; return whether they differ from the last look.

        A folder that cannot be read has none: what commands did is then told as hand edits.
        """
        before, self._seen = self._seen, []
        with suppress(FileUnavailableError):
            self._seen = _paths(self._folder)
        return self._seen != before

    def account(self, file: Signature, merged: LastingSignature | None = None) -> Account:
        """What the receipts seen explain of the file with this signature, as read after `look`.

        `merged` is that of the file that was merged last, or published by the worker.
        """
        known = merged  # the latest file up to which receipts explain everything
        removed: dict[Name, Deed] = {}
        added: dict[Name, Deed] = {}
        due: dict[Name, Deed] = {}
        self._used = []
        for path in self._seen:
            receipt = _read(path)
            is_done = path.name.startswith(_DONE)
            if receipt is None and not is_done:  # its command has finished since `look`
                path = _done(path)  # noqa: PLW2901
                receipt = _read(path)
            if receipt is None or not (is_done or receipt.file == file.lasting):
                self._used += [path] if is_done else []
                continue
            self._used.append(path)
            if receipt.before in (None, known):
                known = receipt.file
            deed = Deed(receipt.verb, receipt.backup)
            for name in names_of(receipt.removed):
                removed[name] = deed
                added.pop(name, None)
                due.pop(name, None)
            for name in names_of(receipt.added):
                added[name] = deed
                removed.pop(name, None)
            due |= dict.fromkeys(names_of(receipt.due), deed)
        return Account(removed, added, due, whole=known == file.lasting)

    def consume(self) -> None:
        """Remove the receipts of what was read and is now merged."""
        for path in self._used:
            with suppress(OSError):
                path.unlink()
        self._used = []

    def drop_outlived(self) -> None:
        """Drop `done` receipts: the file has not changed since it was merged with them."""
        self._used = [path for path in self._seen if path.name.startswith(_DONE)]
        self.consume()


def _read(path: Path) -> _Receipt | None:
    """The receipt, or None where it cannot be read or says nothing that makes sense."""
    with suppress(OSError, msgspec.MsgspecError, ValueError):
        found = msgspec.convert(json.loads(plain.read_bytes(path)), _Receipt)
        for named_ones in (found.removed, found.added, found.due):
            names_of(named_ones)  # a digest may be malformed
        return found if found.verb in VERBS else None
    return None
