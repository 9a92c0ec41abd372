"""The watch of Linux: inotify, read by the worker's own thread, so that none waits beside it.

It uses watchdog's binding, but not its observer, which has two threads for each folder and
goes deaf once a folder is replaced: here a folder's move or removal is news as well.
"""

import os
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchdog.observers.inotify_c import InotifyConstants, inotify_add_watch, inotify_init

from mem0tray.worker.folders.watch import Target, ignore

_ITSELF: Final = (
    InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_ATTRIB
)
_APPEARS: Final = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
# Opening and reading are left out, as our own looks do both.
_CHANGES: Final = (
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_DELETE
)
_EVENT: Final = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_AT_ONCE: Final = 1 << 16  # bytes
_MOUNTS: Final = Path("/proc/self/mountinfo")
_SHARED: Final = ("nfs", "cifs", "smb", "9p", "fuse", "virtiofs", "ceph", "afs", "gfs", "ocfs")


class InotifyWatch:
    """Watches the targets that `find` gives. A name that is `ignored` wakes nobody.

    `hear` is told each target that has changed, or that is watched from now on.
    """

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
        self._fd: int | None = None
        self._watched: tuple[Target, ...] = ()
        self._words: dict[int, set[str]] = {}
        self._paths: dict[int, set[Path]] = {}
        self.sees_all = False

    def check(self) -> None:
        """Watch what is there now; wake the worker where that has changed."""
        wanted = self._find()
        if wanted == self._watched and self.sees_all:
            return
        news = wanted != self._watched
        self._begin(wanted)
        if news or self.sees_all:  # something may have changed before we watched
            self._wake()

    def _begin(self, wanted: tuple[Target, ...]) -> None:
        """Watch these targets in place of all former ones, as far as the system allows."""
        self.stop()
        for target in {*wanted} - {*self._watched}:
            self._hear(target.path)
        self._watched, self._words, self._paths = wanted, defaultdict(set), defaultdict(set)
        fd = inotify_init()
        if fd == -1:
            return
        self._fd = fd
        os.set_blocking(fd, False)
        os.set_inheritable(fd, False)  # noqa: FBT003
        watches = [inotify_add_watch(fd, os.fsencode(each.path), _mask(each)) for each in wanted]
        for target, watch in zip(wanted, watches, strict=True):
            self._words[watch].update(target.words)
            self._paths[watch].add(target.path)
        shared = _shared_disks()
        self.sees_all = -1 not in watches and not any(
            target.identity.device in shared for target in wanted
        )

    def fileno(self) -> int | None:
        """The descriptor that becomes readable when something has changed."""
        return self._fd

    def has_news(self) -> bool:
        """Read the events that have come; return whether any of them matters."""
        found = [self._matters(*event) for event in self._events()]  # all of them
        return any(found)

    def _matters(self, watch: int, mask: int, name: str) -> bool:
        """Whether the entry of a folder matters; an event about the folder itself always does."""
        if mask & (InotifyConstants.IN_IGNORED | InotifyConstants.IN_Q_OVERFLOW):
            self._watched = ()  # the folder is gone, and its inode free; or events were lost
        is_named = any(word in name for word in self._words[watch]) and not self._ignored(name)
        if name and not is_named:
            return False
        for path in self._paths[watch]:
            self._hear(path)
        return True

    def _events(self) -> Iterable[tuple[int, int, str]]:
        """The events that have come: watch, mask, and the entry's name if it is about an entry."""
        with suppress(OSError):  # no events, or it is closed
            while self._fd is not None and (data := os.read(self._fd, _AT_ONCE)):
                at = 0
                while at < len(data):
                    watch, mask, _, length = _EVENT.unpack_from(data, at)
                    at += _EVENT.size + length
                    yield watch, mask, os.fsdecode(data[at - length : at].rstrip(b"\0"))

    def stop(self) -> None:
        """Stop watching."""
        self.sees_all = False
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _mask(target: Target) -> int:
    mask = InotifyConstants.IN_MASK_ADD | _ITSELF  # added, as one folder may be two targets
    if target.is_link:
        return mask | InotifyConstants.IN_DONT_FOLLOW
    return mask | _APPEARS | (0 if target.is_way else _CHANGES)


def _shared_disks() -> set[int]:
    """The devices of mounted disks that another computer can change without any event here."""
    found = set()
    with suppress(OSError, ValueError, IndexError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if after.startswith(_SHARED):
                major, minor = before.split()[2].split(":")
                found.add(os.makedev(int(major), int(minor)))
    return found
