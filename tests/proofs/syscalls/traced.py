"""What a fork of the zygote does before it becomes the program: it lets strace see it.

strace's `when=` counts the calls of each thread by itself, and acts on whichever
thread gets there first. So one thread makes the call some hundred times, with
arguments that the kernel refuses, before anything else: more often than any other
thread ever will. Then only that thread reaches the count, and each of its calls can
be met.

Every thread also says its name, by a call that the program never makes: `rmdir` of
a folder that does not exist.
"""

import ctypes
import os
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Final

NO_SUCH: Final = "no such folder: thread "
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_SET_PTRACER, _ANYBODY = 0x59616D61, -1


def prepare(strace: Sequence[str], thread: str, number: int, by: int) -> None:
    """Be traced by this command (`-p` is still to come); let one thread get ahead in one call."""
    _be_traced(strace)

    def first_event(_frame: FrameType, _event: str, _argument: object) -> None:
        sys.setprofile(None)
        _begin(thread, number, by)

    threading.setprofile(first_event)
    _begin(thread, number, by)


def _begin(thread: str, number: int, by: int) -> None:
    """Say the thread's name; get ahead `by` calls of `number` if it is the one."""
    name = threading.current_thread().name
    _LIBC.rmdir((NO_SUCH + name).encode())
    if name == thread:
        for _ in range(by):
            _LIBC.syscall(number, -1, -1, -1, -1, -1, -1)


def _be_traced(strace: Sequence[str]) -> None:
    """Have strace attach to this process; from here on it sees every call."""
    _LIBC.prctl(_SET_PTRACER, _ANYBODY)
    said, says = os.pipe()  # the reading end stays open: strace goes on to name each thread
    os.posix_spawnp(
        strace[0], [*strace, "-p", str(os.getpid())], os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, says, 2)],
    )  # fmt: skip
    os.close(says)
    line = b""
    while not line.endswith(b"\n"):
        if not (more := os.read(said, 1)):
            break
        line += more
    if b" attached" not in line:
        raise RuntimeError(line.decode())
