"""The data folder that belongs to a `claude_dir`, even after that folder has moved.

It belongs to the *real* path, so that two names of one folder never get two workers. Each data
folder records what it serves: the name in the settings, and the real path when a worker last
looked. The record counts; the hash only names a new folder. A data folder belongs to a `claude_dir`
if its recorded real path leads there now (`mv ~/.claude /big; ln -s /big ~/.claude`); else if that
path is gone, and the recorded name leads here (`mv /a /b`, and the link set to `/b`). If two match,
the one that a worker began to serve last counts.
"""

import json
import os
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.system import regular_file

RECORD: Final = "serves.json"
_BEGIN: Final = "claude-"


class FolderRecord(Struct, frozen=True):
    """What `folder` serves: `name` from the settings, `real` path then, `since` Unix seconds."""

    folder: Path
    name: str
    real: str
    since: float


def find(root: Path, claude_dir: Path) -> Path:
    """Find the data folder of `claude_dir` (absolute), or the name for a new one."""
    real = os.path.realpath(claude_dir)
    known = records(root)
    for each in known:
        if os.path.realpath(each.real) == real:
            return each.folder
    for each in known:
        if not os.path.lexists(each.real) and os.path.realpath(each.name) == real:
            return each.folder
    import hashlib  # slow to import, and most folders have a record

    digest = hashlib.sha256(real.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    folder, number = root / f"{_BEGIN}{digest}", 1
    while any(each.folder == folder for each in known):  # it followed another path
        number += 1
        folder = root / f"{_BEGIN}{digest}-{number}"
    return folder


def records(root: Path) -> list[FolderRecord]:
    """Read every record that can be read, the latest first."""
    found = filter(None, map(_read, root.glob(f"{_BEGIN}*")))
    return sorted(found, key=lambda each: (-each.since, each.folder))


def last_served(root: Path) -> Path | None:
    """Return the name of the `claude_dir` that a worker began to serve last, if known."""
    return next((Path(each.name) for each in records(root)), None)


def as_json(name: Path, real: Path, now: float) -> bytes:
    """Make the record of a data folder that serves `name`, from `now` on."""
    value = {"name": os.fspath(name), "real": os.fspath(real), "since": now}
    return json.dumps(value, indent=2).encode()


def _read(folder: Path) -> FolderRecord | None:
    try:
        value = json.loads(regular_file.read_bytes(folder / RECORD))
        return FolderRecord(folder, str(value["name"]), str(value["real"]), float(value["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
