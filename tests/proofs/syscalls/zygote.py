"""Start the program again and again as forks of one interpreter, one of its threads ahead.

    zygote.py SOCKET

The descriptor SOCKET brings an order for each start, with three descriptors: standard
output, standard error, and a socket that is told the process id and, at the end, the
exit code. The zygote has imported the program and has run nothing of it: no thread, no
open file. What is forked from it is the program from `__main__` to the interpreter's
end; only the start of an interpreter and the imports, which no trial is about, are
done once.

strace's `when=` counts the calls of each thread by itself, and acts on whichever
thread gets there first. So one thread makes the call some hundred times, with
arguments that the kernel refuses, before anything else: more often than any other
thread ever will. Then only that thread reaches the count, and each of its calls can
be met.

Every thread also says its name, by a call that the program never makes: `rmdir` of
a folder that does not exist.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final

NO_SUCH: Final = "no such folder: thread "
# What the acts have the program import; any other module is imported by each start anew.
PRELOADED: Final = (
    "mem0tray.cli.app", "mem0tray.cli.run", "mem0tray.cli.delete", "mem0tray.cli.restore",
    "mem0tray.cli.fast_arguments", "mem0tray.cli.producing", "mem0tray.actions.add",
    "mem0tray.actions.restore",
    "mem0tray.alerts.watch", "mem0tray.server.network", "mem0tray.server.vps",
    "mem0tray.worker.folders.settings_file", "mem0tray.worker.thread", "httpx", "httpcore",
)  # fmt: skip
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_LONGEST: Final = 65536  # bytes of an order
_SET_PDEATHSIG, _SET_PTRACER, _ANYBODY = 1, 0x59616D61, -1


def begin(thread: str, number: int, by: int) -> None:
    """Say the thread's name; get ahead `by` calls of `number` if it is the one."""
    name = threading.current_thread().name
    _LIBC.rmdir((NO_SUCH + name).encode())
    if name == thread:
        for _ in range(by):
            _LIBC.syscall(number, -1, -1, -1, -1, -1, -1)


def main() -> None:
    """Fork until nobody orders any more; in what was forked, become the program."""
    for module in PRELOADED:
        importlib.import_module(module)
    gc.freeze()  # a collection in a fork need not copy all that is shared
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        order = _next(orders)
    if order is None:
        return
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    if order["strace"]:
        _be_traced(order["strace"])
        _get_ahead(*order["ahead"])
    module, *arguments = order["command"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _next(orders: socket.socket) -> dict[str, Any] | None:
    """Fork for each order. The order, in what is to carry it out; None at the end of them."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, _LONGEST, 3)
        if not message:
            return None
        if os.fork() == 0:
            _fork_and_tell(descriptors)
            order: dict[str, Any] = json.loads(message)
            return order
        for each in descriptors:
            os.close(each)


def _fork_and_tell(descriptors: Sequence[int]) -> None:
    """Fork once more and tell what becomes of it; only the program itself returns."""
    out, err, told = descriptors
    _end_with_the_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if program := os.fork():
        os.write(told, str(program).encode())
        _, status = os.waitpid(program, 0)
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    _end_with_the_parent()
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    for each in descriptors:
        os.close(each)


def _end_with_the_parent() -> None:
    _LIBC.prctl(_SET_PDEATHSIG, signal.SIGKILL)


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


def _get_ahead(thread: str, number: int, by: int) -> None:
    def first_event(_frame: FrameType, _event: str, _argument: object) -> None:
        sys.setprofile(None)
        begin(thread, number, by)

    threading.setprofile(first_event)
    begin(thread, number, by)


if __name__ == "__main__":
    main()
