"""The watch of Linux: inotify, read by the worker's own thread, so that none waits beside it.

It uses watchdog's binding, but not its observer, which has two threads for each folder and
sees nothing more once a folder is replaced: here a folder's move or removal is an event as well.
"""

import os
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchdog.observers.inotify_c import InotifyConstants, inotify_add_watch, inotify_init

from mem0tray.worker.folders.watch import Target, Watch

_ITSELF: Final = (
    InotifyConstants.IN_DELETE_SELF | InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_ATTRIB
)
_APPEARS: Final = InotifyConstants.IN_CREATE | InotifyConstants.IN_MOVED_TO
# Opening and reading are left out, as we do both.
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


class InotifyWatch(Watch):
    """Watches by one descriptor, which whoever waits for the worker's wake-up waits for too."""

    _fd: int | None = None
    _watched: Sequence[Target] = ()

    def check(self) -> None:
        """Watch what is there now; wake the worker where that has changed."""
        wanted = self._find()
        if wanted == self._watched and self.sees_all:
            return
        is_new = wanted != self._watched
        self._begin(wanted)
        if is_new or self.sees_all:  # something may have changed before we watched
            self._wake()

    def _begin(self, wanted: Sequence[Target]) -> None:
        """Watch these targets in place of all former ones, as far as the system allows."""
        self.stop()
        for target in {*wanted} - {*self._watched}:
            self._note_change(target.path)
        self._watched = wanted
        self._words: dict[int, set[str]] = defaultdict(set)
        self._paths: dict[int, set[Path]] = defaultdict(set)
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
        """The descriptor that becomes readable with an event."""
        return self._fd

    def has_news(self) -> bool:
        """Read the events that have come; return whether any of them matters."""
        found = [self._matters(*event) for event in self._events()]  # all of them
        return any(found)

    def _matters(self, watch: int, mask: int, name: str) -> bool:
        """Whether the entry of a folder matters; an event about the folder itself always does."""
        if mask & (InotifyConstants.IN_IGNORED | InotifyConstants.IN_Q_OVERFLOW):
            self._watched = ()  # the folder is gone, and its inode free; or events were lost
        if name and not self._is_named(name, tuple(self._words[watch])):
            return False
        for path in self._paths[watch]:
            self._note_change(path)
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
