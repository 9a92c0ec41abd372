"""The folders that the worker serves, the files in them, and the settings file."""

import sys
from collections.abc import Callable
from pathlib import Path

from mem0tray.worker.folders.watch import Target, Watch

_LINUX = sys.platform == "linux"


def watch_of_this_system(
    find: Callable[[], tuple[Target, ...]],
    ignored: Callable[[str], bool],
    wake: Callable[[], None],
    hear: Callable[[Path], None],
) -> Watch:
    """The watch for this system: `find` gives its targets, `ignored` names that wake nobody.

    `hear` is told for which target there is news.
    """
    if _LINUX:
        from mem0tray.worker.folders.inotify import InotifyWatch

        return InotifyWatch(find, ignored, wake, hear)
    from mem0tray.worker.folders.observer import ObserverWatch

    return ObserverWatch(find, ignored, wake, hear)
