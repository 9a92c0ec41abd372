"""Where everything lives: `claude_dir`, whose files other programs share, and our data folder."""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from msgspec import Struct
from msgspec.structs import force_setattr

from mem0tray.system import data_folders

APP = "mem0tray"
_LOOKED_UP = Path()


def config_file() -> Path:
    """Return the path of the settings file, in the platform's config folder."""
    return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"


def data_root() -> Path:
    """Return our data folder: the embedded server's files and one folder per `claude_dir`."""
    return platformdirs.user_data_path(APP, appauthor=False)


def log_in(claude_dir: Path) -> Path:
    """Return the path of the worker's log."""
    return claude_dir / "logs" / "mem0_worker.log"


def claude_code_folder(environ: Mapping[str, str]) -> Path:
    """Return Claude Code's own folder; files that we share with others stay in `claude_dir`."""
    named = environ.get("CLAUDE_CONFIG_DIR")
    return Path(named) if named else Path.home() / ".claude"


class Paths(Struct, frozen=True):
    """Every path the program touches, for one `claude_dir`.

    `data_dir` is looked up once, when this is made, and stays even if `claude_dir` moves.
    """

    claude_dir: Path
    root: Path
    data_dir: Path = _LOOKED_UP

    def __post_init__(self) -> None:
        if self.data_dir is _LOOKED_UP:
            force_setattr(self, "data_dir", data_folders.find(self.root, self.claude_dir))

    @classmethod
    def for_claude_dir(cls, claude_dir: Path) -> "Paths":
        """Build the paths for `claude_dir` (a leading `~` is expanded)."""
        return cls(claude_dir.expanduser().absolute(), data_root())

    def by_real_path(self) -> "Paths":
        """Return these paths under the folder's real path, wherever links may lead later."""
        return Paths(Path(os.path.realpath(self.claude_dir)), self.root, self.data_dir)

    # Shared with other programs -------------------------------------------------

    @property
    def queue(self) -> Path:
        return self.claude_dir / "mem0_queue.json"

    @property
    def queue_lock(self) -> Path:
        return self.claude_dir / "mem0_queue.lock"

    @property
    def queue_backup(self) -> Path:
        return self.claude_dir / "mem0_queue_backup.json"

    @property
    def emergency(self) -> Path:
        return self.claude_dir / "mem0_emergency.json"

    @property
    def dlq(self) -> Path:
        return self.claude_dir / "mem0_queue_dlq.json"

    @property
    def dlq_backup(self) -> Path:
        return self.claude_dir / "mem0_queue_dlq.backup.json"

    @property
    def dlq_previous(self) -> Path:
        """The DLQ file that ours has just replaced, kept to be looked at once more."""
        return self.claude_dir / ".mem0_queue_dlq.previous.json"

    @property
    def metrics(self) -> Path:
        return self.claude_dir / "mem0_metrics.json"

    @property
    def log(self) -> Path:
        return log_in(self.claude_dir)

    # Ours alone -----------------------------------------------------------------

    @property
    def ledger(self) -> Path:
        return self.data_dir / "ledger.sqlite3"

    @property
    def instance_lock(self) -> Path:
        return self.data_dir / "instance.lock"

    @property
    def served(self) -> Path:
        """The record of the `claude_dir` that the data folder belongs to."""
        return self.data_dir / data_folders.RECORD

    @property
    def spare_metrics(self) -> Path:
        """The metrics, while they cannot be written into the shared folder."""
        return self.data_dir / "state.json"

    @property
    def tray_lock(self) -> Path:
        """Held while there is an icon, so that a second start knows whom to ask."""
        return self.data_dir / "tray.lock"

    @property
    def orders(self) -> Path:
        """The orders of commands to the worker; see `files.orders`. On the disk: `requests`.

        It has a folder of its own: that is watched, and the ledger is written at each delivery.
        """
        return self.data_dir / "requests"

    @property
    def pause(self) -> Path:
        return self.orders / "pause.json"

    @property
    def alerts(self) -> Path:
        """The record of alerts that people were told of and that are not over."""
        return self.data_dir / "alerts.json"

    @property
    def page(self) -> Path:
        """The last status page, unless the browser needs it elsewhere."""
        return self.data_dir / "status.html"

    @property
    def edits(self) -> Path:
        """Texts as they were before `edit`."""
        return self.data_dir / "edits"

    @property
    def quarantine(self) -> Path:
        return self.data_dir / "quarantine"

    @property
    def local_server(self) -> Path:
        """The embedded server's folder: database, port and token."""
        return self.root / "local-server"
