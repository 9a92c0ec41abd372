"""Giving memory back to the system after a large file has passed through."""

import ctypes
import sys
from typing import Final

from mem0tray.files.atomic import Signature

LARGE: Final = 4_000_000  # bytes of a file, which takes several times as much while it is read
_KEEP: Final = 1 << 20  # bytes that the allocator may keep at the top of its heap

Files = tuple[Signature | None, ...]


class Ballast:
    """What is free stays with the C library in pieces: 90 MB after 100,000 dead letters."""

    def __init__(self) -> None:
        self._known: Files = ()

    def drop(self, *files: Signature | None) -> bool:
        """Give back what is free if a large one of these files is another than at the last call."""
        if files == self._known:
            return False
        changed = {*files} ^ {*self._known}
        self._known = files
        if max((each.size for each in changed if each is not None), default=0) < LARGE:
            return False
        return _trim()


def _trim() -> bool:
    """Whether the C library can do that: glibc."""
    if sys.platform != "linux":
        return False
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return False
    return bool(trim(_KEEP))
