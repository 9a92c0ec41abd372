"""Backups: the DLQ's last state under one name, what deletions removed under dated ones."""

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.actions import edit
from mem0tray.errors import FileUnavailableError
from mem0tray.files import atomic, document
from mem0tray.paths import Paths

DATED: Final = "mem0_queue_dlq.backup-*.json"
_MARK: Final = "dlq-backup.sha256"


def write_dated(paths: Paths, raws: Sequence[bytes], now: float) -> Path:
    """Write the items that are about to be deleted, and see that they can be read back.

    Raises FileUnavailableError: nothing must be deleted then.
    """
    stamp = document.dump(edit.now_iso())
    data = document.compose(
        {"items": [document.pretty(raw, 2) for raw in raws], "last_update": stamp}
    )
    return _write(_free_name(paths, now), data)


def keep_last_state(paths: Paths, data: bytes) -> None:
    """Make the backup a copy of the DLQ file as it is; one that is not ours is kept first.

    `data` are the DLQ file's bytes. Raises FileUnavailableError.
    """
    path = paths.dlq_backup
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        there = None
    except OSError as error:
        raise atomic.unavailable(path, error) from error
    if there == data:
        remember(paths, data)
        return
    if there is not None and not is_ours(paths, there):
        _write(_free_name(paths, path.stat().st_mtime), there)
    _write(path, data)
    remember(paths, data)


def remember(paths: Paths, data: bytes) -> None:
    """These bytes under the backup's name are ours."""
    atomic.make_private_folder(paths.data_dir)
    atomic.replace(paths.data_dir / _MARK, hashlib.sha256(data).hexdigest().encode())


def is_ours(paths: Paths, data: bytes | None = None) -> bool:
    """Whether these bytes, or else those of the backup there is, are what we last wrote there."""
    with suppress(OSError):
        data = paths.dlq_backup.read_bytes() if data is None else data
        return (paths.data_dir / _MARK).read_text() == hashlib.sha256(data).hexdigest()
    return False


def _free_name(paths: Paths, at: float) -> Path:
    """A dated name that nobody uses yet; names sort by their time."""
    micros = int(at * 1e6)
    while True:
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(micros // 1_000_000))
        name = f"{paths.dlq.stem}.backup-{stamp}-{micros % 1_000_000:06d}.json"
        path = paths.claude_dir / name
        if not path.exists():
            return path
        micros += 1


def _write(path: Path, data: bytes) -> Path:
    atomic.replace(path, data)
    try:
        same = path.read_bytes() == data
    except OSError as error:
        raise atomic.unavailable(path, error) from error
    if not same:
        raise FileUnavailableError(
            f"The backup {path} does not read as it was written; nothing was deleted.",
            "Is another program writing it? Try again.",
        )
    return path
