"""Start a program with one of its threads ahead in the count of one system call.

    ahead.py THREAD NUMBER BY PYTHON -m MODULE ARGUMENT…

strace's `when=` counts the calls of each thread by itself, and acts on whichever
thread gets there first. So THREAD makes the call NUMBER, with arguments that the
kernel refuses, BY times before anything else: more often than any other thread ever
will. Then only that thread reaches the count, and each of its calls can be met.

Every thread also says its name, by a call that the program never makes: `rmdir` of
a folder that does not exist.
"""

import ctypes
import runpy
import sys
import threading
from types import FrameType

NO_SUCH = "no such folder: thread "
_LIBC = ctypes.CDLL(None, use_errno=True)


def begin(thread: str, number: int, by: int) -> None:
    """Say the thread's name; get ahead if it is the one."""
    name = threading.current_thread().name
    _LIBC.rmdir((NO_SUCH + name).encode())
    if name == thread:
        for _ in range(by):
            _LIBC.syscall(number, -1, -1, -1, -1, -1, -1)


def main() -> None:
    """Become the module, with a hook at the start of each of its threads."""
    thread, number, by, _, _, module, *arguments = sys.argv[1:]

    def first_event(_frame: FrameType, _event: str, _argument: object) -> None:
        sys.setprofile(None)
        begin(thread, int(number), int(by))

    threading.setprofile(first_event)
    begin(thread, int(number), int(by))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
