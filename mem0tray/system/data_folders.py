"""The data folder that belongs to a `claude_dir`, even after that folder has moved.

A data folder (ledger, instance lock, pause, orders, quarantine) belongs to the *real* path of a
`claude_dir`, so that two names of one folder never get two workers. A name made of that path
cannot follow a folder that moves (`mv ~/.claude /big/claude; ln -s /big/claude ~/.claude`), so each
data folder records what it serves: the name in the settings, and the real path when a worker last
looked. The record counts; the hash only names a new folder. A data folder belongs to a
`claude_dir` if its recorded real path leads there now:

- moved, with a link left in its place: found at once, even on another disk;
- moved, and made anew under the old path: the new one is that path's folder;
- a link that now leads to another folder, the former one still there: a data folder of its own
  (people switch between profiles that way); a worker moves over to it.

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
    found = []
    with suppress(OSError):
        for folder in root.iterdir():
            record = _read(folder) if folder.name.startswith(_BEGIN) else None
            if record is not None:
                found.append(record)
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
