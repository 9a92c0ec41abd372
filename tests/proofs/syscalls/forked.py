"""A scratch home whose program is forked by the zygote, traced or not."""

import atexit
import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.proofs.syscalls.strace import Tracing
from tests.support.home import Env, Home, import_path
from tests.support.processes import Process

ZYGOTE: Final = Path(__file__).with_name("zygote.py")
UNTRACED: Final = Tracing((), "", 0, 0)


class ForkedHome(Home):
    """A home as any other; only the program in it is started in a tenth of the time."""

    def start(
        self,
        *arguments: str,
        wrapper: Iterable[str] = (),
        env: Env = None,
        tracing: Tracing = UNTRACED,
    ) -> Process:
        """Start a command in the background."""
        assert not tuple(wrapper), "what is forked has no command line to put anything before"
        process = Forked(
            ("mem0tray", *arguments), tracing, env={**self.env, **(env or {})},
            output=self.root.with_name(f"{self.root.name}-process-{len(self._processes)}"),
        )  # fmt: skip
        self._processes.append(process)
        return process

    def run(
        self, *arguments: str, stdin: str = "", timeout: float = 30.0, env: Env = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        assert not stdin, "what is forked reads nothing"
        process = self.start(*arguments, env=env)
        code = process.wait(timeout)
        return subprocess.CompletedProcess(arguments, code, process.out, process.err)


class Forked(Process):
    """A program that the zygote has forked."""

    def __init__(
        self, command: Sequence[str], tracing: Tracing, *, env: Mapping[str, str], output: Path
    ) -> None:
        self._out, self._err = output.with_suffix(".out"), output.with_suffix(".err")
        order = {
            "command": command, "env": env, "cwd": str(output.parent), "strace": tracing.strace,
            "ahead": (tracing.thread, tracing.number, tracing.by),
        }  # fmt: skip
        self._told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tells, self._out.open("wb") as out, self._err.open("wb") as err:
            descriptors = [out.fileno(), err.fileno(), tells.fileno()]
            socket.send_fds(_zygote(), [json.dumps(order).encode()], descriptors)
        self._pid = self._tell(10)
        self._code: int | None = None

    @property
    def pid(self) -> int:
        """The process id, of the group as well."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        with contextlib.suppress(BlockingIOError):
            self.wait(0)
        return self._code is None

    def signal(self, number: int) -> None:
        """Send a signal to the program alone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):  # killed just now
                os.kill(self.pid, number)

    def wait(self, timeout: float = 10.0) -> int:
        """Wait for its end; the exit code."""
        if self._code is None:
            self._code = self._tell(timeout)
        return self._code

    def kill(self) -> None:
        """End everything in its process group with kill -9."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        self._told.close()

    def _tell(self, timeout: float) -> int:
        """Wait for the next number. Raises TimeoutError; BlockingIOError when not to wait."""
        self._told.settimeout(timeout)
        return int(self._told.recv(32))


@functools.cache
def _zygote() -> socket.socket:
    """Start it; it ends when nobody is left to order anything."""
    orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, str(ZYGOTE), str(theirs.fileno())],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **import_path()},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
        )  # fmt: skip
    atexit.register(process.wait, 10)
    atexit.register(orders.close)
    return orders
