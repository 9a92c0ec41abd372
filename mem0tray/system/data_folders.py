"""The data folder that belongs to a `claude_dir`, even after that folder has moved.

A data folder (ledger, instance lock, pause, orders, quarantine) belongs to the
*real* path of a `claude_dir`, so that two names of one folder never get two
workers. Its name comes from a hash of that path. A name alone cannot follow a
folder that moves, as in `mv ~/.claude /big/claude; ln -s /big/claude ~/.claude`:
every command would look into a new and empty data folder from then on. So each
data folder records what it serves: the name that the settings give the
`claude_dir`, and its real path when a worker last looked. The record is what
counts; the hash only names a new folder.

A data folder belongs to a `claude_dir` if the recorded real path leads to it
*now*. That one rule covers what happens to people:

- moved, with a link left in its place: the recorded path leads there through
  the link. Commands, and a start, find ledger, lock and pause at once, whether or not a
  worker runs and has noticed; even when the folder went to
  another disk, or was copied there (its inode number would tell nothing of that);
- moved, and made anew under the old path: the new one is the folder of that path,
  and the one that was moved away is another folder;
- a link that now leads to another folder, while the former one is still there:
  another folder, with a data folder of its own (people switch between profiles
  that way). A worker moves over to it (`worker.folders.served_folder`).

Where the recorded real path is gone and the recorded name leads here (`mv /a /b` and the link set
to `/b`), the folder has moved, and nothing else claims it. If two match, the one that a worker
began to serve last counts.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.system import plain

RECORD: Final = "serves.json"
_BEGIN: Final = "claude-"


class FolderRecord(Struct, frozen=True):
    """What `folder` serves: `name` from the settings, `real` path then, `since` Unix seconds."""

    folder: Path
    name: str
    real: str
    since: float


def find(root: Path, claude_dir: Path) -> Path:
    """The data folder of `claude_dir` (absolute), or the name for a new one."""
    real = os.path.realpath(claude_dir)
    known = records(root)
    matching = [each for each in known if os.path.realpath(each.real) == real]
    if matching:
        return matching[0].folder
    taken = {each.folder for each in known}
    # For versions that made no records, which used this name before a link stood here.
    for path in (real, os.fspath(claude_dir)):
        folder = root / _named(path)
        if folder not in taken and folder.is_dir():
            return folder
    for each in known:
        if not os.path.lexists(each.real) and os.path.realpath(each.name) == real:
            return each.folder
    return _free(root, real, taken)


def records(root: Path) -> list[FolderRecord]:
    """Every record that can be read, the latest first."""
    found = []
    with suppress(OSError):
        for folder in root.iterdir():
            record = _read(folder) if folder.name.startswith(_BEGIN) else None
            if record is not None:
                found.append(record)
    return sorted(found, key=lambda each: (-each.since, each.folder))


def last_served(root: Path) -> Path | None:
    """The name of the `claude_dir` that a worker began to serve last, if any is known."""
    return next((Path(each.name) for each in records(root)), None)


def as_json(name: Path, real: Path, now: float) -> bytes:
    """The record of a data folder that serves `name`, from `now` on."""
    value = {"name": os.fspath(name), "real": os.fspath(real), "since": now}
    return json.dumps(value, indent=2).encode()


def _read(folder: Path) -> FolderRecord | None:
    try:
        value = json.loads(plain.read_bytes(folder / RECORD))
        return FolderRecord(folder, str(value["name"]), str(value["real"]), float(value["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _named(path: str) -> str:
    import hashlib  # slow to import, and most folders have a record

    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return f"{_BEGIN}{digest}"


def _free(root: Path, real: str, taken: set[Path]) -> Path:
    """A folder for `real`; one that followed another path may have taken its own name."""
    folder, number = root / _named(real), 1
    while folder in taken:
        number += 1
        folder = root / f"{_named(real)}-{number}"
    return folder
