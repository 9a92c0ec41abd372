"""Orders: what commands ask of the ledger's only writer, a small file each in a folder of ours.

An order is removed once it is carried out. Commands write and withdraw them, the worker
reads them: both use the shapes defined here. A note (`restored-*.json`) is no order, and
no older worker takes it for one.
"""

import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.item import Name
from mem0tray.files import atomic, private_folders, receipts
from mem0tray.files.named import Named, named, names_of
from mem0tray.system import plain
from mem0tray.system.paths import Paths

DISCARD: Final = "discard"
FORGET: Final = "forget"
# Send these: entries held because another worker has perhaps delivered them; unshown dead letters.
SEND: Final = "send"
SHOW: Final = "show"  # a second start of the tray wants the first to show its status
LOOK: Final = "look"  # somebody looks at the state: the server is probed, if it was silent
MERGE: Final = "merge"  # a command has changed the DLQ file: see it before anything more is sent
_ORDERS: Final = "[0-9]*.json"
_NOTE: Final = "restored-"
_counter = itertools.count()


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order about `items`.

    With DISCARD, `done` says how to report it: what the user did (one of `files.receipts`), and
    `backup` the name to restore from.
    """

    verb: str
    items: Sequence[Named]
    done: str = receipts.DELETE
    backup: str = ""


class RestoreNote(msgspec.Struct, frozen=True):
    """A note that these memories were restored at `at`, perhaps before their deletion was seen."""

    items: Sequence[Named]
    at: float


Shape = TypeVar("Shape", Order, RestoreNote)


def give(
    paths: Paths, verb: str, names: Iterable[Name], done: str = receipts.DELETE, backup: str = ""
) -> Path | None:
    """Leave an order for the worker; return its file, or None when there are no names.

    Raises FileUnavailableError.
    """
    found = named(names)
    return leave(paths, Order(verb, found, done, backup)) if found else None


def ask_to_show(paths: Paths) -> None:
    """Ask the tray that runs to show its status. Raises FileUnavailableError."""
    leave(paths, Order(SHOW, []))


def ask_to_merge(paths: Paths) -> Path:
    """Ask the worker to see what was done to the DLQ file; return the order's file.

    Raises FileUnavailableError.
    """
    return leave(paths, Order(MERGE, []))


def is_order(name: str) -> bool:
    """Whether a file of this name in the folder is an order."""
    return fnmatchcase(name, _ORDERS)


def note_restored(paths: Paths, names: Iterable[Name]) -> None:
    """Leave a note that these memories were restored just now. Raises FileUnavailableError."""
    leave(paths, RestoreNote(named(names), time.time()), _NOTE)


def waiting(folder: Path) -> Iterator[tuple[Path, Order | None]]:
    """The orders that wait, the oldest first; None for one that makes no sense.

    Raises FileUnavailableError when one cannot be read.
    """
    return _read(folder, _ORDERS, Order)


def discarded(folder: Path) -> set[Name]:
    """The memories to be deleted by orders that wait in `folder`, of those that can be read."""
    found: set[Name] = set()
    with suppress(Mem0TrayError, ValueError):
        for _path, order in waiting(folder):
            if order is not None and order.verb in {DISCARD, FORGET}:
                found |= set(names_of(order.items))
    return found


def notes(folder: Path) -> Iterator[tuple[Path, RestoreNote | None]]:
    """The notes that wait; otherwise like `waiting`."""
    return _read(folder, f"{_NOTE}*.json", RestoreNote)


def withdraw(folder: Path, names: Iterable[Name]) -> None:
    """Take back what waiting orders ask about these memories."""
    unwanted = set(named(names))
    for path, order in waiting(folder):
        if order is None:
            continue
        kept = [each for each in order.items if each not in unwanted]
        if not kept and order.items:
            path.unlink(missing_ok=True)
        elif len(kept) < len(order.items):
            atomic.replace(path, _bytes(msgspec.structs.replace(order, items=kept)))


def take_back(order: Path) -> bool:
    """Take back an order; return False when it has been carried out by now."""
    try:
        order.unlink()
    except FileNotFoundError:
        return False
    return True


def leave(paths: Paths, content: Order | RestoreNote, begin: str = "") -> Path:
    """Leave an order or a note; return its file. Raises FileUnavailableError."""
    private_folders.make_private_folder(paths.orders)
    # The counter keeps apart orders that one process leaves within one tick of the clock.
    path = paths.orders / f"{begin}{time.time_ns() + next(_counter)}-{os.getpid()}.json"
    atomic.replace(path, _bytes(content))
    return path


def _bytes(content: Order | RestoreNote) -> bytes:
    """The order as JSON; an id may hold what only an escape can say."""
    return json.dumps(msgspec.to_builtins(content), indent=2).encode()


def _read(folder: Path, pattern: str, shape: type[Shape]) -> Iterator[tuple[Path, Shape | None]]:
    for path in private_folders.listing(folder, pattern):
        try:
            data = plain.read_bytes(path)
        except FileNotFoundError:
            continue  # carried out, or withdrawn, just now
        except OSError as error:
            raise atomic.unavailable(path, error) from error
        try:
            yield path, msgspec.convert(json.loads(data), shape)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            yield path, None
