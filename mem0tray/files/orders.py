"""Orders: what commands and the menu ask of the ledger's only writer, and its answers.

Each is a small file; whoever holds the worker's lock applies it and leaves the answer beside it.
"""

import itertools
import json
import math
import os
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.item import Name
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, document, private_folders
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

DELETE: Final = "delete"
FORGET: Final = "forget"  # delete, and erase the text for good
RETRY: Final = "retry"
RESTORE: Final = "restore"
EDIT: Final = "edit"
REMOVE: Final = "remove"  # the server is about to delete these delivered memories
KEEP: Final = "keep"  # it did not: undoes REMOVE
SHOW: Final = "show"  # a second start of the tray wants the first to show its status
PROBE: Final = "probe"  # somebody asked the server in vain: it is probed at once
LOOK: Final = "look"  # somebody looks at the state: the server is probed, if it was silent
# What became of a memory.
DONE: Final = "done"
PERHAPS: Final = "perhaps"  # done, but an attempt before may have brought the text to the server
IN_FLIGHT: Final = "in flight"  # done unless the server takes the text that is being sent just now
DELIVERED: Final = "delivered"  # nothing was done (EDIT: the new text waits): the server has it
GONE: Final = "gone"  # nothing was done: it no longer waits
THERE: Final = "there"  # nothing was done: it waits already
_CLAIMED: Final = ".claimed"
_KEPT: Final = 60.0  # seconds that an answer waits for the command that asked
_DRAFT_KEPT: Final = 86_400.0  # seconds that a command may stand still before it hands over
_counter = itertools.count()


class Named(msgspec.Struct, frozen=True):
    """A memory: its id, and its digest in hex; what makes no sense as an item has no id."""

    id: str
    digest: str


class Text(msgspec.Struct, frozen=True):
    """A memory's JSON object, bytes that are no UTF-8 as lone surrogates; and where it belongs."""

    raw: str
    dead: bool

    @classmethod
    def of(cls, raw: bytes, *, dead: bool) -> "Text":
        return cls(raw.decode("utf-8", "surrogateescape"), dead)

    @property
    def data(self) -> bytes:
        return self.raw.encode("utf-8", "surrogateescape")


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order about `items`, or about `texts` (RESTORE; EDIT has the new text of its item).

    `backup`: the name to restore from after a deletion. `server`: that of REMOVE and KEEP.
    """

    verb: str
    items: Sequence[Named] = ()
    texts: Sequence[Text] = ()
    backup: str = ""
    server: str = ""
    done: str = ""  # what the verb `discard` of former versions was for

    @property
    def names(self) -> list[Name]:
        """The items by id and digest. Raises ValueError for a malformed digest."""
        return [(each.id, bytes.fromhex(each.digest)) for each in self.items]


def named(names: Iterable[Name]) -> list[Named]:
    """Return these memories for a file."""
    return [Named(name, digest.hex()) for name, digest in names]


def about(verb: str, names: Iterable[Name], backup: str = "", server: str = "") -> Order:
    """Return an order about these memories."""
    return Order(verb, named(names), backup=backup, server=server)


def leave(paths: Paths, order: Order) -> Path:
    """Leave an order for the ledger's writer; return its file. Raises FileUnavailableError."""
    path = prepare(paths, order)
    hand_over(path)
    return path


def prepare(paths: Paths, order: Order) -> Path:
    """Write an order that nobody sees before `hand_over`; return the file that it will be.

    Raises FileUnavailableError.
    """
    private_folders.make_private_folder(paths.orders)
    # The counter keeps apart orders that one process leaves within one tick of the clock.
    path = paths.orders / f"{time.time_ns() + next(_counter)}-{os.getpid()}.json"
    data = json.dumps(msgspec.to_builtins(order))  # with escapes: ids may need them
    atomic.replace(_draft(path), data.encode())
    return path


def hand_over(order: Path) -> None:
    """Show an order to the ledger's writer, for good. Raises FileUnavailableError."""
    with atomic.explained(order):
        _draft(order).rename(order)
    atomic.sync_folder(order.parent)


def waiting(folder: Path) -> list[Path]:
    """List the orders that wait, the oldest first, claimed or not. Raises FileUnavailableError."""
    return [path for path in private_folders.listing(folder, "[0-9]*") if _waits(path.name)]


def _waits(name: str) -> bool:
    return "0" <= name[:1] <= "9" and name.endswith((".json", _CLAIMED))


def read(path: Path) -> Order | None:
    """Read an order; None for one that makes no sense. Raises FileUnavailableError and KeyError.

    KeyError: it has been applied, or taken back, just now.
    """
    with atomic.explained(path):
        try:
            data = regular_file.read_bytes(path)
        except FileNotFoundError:
            if path.is_symlink():  # one that leads nowhere stands in the way for ever
                raise
            raise KeyError(path) from None
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        found = msgspec.convert(json.loads(data), Order)
        _ = found.names  # a digest may be malformed
        # One of a former version may still wait.
        verb = {"discard": found.done or DELETE, "send": RETRY}.get(found.verb, found.verb)
        return msgspec.structs.replace(found, verb=verb)
    return None


