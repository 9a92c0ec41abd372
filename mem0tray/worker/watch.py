"""Waking the worker when a file changes: a hint, never the truth.

watchdog wakes within a millisecond and costs nothing idle, but dies silently
when the folder is replaced, and there may be no watches left. So the worker
looks at the files every few seconds all the same.
"""

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mem0tray.files import temporary


class Watcher:
    """Calls `wake` when something in one of the folders changes. Started in the background.

    `ours` is a file that we rewrite all day: nobody is woken for what we write
    beside it first, where that has to be done. That it was replaced is told,
    since others may write it too.
    """

    def __init__(self, folders: Iterable[Path], wake: Callable[[], None], ours: Path) -> None:
        self._folders = tuple(folders)
        self._wake = wake
        self._ours = temporary.prefix(ours)
        self._guard = threading.Lock()
        self._observer: Any = None
        self._inodes: tuple[int, ...] = ()
        self._stopped = False

    def start(self) -> None:
        """Start the thread that loads the library, which takes a while, and watches."""
        threading.Thread(target=self._begin, name="mem0tray-watch", daemon=True).start()

    def check(self) -> None:
        """Watch anew where a folder has been replaced or made."""
        if self._observer is not None and self._found() != self._inodes:
            self.start()

    def _found(self) -> tuple[int, ...]:
        inodes = []
        for folder in self._folders:
            inode = 0
            with suppress(OSError):
                inode = folder.stat().st_ino
            inodes.append(inode)
        return tuple(inodes)

    def _begin(self) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        wake, ours = self._wake, self._ours

        class Handler(events.FileSystemEventHandler):
            def on_any_event(self, event: events.FileSystemEvent) -> None:
                if not Path(os.fsdecode(event.src_path)).name.startswith(ours):
                    wake()

        # Not asked for: files that are only opened and read, by our own looks too. Of a file that
        # is moved here from another folder, or linked, nothing is told but that it was made.
        changes: list[type[events.FileSystemEvent]] = [
            events.FileCreatedEvent,
            events.FileModifiedEvent,
            events.FileClosedEvent,
            events.FileMovedEvent,
            events.FileDeletedEvent,
        ]
        with self._guard:
            if self._stopped:
                return
            self._end()
            observer = Observer()
            self._inodes = self._found()
            with suppress(OSError):  # no watches left, or no folder: looking now and then must do
                for folder, inode in zip(self._folders, self._inodes, strict=True):
                    if inode:
                        where = str(folder.resolve())
                        observer.schedule(Handler(), where, recursive=False, event_filter=changes)
                observer.start()
            self._observer = observer
        wake()

    def _end(self) -> None:
        if self._observer is not None:
            with suppress(RuntimeError):
                self._observer.stop()
                self._observer.join(1.0)
            self._observer = None

    def stop(self) -> None:
        """Stop watching."""
        with self._guard:
            self._stopped = True
            self._end()
