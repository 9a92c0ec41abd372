"""The watch of Linux: inotify, read by the worker's own thread, so that none waits beside it.

watchdog's binding, and not its observer, which has two threads for each folder and hears
nothing more once a folder is replaced: here that it was moved or removed is news as well.
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
# Not asked for: files that are only opened and read, by our own looks too.
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
    """Watches the targets that `find` gives. What `ignored` says of a name wakes nobody.

    `hear` is told each target that something has become of, or that is watched from now on.
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
        """Watch what is there now; wakes the worker where that has changed."""
        wanted = self._find()
        if wanted == self._watched and self.sees_all:
            return
        news = wanted != self._watched
        self._begin(wanted)
        if news or self.sees_all:  # something may have changed before we were there
            self._wake()

    def _begin(self, wanted: tuple[Target, ...]) -> None:
        """Watch these in place of all before; as far as that is to be had."""
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
        """What can be read when something has changed."""
        return self._fd

    def has_news(self) -> bool:
        """Read what has come; whether something of it matters."""
        found = [self._matters(*event) for event in self._events()]  # to the last of them
        return any(found)

    def _matters(self, watch: int, mask: int, name: str) -> bool:
        """Whether the entry of a folder matters; what becomes of the folder itself always does."""
        if mask & (InotifyConstants.IN_IGNORED | InotifyConstants.IN_Q_OVERFLOW):
            self._watched = ()  # it is gone, and the next one may have its inode; or too much came
        is_named = any(word in name for word in self._words[watch]) and not self._ignored(name)
        if name and not is_named:
            return False
        for path in self._paths[watch]:
            self._hear(path)
        return True

    def _events(self) -> Iterable[tuple[int, int, str]]:
        """What has come: watch, mask, and the name in its folder if it is that of an entry."""
        with suppress(OSError):  # nothing has, or it is closed
            while self._fd is not None and (data := os.read(self._fd, _AT_ONCE)):
                at = 0
                while at < len(data):
                    watch, mask, _, length = _EVENT.unpack_from(data, at)
                    at += _EVENT.size + length
                    yield watch, mask, os.fsdecode(data[at - length : at].rstrip(b"\0"))

    def stop(self) -> None:
        """Leave."""
        self.sees_all = False
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _mask(target: Target) -> int:
    mask = InotifyConstants.IN_MASK_ADD | _ITSELF  # added, should one folder be two targets
    if target.is_link:
        return mask | InotifyConstants.IN_DONT_FOLLOW
    return mask | _APPEARS | (0 if target.is_way else _CHANGES)


def _shared_disks() -> set[int]:
    """The devices of mounted disks that another computer may change, which no event tells of."""
    found = set()
    with suppress(OSError, ValueError, IndexError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if after.startswith(_SHARED):
                major, minor = before.split()[2].split(":")
                found.add(os.makedev(int(major), int(minor)))
    return found