def why_unread(path: Path, error: FileUnavailableError) -> Reason:
    """Say what stops deliveries, with the command that mends it."""
    name, owner = shlex.quote(str(path)), path.parent.stat().st_uid
    command = f"rm -r {name}"
    if path.is_file():
        is_ours = path.stat().st_uid == owner
        command = f"chmod 600 {name}" if is_ours else f"sudo chown {owner} {name}"
    return Reason(
        "{why} It is what a command asked for, and nothing is sent before that is done:"
        " `{command}` helps.",
        why=reasons.parted(error.reason)[0], command=command,
    )  # fmt: skip


def unread(folder: Path) -> Reason:
    """Return why an order that waits cannot be read; NONE where all can. FileUnavailableError."""
    for path in waiting(folder):
        try:
            with suppress(KeyError):
                read(path)
        except FileUnavailableError as error:
            return why_unread(path, error)
    return reasons.NONE


def readable(folder: Path) -> Iterator[tuple[Path, Order]]:
    """Yield the orders that wait and can be read."""
    with suppress(FileUnavailableError):
        for path in waiting(folder):
            with suppress(KeyError, FileUnavailableError):
                if (order := read(path)) is not None:
                    yield path, order


def discarded(folder: Path) -> set[Name]:
    """Find the memories to be deleted by the orders that wait, if they can be read."""
    found: set[Name] = set()
    for _path, order in readable(folder):
        if order.verb in {DELETE, FORGET}:
            found |= set(order.names)
    return found


def withdraw(paths: Paths, names: Iterable[Name]) -> None:
    """Take back what waiting orders ask about these memories."""
    unwanted = set(named(names))
    for path, order in readable(paths.orders):
        kept = [each for each in order.items if each not in unwanted]
        if len(kept) < len(order.items):
            if kept:  # first: to apply an order twice is no harm, to lose one is
                leave(paths, msgspec.structs.replace(order, items=kept))
            take_back(path)


def claim(order: Path) -> Path | None:
    """Claim an order for the ledger's writer; None when it was taken back."""
    with atomic.explained(order), suppress(FileNotFoundError):
        return order.rename(claimed(order))
    return None


def claimed(order: Path) -> Path:
    """Return the file of an order once it is claimed."""
    return order.with_suffix(_CLAIMED)


def release(order: Path) -> None:
    """Give back a claimed order that could not be applied: nothing has changed."""
    with suppress(OSError):
        order.rename(order.with_suffix(".json"))


def take_back(order: Path) -> bool:
    """Take back an order, handed over or not; False when it is claimed: it is or will be applied.

    Whoever renames it first owns it.
    """
    draft = _draft(order)
    with suppress(FileNotFoundError):
        order.rename(draft)
    with suppress(FileNotFoundError):
        draft.unlink()
        return True
    return False


def answer(order: Path, results: Mapping[Name, str]) -> None:
    """Leave the answer to an order, then remove the order."""
    found = [(name, digest.hex(), what) for (name, digest), what in results.items()]
    with suppress(FileUnavailableError):  # on a full disk the command is answered by the ledger
        atomic.replace(_answer(order), json.dumps(found).encode())
    order.unlink(missing_ok=True)


def take_answer(order: Path) -> dict[Name, str] | None:
    """Return the answer to an order, which is then removed; None while there is none."""
    path = _answer(order)
    try:
        data = regular_file.read_bytes(path)
    except OSError:
        return None
    with suppress(OSError):
        path.unlink()
    return {(name, bytes.fromhex(digest)): what for name, digest, what in json.loads(data)}


def drop_leftovers(folder: Path) -> None:
    """Remove answers and drafts of commands that were killed, or gave up."""
    for path in private_folders.listing(folder, "[0-9]*"):
        with suppress(OSError):
            kept = {".answer": _KEPT, ".draft": _DRAFT_KEPT}.get(path.suffix)
            if kept is not None and time.time() - path.stat().st_mtime > kept:
                path.unlink()


def _answer(order: Path) -> Path:
    return order.with_suffix(".answer")


def _draft(order: Path) -> Path:
    return order.with_suffix(".draft")


class OrderBarrier:
    """Keeps from being sent what a command has just forbidden. Any thread may call it.

    No sender runs while an order waits, claimed or not. It looks here again after its claim is in
    the ledger, and the worker looks into the ledger when it applies an order, so one of the two
    notices the other. `applied` counts the orders that left the folder in between.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self.applied = 0

    def stands(self) -> bool:
        """Return whether an order waits, or nobody can tell."""
        try:
            return any(map(_waits, os.listdir(self._folder)))  # noqa: PTH208
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def look(self, applied: int) -> bool:
        """Return whether orders wait, or more were applied than `applied`."""
        # In this order, as an order leaves the folder once it is counted.
        return self.stands() or self.applied != applied


def write_pause(paths: Paths, until: float | None) -> None:
    """Pause until a time (Unix seconds); None: until resumed."""
    private_folders.make_private_folder(paths.orders)
    atomic.replace(paths.pause, document.dump({"until": until}))


def clear_pause(paths: Paths) -> bool:
    """Resume; return whether there was a pause."""
    with atomic.explained(paths.pause), suppress(FileNotFoundError):
        paths.pause.unlink()
        return True
    return False


def read_pause(paths: Paths, now: float | None = None) -> float | None:
    """Return until when the user has paused deliveries (infinity: until resumed), or None.

    Raises FileUnavailableError.
    """
    with atomic.explained(paths.pause):
        try:
            value = items.load_object(regular_file.read_bytes(paths.pause)) or {}
        except FileNotFoundError:
            return None
    until = value.get("until")
    end = math.inf if until is None else items.number(until)
    return end if end > (time.time() if now is None else now) else None
