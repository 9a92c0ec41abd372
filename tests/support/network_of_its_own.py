"""A network with loopback and nothing else, for what a test starts while it lasts (Linux, root)."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_NETWORK = 0x40000000  # CLONE_NEWNET
_MINE = "/proc/thread-self/ns/net"


@contextmanager
def network_of_its_own() -> Iterator[None]:
    """Give this thread, and all threads and processes that it starts, a network of their own."""
    system = ctypes.CDLL(None, use_errno=True)
    former = os.open(_MINE, os.O_RDONLY)
    try:
        _succeed(system.unshare(_NETWORK))
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607  (its folder differs)
            yield
        finally:
            _succeed(system.setns(former, _NETWORK))
    finally:
        os.close(former)


def _succeed(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
