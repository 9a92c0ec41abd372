"""Which changes of the disk wake the worker: a hint, never the truth.

The system may refuse a watch, and nothing reports what another computer does to a shared disk.
"""

import fnmatch
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
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
    """Watches the targets that `find` returns, with watchdog. An `ignored` name wakes nobody."""

    _watched: Sequence[Target] = ()
    _observer: Any = None

    def __init__(
        self,
        find: Callable[[], Sequence[Target]],
        ignored: Callable[[str], bool],
        wake: Callable[[], None],
    ) -> None:
        self._find = find
        self._ignored = ignored
        self._wake = wake

    def check(self) -> None:
        """Watch what is there now; wake the worker where that has changed."""
        wanted = self._find()
        if wanted != self._watched:
            self.stop()
            self._watched = wanted
            self._begin(wanted)
            self._wake()  # something may have changed before we watched

    def _begin(self, wanted: Sequence[Target]) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        # Opening and reading are left out, as we do both. A file moved here from another folder,
        # or linked, is only reported as made.
        changes: list[type[events.FileSystemEvent]] = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileClosedEvent,
            events.FileMovedEvent,
            events.FileDeletedEvent,
            events.DirDeletedEvent,
        ]
        self._observer = Observer()
        with suppress(OSError, RuntimeError):  # no watches or threads left, or no folder
            for target in wanted:
                handler = events.FileSystemEventHandler()
                handler.on_any_event = self._handler(target)  # type: ignore[method-assign,assignment]
                where = str(target.path.resolve())
                self._observer.schedule(handler, where, recursive=False, event_filter=changes)
            self._observer.start()

    def _handler(self, target: Target) -> Callable[[Any], None]:
        folder = target.path.resolve()

        def matters(name: str) -> bool:
            return any(word in name for word in target.words) and not self._ignored(name)

        def handle(event: Any) -> None:
            paths = [os.fsdecode(each) for each in (event.src_path, event.dest_path) if each]
            names = [Path(path).name for path in paths if Path(path) != folder]
            if not names:  # the folder itself is gone, and its inode free
                self._watched = ()
            if not names or any(map(matters, names)):
                self._wake()

        return handle

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
        there = Path(os.path.realpath(file))
        if there != file:
            words[there.parent] = (*words.get(there.parent, ()), there.name)
    found = []
    for folder, names in words.items():
        with suppress(OSError):
            status = folder.stat()
            found.append(Target(folder, names, (status.st_dev, status.st_ino)))
    return tuple(found)


def is_ours(paths: Paths, *, unchanged: Callable[[], bool]) -> Callable[[str], bool]:
    """Whether a name is that of a temporary file, or of the metrics that are still `unchanged`."""

    def matches(name: str) -> bool:
        is_temporary = fnmatch.fnmatchcase(name, temporary.PATTERN)
        return is_temporary or (name == paths.metrics.name and unchanged())

    return matches
