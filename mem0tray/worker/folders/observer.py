"""The watch of macOS and Windows: watchdog's observer, whose threads wake the worker.

It dies silently when a folder is replaced, so the worker still looks every few seconds.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mem0tray.worker.folders.watch import Target, ignore


class ObserverWatch:
    """Watches the targets that `find` gives. A name that is `ignored` wakes nobody.

    `hear` is told, on any thread, each target that has changed, or that is watched
    from now on.
    """

    sees_all = False

    def __init__(
        self,
        find: Callable[[], tuple[Target, ...]],
        ignored: Callable[[str], bool],
        wake: Callable[[], None],
        hear: Callable[[Path], None] = ignore,
    ) -> None:
        self._find = find
        self._ignored = ignored
        self._wake = wake
        self._hear = hear
        self._observer: Any = None
        self._watched: tuple[Target, ...] | None = None

    def check(self) -> None:
        """Watch what is there now; wake the worker where that has changed."""
        wanted = tuple(each for each in self._find() if not (each.is_link or each.is_way))
        if wanted != self._watched:
            self._begin(wanted)
            self._wake()

    def _begin(self, wanted: tuple[Target, ...]) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        ignored, wake, hear = self._ignored, self._wake, self._hear

        class Handler(events.FileSystemEventHandler):
            def __init__(self, target: Target) -> None:
                self._words, self._path = target.words, target.path

            def on_any_event(self, event: events.FileSystemEvent) -> None:
                if any(self._matters(path) for path in (event.src_path, event.dest_path) if path):
                    hear(self._path)
                    wake()

            def _matters(self, path: bytes | str) -> bool:
                name = Path(os.fsdecode(path)).name
                return any(word in name for word in self._words) and not ignored(name)

        # Opening and reading are left out, as our own looks do both. A file moved here from
        # another folder, or linked, is only reported as made.
        changes: list[type[events.FileSystemEvent]] = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileClosedEvent,
            events.FileMovedEvent,
            events.FileDeletedEvent,
        ]
        self.stop()
        self._watched = wanted
        observer = Observer()
        with suppress(OSError):  # no watches left, or no folder: regular looks must do
            for target in wanted:
                hear(target.path)
                where = str(target.path.resolve())
                observer.schedule(Handler(target), where, recursive=False, event_filter=changes)
            observer.start()
        self._observer = observer

    def fileno(self) -> int | None:
        """Nothing: the observer's threads wake the worker."""
        return None

    def has_news(self) -> bool:
        """Nothing: the observer's threads wake the worker."""
        return False

    def stop(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            with suppress(RuntimeError):
                self._observer.stop()
                self._observer.join(1.0)
            self._observer = None
