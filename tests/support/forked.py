"""A scratch home whose program is forked by a zygote, in a third of the time or less.

What is about the interpreter's own start (its variables, the peak of memory, the command line) is
started anew, and so is everything where the variable PLAIN_STARTS is set.
"""

import atexit
import contextlib
import functools
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.home import COMMAND, Env, Home, import_path
from tests.support.processes import LONGEST, Process

ZYGOTE: Final = Path(__file__).with_name("zygote.py")
# Put before a command, it has it started anew.
ANEW: Final = ("env",)
CAN_FORK: Final = sys.platform == "linux" and not os.environ.get("PLAIN_STARTS")
# Seconds: the zygote's first answer comes after it has imported the program.
_PRELOADED_WITHIN: Final = 60.0
# What these are, an interpreter asks once.
_ASKED_ONCE: Final = ("PYTHON", "LD_", "LC_")
# This one the library keyring asks, when it is imported, and no interpreter.
_ASKED_LATER: Final = "PYTHON_KEYRING_BACKEND"

# `module:function` and its arguments
Before = tuple[str, Mapping[str, Any]] | None


def preset(constants: Mapping[str, float]) -> Before:
    """Give what sets constants of the program (`mem0tray.module.NAME`) in a fork.

    For a patience of the program which a test would only wait for.
    """
    return "tests.support.forked:set_constants", {"constants": constants}


def set_constants(constants: Mapping[str, float]) -> None:
    for place, value in constants.items():
        module, _, name = place.rpartition(".")
        found = importlib.import_module(module)
        assert hasattr(found, name), place
        setattr(found, name, value)


class ForkedHome(Home):
    """A home as any other, in which starting the program takes little, but with a `wrapper`.

    `instead`: what each fork does first.
    """

    def __init__(
        self,
        root: Path,
        url: str | None = None,
        *,
        wrapper: Sequence[str] = (),
        instead: Before = None,
    ) -> None:
        super().__init__(root, url, wrapper=wrapper)
        self._before = instead

    def start(
        self, *arguments: str, wrapper: Iterable[str] = (), env: Env = None, before: Before = None
    ) -> Process:
        """Start a command in the background; `before` is called in the fork first.

        Such a fork runs to the interpreter's end, see the zygote.
        """
        wrapper = tuple(wrapper)
        whole = {**self.env, **(env or {})}
        if not self._may_fork(wrapper, whole):
            return super().start(*arguments, wrapper=wrapper, env=env)
        before, to_the_end = before or self._before, before is not None
        return self._fork("mem0tray", *arguments, env=whole, before=before, to_the_end=to_the_end)

    def start_module(self, module: str, *arguments: str) -> Process | None:
        """Start what the program starts by itself else; None where it must do so."""
        if not self._may_fork((), self.env):
            return None
        return self._fork(module, *arguments, env=self.env)

    def _fork(self, *command: str, **options: Any) -> Process:
        output = self.root.with_name(f"{self.root.name}-process-{len(self._processes)}")
        process = Forked(command, cwd=output.parent, output=output, **options)
        self._processes.append(process)
        return process

    def run(
        self, *arguments: str, stdin: str = "", timeout: float = LONGEST, env: Env = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end. Raises TimeoutError."""
        whole = {**self.env, **(env or {})}
        if not self._may_fork((), whole):
            return super().run(*arguments, stdin=stdin, timeout=timeout, env=env)
        command = ("mem0tray", *arguments)
        output = self.root.with_name(f"{self.root.name}-command")
        given = output.with_suffix(".in")
        given.write_bytes(stdin.encode())
        process = Forked(
            command, env=whole, cwd=self.root, output=output, stdin=given, before=self._before
        )
        given.unlink()  # it is open by now, and may hold a key
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(command, code, *process.written())

    def _may_fork(self, wrapper: Sequence[str], env: Mapping[str, str]) -> bool:
        """Whether a start would find the interpreter and the program as the zygote's are."""
        asked = {
            name: value
            for name, value in env.items()
            if name == "LANG" or (name.startswith(_ASKED_ONCE) and name != _ASKED_LATER)
        }
        plain = not wrapper and self._command == COMMAND
        return CAN_FORK and plain and asked == _interpreter()


class Forked(Process):
    """A program that the zygote has forked."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        output: Path,
        stdin: Path = Path(os.devnull),
        before: Before = None,
        to_the_end: bool = False,
    ) -> None:
        self._out, self._err = output.with_suffix(".out"), output.with_suffix(".err")
        for each in (self._out, self._err):
            each.write_bytes(b"")
        streams = [str(stdin), str(self._out), str(self._err)]
        order = {
            "command": command, "env": env, "cwd": str(cwd), "streams": streams, "before": before,
            "to_the_end": to_the_end,
        }  # fmt: skip
        self._told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tells:
            socket.send_fds(_zygote(), [json.dumps(order).encode()], [tells.fileno()])
        self._pid = self._tell(_PRELOADED_WITHIN)
        self._code: int | None = None

    @property
    def pid(self) -> int:
        return self._pid

    @property
    def alive(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            self.wait(0)
        return self._code is None

    def signal(self, number: int) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):  # killed just now
                os.kill(self.pid, number)

    def wait(self, timeout: float = LONGEST) -> int:
        if self._code is None:
            self._code = self._tell(timeout)
        return self._code

    def kill(self) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.wait()
        self._told.close()

    def written(self) -> tuple[str, str]:
        """Read standard output and error. Raises UnicodeDecodeError where they are not UTF-8."""
        return self._out.read_text(encoding="utf-8"), self._err.read_text(encoding="utf-8")

    def _tell(self, timeout: float) -> int:
        """Wait for the next number. Raises TimeoutError; BlockingIOError when not to wait."""
        self._told.settimeout(timeout)
        return int(self._told.recv(32))


def _interpreter() -> dict[str, str]:
    return {"LANG": "C.UTF-8", **import_path()}


@functools.cache
def _zygote() -> socket.socket:
    """Start it; it ends when nobody is left to order anything."""
    orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, str(ZYGOTE), str(theirs.fileno())],
            env={"PATH": os.environ["PATH"], **_interpreter()},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
        )  # fmt: skip
    atexit.register(process.wait, LONGEST)
    atexit.register(orders.close)
    return orders
