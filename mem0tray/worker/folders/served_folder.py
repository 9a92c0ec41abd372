"""The folder that a worker serves, and the lock that makes it the only one there.

It works on the real path that it found; where settings or a link lead elsewhere, it begins anew.
"""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mem0tray.config.settings import Settings
from mem0tray.core import reasons
from mem0tray.core.errors import AlreadyRunningError, FileUnavailableError, LockTimeoutError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic, lock, orders, private_folders, temporary
from mem0tray.files.lock import InstanceLock
from mem0tray.system.paths import Paths, config_file, record_of


@dataclass(slots=True)
class _Place:
    name: Path
    paths: Paths
    instance: InstanceLock


class ServedFolder:
    """Where the worker is. Raises AlreadyRunningError where there is another one."""

    def __init__(self, settings: Settings) -> None:
        named = settings.locations()
        self.run: Final = os.urandom(8).hex()  # a random id, which stands in lock and metrics
        self._here = _entered(named, self.run)
        if (held := lock.on_its_way(named)) is not None:
            self._here.instance.release()
            raise lock.already_running(held)
        self._next: _Place | None = None

    @property
    def paths(self) -> Paths:
        return self._here.paths

    @property
    def moves(self) -> bool:
        return self._next is not None

    def make_folder(self) -> bool:
        name = self._here.name
        if name.is_symlink() and not name.exists():  # a disk that is not mounted, perhaps
            raise FileUnavailableError(
                Reason("{path} is a link to {folder}, which is not there.",
                       path=name, folder=name.readlink()),
                Reason("Mount its disk, or set the link anew."),
            )  # fmt: skip
        missing = not self.paths.claude_dir.exists()
        private_folders.make_private_folder(self.paths.claude_dir)
        return missing

    def record(self, now: float) -> None:
        record = record_of(self._here.name, self.paths.claude_dir, now)
        atomic.replace(self.paths.served, record)

    def look(self, settings: Settings) -> Reason:
        """See where the settings lead; return why the worker cannot go there, else NONE."""
        name = Path(settings.paths.claude_dir).expanduser().absolute()
        if Path(os.path.realpath(name)) == self.paths.claude_dir:
            return reasons.NONE  # the usual case, in each turn of the worker: it must be cheap
        named = settings.locations()
        if not named.claude_dir.is_dir():
            return Reason(
                "paths.claude_dir leads to {path} now, which is no folder: make it, or correct the"
                " setting. mem0tray stays with {folder}.",
                path=named.claude_dir,
                folder=self.paths.claude_dir,
            )
        if named.data_dir == self.paths.data_dir:
            self._next = _Place(named.claude_dir, named.by_real_path(), self._here.instance)
            return reasons.NONE
        try:
            self._next = _entered(named, self.run)
        except (AlreadyRunningError, LockTimeoutError):
            return Reason(
                "paths.claude_dir leads to {path} now, where another mem0tray runs"
                " (process {number}): stop one of the two.",
                path=named.claude_dir,
                number=lock.holder(named.instance_lock).pid or "?",
            )
        return reasons.NONE

    def follow(self, settings: Settings) -> None:
        self.look(settings)
        if self.moves:
            self.move()

    def move(self) -> Path:
        before, after = self._here, self._next
        if after is None:
            raise RuntimeError("the worker is to move, but nowhere")
        self._here, self._next = after, None
        if after.instance is not before.instance:
            before.instance.release()
        return before.paths.claude_dir

    def leave(self) -> None:
        for place in (self._next, self._here):
            if place is not None:
                place.instance.release()


def _entered(named: Paths, run: str) -> _Place:
    paths = named.by_real_path()
    for folder in (paths.root, paths.data_dir):
        private_folders.make_own_folder(folder)
    instance = InstanceLock(paths.instance_lock, run)
    instance.acquire()
    return _Place(named.claude_dir, paths, instance)


# The files in it ----------------------------------------------------------------------


def refuse_unwritable(paths: Paths) -> None:
    """Raise FileUnavailableError if something stands in the place of a file that we only write."""
    private_folders.refuse_no_folder(paths.log.parent)
    log = paths.log
    is_lost = log.parent.is_symlink() and not log.parent.exists()
    is_lost |= log.is_symlink() and not Path(os.path.realpath(log)).parent.is_dir()
    if is_lost:  # a link that leads nowhere
        raise atomic.unavailable(log, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    for path in (paths.queue_lock, log, paths.queue_backup, paths.dlq_backup):
        atomic.refuse_odd(path)


def remove_leftovers(paths: Paths) -> None:
    """Remove what a kill has left: temporary files wherever we write, answers nobody fetched."""
    config = config_file()
    written = (paths.queue, paths.queue_backup, paths.dlq, paths.dlq_backup, paths.metrics, config)
    folders = {paths.claude_dir, paths.data_dir, paths.orders, paths.quarantine, config.parent}
    # A file that is a link is written beside the link's target.
    for folder in folders | {path.resolve().parent for path in written}:
        temporary.remove_leftovers(folder)
    orders.drop_leftovers(paths.orders)
