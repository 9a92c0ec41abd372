"""Backups: the DLQ's last state under one name, the items of each deletion under a dated one."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, document, private_folders
from mem0tray.files.atomic import Signature
from mem0tray.files.document import BrokenDocumentError
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths

DATED: Final = "mem0_queue_dlq.backup-*.json"
_MARK: Final = "dlq-backup.sha256"
_PIECE: Final = 1 << 20  # bytes
_NAMED: Final = "%Y%m%d-%H%M%S-%f"


def write_dated(paths: Paths, raws: Sequence[bytes], now: float) -> Path:
    """Write the items that are about to be deleted, and check that they can be read back.

    Raises FileUnavailableError; then nothing must be deleted.
    """
    path, moment = _free_name(paths, now)
    return _write(path, _composed(raws, moment))


def write_again(path: Path, raws: Sequence[bytes]) -> None:
    """Write a dated backup again with these items alone. Raises FileUnavailableError."""
    moment = time_in_name(path)
    if moment is not None:
        _write(path, _composed(raws, moment))


def _composed(raws: Sequence[bytes], moment: datetime) -> bytes:
    return document.compose(
        {"items": [document.pretty(raw, 2) for raw in raws], document.STAMP: _stamp(moment)}
    )


def is_of_delete(path: Path, data: bytes) -> bool:
    """Whether these bytes under a dated name are the backup of a delete.

    Such a backup is stamped with the very time in its name; a file kept for the user, or
    one that they named so themselves, is not.
    """
    moment = time_in_name(path)
    if moment is None:
        return False
    with suppress(BrokenDocumentError):
        return document.parse(data, ()).rest.get(document.STAMP) == _stamp(moment)
    return False


def time_in_name(path: Path) -> datetime | None:
    """The local time in a dated name; None without one."""
    try:
        return datetime.strptime(  # noqa: DTZ007  (names have local time)
            path.stem.rpartition(".backup-")[2], _NAMED
        )
    except ValueError:
        return None


def keep_last_state(paths: Paths) -> None:
    """Make the backup a copy of the DLQ file; a backup that is not ours is kept first.

    Raises FileUnavailableError.
    """
    path, found = paths.dlq_backup, atomic.signature(paths.dlq)
    if found is None:
        return
    there = atomic.signature(path)
    if there is not None and not is_ours(paths):
        differs = there.size != found.size or _bytes(path) != _bytes(paths.dlq)
        if differs:
            _copy(path, _free_name(paths, there.mtime / 1e9)[0])
    remember(paths, _copy(paths.dlq, path))


def _copy(source: Path, target: Path) -> Signature | None:
    """Copy a file that may be large; return the copy's signature."""
    try:
        with regular_file.open_binary(source) as file:
            return atomic.replace(target, iter(partial(file.read, _PIECE), b""))
    except OSError as error:
        raise atomic.unavailable(source, error) from error


def remember(paths: Paths, ours: Signature | None) -> None:
    """Note that the backup with this signature is ours."""
    private_folders.make_private_folder(paths.data_dir)
    if ours is not None:
        atomic.replace(paths.data_dir / _MARK, json.dumps(ours.lasting).encode())


def is_ours(paths: Paths) -> bool:
    """Whether the present backup is what we last wrote there.

    Its signature tells: a copy that anybody else makes there has another time at least. A former
    version noted the hash of its bytes instead.
    """
    with suppress(OSError, FileUnavailableError):
        mark, found = (
            regular_file.read_bytes(paths.data_dir / _MARK),
            atomic.signature(paths.dlq_backup),
        )
        if not mark.startswith(b"["):
            data = regular_file.read_bytes(paths.dlq_backup)
            return mark == hashlib.sha256(data).hexdigest().encode()
        return found is not None and mark == json.dumps(found.lasting).encode()
    return False


def has_mark(paths: Paths) -> bool:
    """Whether there is a note of what we last wrote there; it goes with our folders."""
    return (paths.data_dir / _MARK).exists()


def _stamp(moment: datetime) -> bytes:
    return document.dump(moment.isoformat(timespec="microseconds"))


def _free_name(paths: Paths, at: float) -> tuple[Path, datetime]:
    """A dated name that is not in use, and its local time; names sort by their time."""
    moment = datetime.fromtimestamp(at)  # noqa: DTZ006  (names have local time)
    while True:
        path = paths.claude_dir / f"{paths.dlq.stem}.backup-{moment:{_NAMED}}.json"
        if not path.exists():
            return path, moment
        moment += timedelta(microseconds=1)


def _bytes(path: Path) -> bytes | None:
    """The file's bytes; None when there is none."""
    try:
        return regular_file.read_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(path, error) from error


def _write(path: Path, data: bytes) -> Path:
    atomic.replace(path, data)
    try:
        same = regular_file.read_bytes(path) == data
    except OSError as error:
        raise atomic.unavailable(path, error) from error
    if not same:
        raise FileUnavailableError(
            Reason(
                "The backup {path} does not read as it was written; nothing was deleted.", path=path
            ),
            Reason("Is another program writing it? Try again."),
        )
    return path
