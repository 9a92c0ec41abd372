"""Giving memory back to the system after a large file has passed through."""

import ctypes
import sys
from typing import Any, Final, Protocol

LARGE: Final = 4_000_000  # bytes of a file; reading it takes several times as much
LARGE_BLOCK: Final = 1 << 20  # bytes
_MMAP_THRESHOLD: Final = -3  # as malloc.h has it
_KEEP: Final = 1 << 20  # bytes that the allocator may keep at the top of its heap


class FileState(Protocol):
    """A file as it was read; it differs once the file has changed."""

    @property
    def size(self) -> int:
        """Its length in bytes."""


Files = tuple[FileState | None, ...]


class Ballast:
    """Memory that is free but stays with the C library: 90 MB after 100,000 dead letters."""

    def __init__(self) -> None:
        self._known: Files = ()
        _keep_apart()

    def drop(self, *files: FileState | None) -> bool:
        """Give free memory back if a large one of these files has changed since the last call."""
        if files == self._known:
            return False
        changed = {*files} ^ {*self._known}
        self._known = files
        if max((each.size for each in changed if each is not None), default=0) < LARGE:
            return False
        return _trim()


def _keep_apart() -> None:
    """Keep large blocks apart from the heap, so that each is given back as soon as it is free.

    Else glibc takes blocks of up to 32 MB from the heap once one has been freed, and a memory
    of 5 MB passing through makes a worker's heap grow to ten times that.
    """
    set_option = _of_glibc("mallopt")
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, LARGE_BLOCK)


def _trim() -> bool:
    """Have glibc give free memory back to the system; return whether it did."""
    trim = _of_glibc("malloc_trim")
    return trim is not None and bool(trim(_KEEP))


def _of_glibc(name: str) -> Any:
    """A function of the C library; None where it has none of that name."""
    if sys.platform != "linux":
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):
        return None
