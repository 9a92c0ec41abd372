"""The watch of Linux: inotify, read by the worker's own thread, so that none waits beside it.

watchdog's own observer has two threads for each folder and loses a folder that is replaced.
"""

import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from watchdog.observers.inotify_c import InotifyConstants, inotify_add_watch, inotify_init

from mem0tray.worker.folders.watch import Target, Watch

# Opening and reading are left out, as we do both.
_MASK: Final = (
    InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_DELETE
)
_LOST: Final = InotifyConstants.IN_IGNORED | InotifyConstants.IN_Q_OVERFLOW
_EVENT: Final = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_AT_ONCE: Final = 1 << 16  # bytes


class InotifyWatch(Watch):
    """Watches by one descriptor, which whoever waits for the worker's wake-up waits for too."""

    _fd: int | None = None

    def _begin(self, wanted: Sequence[Target]) -> None:
        self._words: dict[int, list[str]] = defaultdict(list)
        fd = inotify_init()
        if fd == -1:
            return
        self._fd = fd
        os.set_blocking(fd, False)
        os.set_inheritable(fd, False)  # noqa: FBT003
        for target in wanted:
            self._words[inotify_add_watch(fd, os.fsencode(target.path), _MASK)] += target.words

    def fileno(self) -> int | None:
        return self._fd

    def has_news(self) -> bool:
        found = [self._matters(*event) for event in self._events()]  # all of them
        return any(found)

    def _matters(self, watch: int, mask: int, name: str) -> bool:
        """Whether the entry of a folder matters; an event about the folder itself always does."""
        if mask & _LOST:
            self._watched = ()  # the folder is gone, and its inode free; or events were lost
        return not name or self._is_named(name, self._words[watch])

    def _events(self) -> Iterable[tuple[int, int, str]]:
        with suppress(OSError):  # no events, or it is closed
            while self._fd is not None and (data := os.read(self._fd, _AT_ONCE)):
                at = 0
                while at < len(data):
                    watch, mask, _, length = _EVENT.unpack_from(data, at)
                    at += _EVENT.size + length
                    yield watch, mask, os.fsdecode(data[at - length : at].rstrip(b"\0"))

    def stop(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
