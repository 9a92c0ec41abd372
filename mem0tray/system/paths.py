"""Where everything lives: `claude_dir`, whose files other programs share, and our data folder.

The latter follows a `claude_dir` that moves (`data_folder`).
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import platformdirs
from msgspec import Struct
from msgspec.structs import force_setattr

from mem0tray.system import regular_file

APP = "mem0tray"
AT_LOGIN = "--at-login"  # the option of a tray that the session starts
LOG = ("logs", "mem0_worker.log")
RECORD = "serves.json"
_BEGIN = "claude-"
_LOOKED_UP = Path()


def config_file() -> Path:
    """Return the path of the settings file, in the platform's config folder."""
    return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"


def data_root() -> Path:
    """Return our data folder: the embedded server's files and one folder per `claude_dir`."""
    return platformdirs.user_data_path(APP, appauthor=False)


def log_in(claude_dir: Path) -> Path:
    """Return the path of the worker's log."""
    return claude_dir.joinpath(*LOG)


def claude_code_folder(environ: Mapping[str, str]) -> Path:
    """Return Claude Code's own folder; files that we share with others stay in `claude_dir`."""
    named = environ.get("CLAUDE_CONFIG_DIR")
    return Path(named) if named else Path.home() / ".claude"


class _In:
    """The path of a file in one of the folders of `Paths`."""

    def __init__(self, folder: str, *names: str) -> None:
        self._folder, self._names = folder, names

    def __get__(self, paths: "Paths", _: object = None) -> Path:
        folder: Path = getattr(paths, self._folder)
        return folder.joinpath(*self._names)


class Paths(Struct, frozen=True):
    """Every path the program touches, for one `claude_dir`.

    `data_dir` is looked up once, when this is made, and stays even if `claude_dir` moves.
    """

    claude_dir: Path
    root: Path
    data_dir: Path = _LOOKED_UP

    def __post_init__(self) -> None:
        if self.data_dir is _LOOKED_UP:
            force_setattr(self, "data_dir", data_folder(self.root, self.claude_dir))

    @classmethod
    def for_claude_dir(cls, claude_dir: Path) -> "Paths":
        return cls(claude_dir.expanduser().absolute(), data_root())

    def by_real_path(self) -> "Paths":
        return Paths(Path(os.path.realpath(self.claude_dir)), self.root, self.data_dir)

    # Shared with other programs
    queue = _In("claude_dir", "mem0_queue.json")
    queue_lock = _In("claude_dir", "mem0_queue.lock")
    queue_backup = _In("claude_dir", "mem0_queue_backup.json")
    emergency = _In("claude_dir", "mem0_emergency.json")
    dlq = _In("claude_dir", "mem0_queue_dlq.json")
    dlq_backup = _In("claude_dir", "mem0_queue_dlq.backup.json")
    dlq_previous = _In("claude_dir", ".mem0_queue_dlq.previous.json")  # just replaced by ours
    metrics = _In("claude_dir", "mem0_metrics.json")
    log = _In("claude_dir", *LOG)

    # Ours alone
    ledger = _In("data_dir", "ledger.sqlite3")
    instance_lock = _In("data_dir", "instance.lock")
    served = _In("data_dir", RECORD)
    spare_metrics = _In("data_dir", "state.json")  # while the shared folder takes none
    tray_lock = _In("data_dir", "tray.lock")  # held while there is an icon
    orders = _In("data_dir", "requests")  # of its own, as it is watched; see `files.orders`
    pause = _In("data_dir", "requests", "pause.json")
    sessions = _In("data_dir", "sessions.socket")  # tells a session of an agent what to know
    alerts = _In("data_dir", "alerts.json")  # those that are not over
    window = _In("data_dir", "window")  # where the page is served, while it is open
    door = _In("data_dir", "window.html")  # leads a browser there; elsewhere if it must be
    edits = _In("data_dir", "edits")  # texts as they were before `edit`
    quarantine = _In("data_dir", "quarantine")
    local_server = _In("root", "local-server")  # the embedded server's database, port and token


# The data folder of a `claude_dir` ---------------------------------------------------


class FolderRecord(Struct, frozen=True):
    """What `folder` serves: `name` from the settings, `real` path then, `since` Unix seconds."""

    folder: Path
    name: str
    real: str
    since: float


def data_folder(root: Path, claude_dir: Path) -> Path:
    """Find the data folder of `claude_dir` (absolute), or the name for a new one.

    It belongs to the *real* path, so that two names of one folder never get two workers, and
    records what it serves; the hash only names a new one. The one whose recorded real path leads
    here counts; else, if that path is gone, the one whose name does; of two the later one.
    """
    real = os.path.realpath(claude_dir)
    known = folder_records(root)
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


def folder_records(root: Path) -> list[FolderRecord]:
    """Read every record that can be read, the latest first."""
    with suppress(OSError):
        found = filter(None, map(_record, root.glob(f"{_BEGIN}*")))
        return sorted(found, key=lambda each: (-each.since, each.folder))
    return []


def last_served(root: Path) -> Path | None:
    """Return the name of the `claude_dir` that a worker began to serve last, if known."""
    return next((Path(each.name) for each in folder_records(root)), None)


def record_of(name: Path, real: Path, now: float) -> bytes:
    """Make the record of a data folder that serves `name`, from `now` on."""
    value = {"name": os.fspath(name), "real": os.fspath(real), "since": now}
    return json.dumps(value, indent=2).encode()


def _record(folder: Path) -> FolderRecord | None:
    try:
        value = json.loads(regular_file.read_bytes(folder / RECORD))
        return FolderRecord(folder, str(value["name"]), str(value["real"]), float(value["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
