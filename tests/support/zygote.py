"""Start the program again and again as forks of one interpreter, which has imported it.

    zygote.py SOCKET

The descriptor SOCKET brings an order for each start, with the descriptor of a socket that is
told the process id and, at the end, the exit code. An order has `command` (the module and its
arguments), `cwd`, `env`, `streams` (the files for standard input, output and error), `before`
(a function as `module:name`, its arguments by name; null: none), which is called in the fork first,
and `to_the_end`: whether the interpreter takes itself apart as ever, see `_end`.

The zygote has run nothing of the program: no thread, no open file. What is forked from it is
the program from `__main__` to the interpreter's end; only the start of an interpreter and the
imports, which are most of what a short command takes, are done once.
"""

import atexit
import contextlib
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
import time
from pathlib import Path
from typing import Any, Final, NoReturn

# What commands import when they need it; any other module is imported by each start anew.
PRELOADED: Final = (
    "mem0tray.actions.add",
    "mem0tray.actions.verbs", "mem0tray.alerts", "mem0tray.server",
    "mem0tray.server.vps", "mem0tray.worker.folders.settings",
    "mem0tray.worker.thread", "mem0tray.desktop.app", "httpx", "httpcore",
    "mem0tray.server.transport", "mem0tray.server.oss", "mem0tray.server.platform",
    "mem0tray.cli.run", "mem0tray.window.serve", "encodings.idna", "encodings.utf_16_le",
)  # fmt: skip
_LIBC: Final = ctypes.CDLL(None)
_LONGEST: Final = 65536  # bytes of an order
_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Fork until nobody orders any more; in what was forked, become the program."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])  # in place of this file's folder
    sys.path.append(sys.path.pop(0))
    for module in (*PRELOADED, *_of_commands()):
        importlib.import_module(module)
    gc.freeze()  # a collection in a fork need not copy all that is shared
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        order = _next(orders)
    if order is None:
        return
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    if order["before"] is not None:
        place, arguments = order["before"]
        module, _, name = place.partition(":")
        getattr(importlib.import_module(module), name)(**arguments)
    module, *sys.argv[1:] = order["command"]
    sys.argv[0] = module
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as left:
        if order["to_the_end"] or not isinstance(left.code, int):
            raise
        code = left.code
    _end(code)


def _end(code: int) -> NoReturn:
    """End as the interpreter does, but do not take apart every module: that takes the longest."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _of_commands() -> list[str]:
    from mem0tray.cli.app import COMMANDS

    return [f"mem0tray.cli.{place.partition(':')[0]}" for place, _ in COMMANDS.values()]


def _next(orders: socket.socket) -> dict[str, Any] | None:
    """Fork for each order. The order, in what is to carry it out; None at the end of them."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for programs
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, _LONGEST, 1)
        if not message:
            return None
        (told,) = descriptors
        if not os.fork():
            order: dict[str, Any] = json.loads(message)
            _fork(order, told)
            return order
        os.close(told)


def _fork(order: dict[str, Any], told: int) -> None:
    """Fork the program, and return in it; beside it tell its process id and its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _LIBC.prctl(_SET_PDEATHSIG, signal.SIGKILL)
    for stream, path in enumerate(order["streams"]):
        file = os.open(path, os.O_WRONLY if stream else os.O_RDONLY)
        os.dup2(file, stream)
        os.close(file)
    if program := os.fork():
        os.write(told, str(program).encode())
        _, status = os.waitpid(program, 0)
        with contextlib.suppress(OSError):  # nobody wants to know any more
            os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.close(told)
    _LIBC.prctl(_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()


if __name__ == "__main__":
    main()
