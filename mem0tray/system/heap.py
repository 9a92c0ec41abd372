"""Memory that is free but stays with the C library: 90 MB after 100,000 dead letters."""

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Give free memory back to the system; a no-op unless the C library is glibc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
