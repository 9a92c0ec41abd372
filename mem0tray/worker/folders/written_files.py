"""The files that the worker writes and does not read: whether each can be written in its place.

Reading shows what is wrong with the others. This module also removes what a kill left beside them.
"""

import errno
import os
from pathlib import Path

from mem0tray.files import atomic, orders, private_folders, temporary
from mem0tray.system.paths import Paths, config_file


def look(paths: Paths) -> None:
    """Raise FileUnavailableError, which names it, if something else stands in a file's place."""
    private_folders.refuse_no_folder(paths.log.parent)
    _refuse_dangling(paths.log)
    for path in (paths.queue_lock, paths.log, paths.queue_backup, paths.dlq_backup):
        atomic.refuse_odd(path)


def _refuse_dangling(log: Path) -> None:
    """Raise FileUnavailableError where a link leads the log nowhere: its lines would only wait."""
    is_lost = log.parent.is_symlink() and not log.parent.exists()
    is_lost |= log.is_symlink() and not Path(os.path.realpath(log)).parent.is_dir()
    if is_lost:
        raise atomic.unavailable(log, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))


def clean(paths: Paths) -> None:
    """Remove what a kill has left: temporary files wherever we write, answers nobody fetched."""
    folders = {paths.claude_dir, paths.data_dir, paths.orders, paths.quarantine}
    folders.add(config_file().parent)
    # A file that is a link is written beside the link's target.
    written = (paths.queue, paths.queue_backup, paths.dlq, paths.dlq_backup, paths.metrics)
    folders.update(Path(path.resolve()).parent for path in (*written, config_file()))
    for folder in folders:
        temporary.remove_leftovers(folder)
    orders.drop_old_answers(paths.orders)
