"""Memory that is free but stays with the C library: 90 MB after 100,000 dead letters."""

import ctypes
import sys
from contextlib import suppress
from typing import Final

_MMAP_THRESHOLD: Final = -3  # as malloc.h has it
_BLOCK: Final = 1 << 20  # bytes


def keep_apart() -> None:
    """Keep large blocks apart from the heap, so that each goes back as soon as it is free.

    Else each hand edit beside 100,000 dead letters leaves 20 MB more, which no trim gives back.
    """
    _ask("mallopt", _MMAP_THRESHOLD, _BLOCK)


def give_back() -> None:
    """Give free memory back to the system."""
    _ask("malloc_trim", 0)


def _ask(name: str, *given: int) -> None:
    """Call a function of the C library, if that is glibc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            getattr(ctypes.CDLL(None), name)(*given)
