"""Which changes of the disk wake the worker: a hint, never the truth.

The system may refuse a watch, and nothing reports what another computer does to a shared disk.
"""

import fnmatch
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from mem0tray.files import temporary
from mem0tray.system.paths import Paths

_OURS = "mem0_"  # a part of the name of every shared file


class Target(NamedTuple):
    """A folder to watch; `words`: a name in it matters if it contains one of them.

    `identity` (device and inode): another folder at the same path is another target.
    """

    path: Path
    words: tuple[str, ...]
    identity: tuple[int, int]


class Watch:
    """Watches the folders of the files with watchdog, and wakes the worker by a change of others.

    `is_unchanged` says that the metrics are still as we wrote them.
    """

    def __init__(
        self,
        paths: Paths,
        config: Path,
        is_unchanged: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        self._paths = paths
        self._config = config
        self._is_unchanged = is_unchanged
        self._wake = wake
        self._watched: tuple[Target, ...] = ()
        self._observer: Any = None

    def check(self) -> None:
        wanted = targets(self._paths, self._config)
        if wanted != self._watched:
            self.stop()
            self._watched = wanted
            self._begin(wanted)
            self._wake()  # something may have changed before we watched

    def _begin(self, wanted: tuple[Target, ...]) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        # Opening, reading and closing are left out, as we do all three. A file moved here from
        # another folder, or linked, is only reported as made.
        changes: list[type[events.FileSystemEvent]] = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileMovedEvent,
            events.FileDeletedEvent,
            events.DirDeletedEvent,
        ]
        self._observer = Observer()
        with suppress(OSError, RuntimeError):  # no watches or threads left, or no folder
            for target in wanted:
                where, handler = target.path.resolve(), events.FileSystemEventHandler()
                handle = partial(self._handle, where, target.words)
                handler.on_any_event = handle  # type: ignore[method-assign]
                self._observer.schedule(handler, str(where), recursive=False, event_filter=changes)
            self._observer.start()

    def _handle(self, folder: Path, words: tuple[str, ...], event: Any) -> None:
        paths = [Path(os.fsdecode(each)) for each in (event.src_path, event.dest_path) if each]
        names = [path.name for path in paths if path != folder]
        if not names:  # the folder itself is gone, and its inode free
            self._watched = ()
        others = [name for name in names if not self._is_ours(name)]
        if not names or any(word in name for name in others for word in words):
            self._wake()

    def _is_ours(self, name: str) -> bool:
        is_temporary = fnmatch.fnmatchcase(name, temporary.PATTERN)
        return is_temporary or (name == self._paths.metrics.name and self._is_unchanged())

    def stop(self) -> None:
        if self._observer is not None:
            with suppress(RuntimeError):
                self._observer.stop()
                self._observer.join(1.0)
            self._observer = None


def targets(paths: Paths, config: Path) -> tuple[Target, ...]:
    """Return the folders to watch that are there: those of the files, and of what links lead to."""
    words: dict[Path, tuple[str, ...]] = {
        paths.claude_dir: (_OURS, paths.log.parent.name),
        paths.orders: ("",),
        config.parent: (config.name,),
    }
    for file in (paths.queue, paths.dlq, paths.emergency, config):
        if file.is_symlink():
            there = Path(os.path.realpath(file))
            words[there.parent] = (*words.get(there.parent, ()), there.name)
    found = []
    for folder, names in words.items():
        with suppress(OSError):
            status = folder.stat()
            found.append(Target(folder, names, (status.st_dev, status.st_ino)))
    return tuple(found)
