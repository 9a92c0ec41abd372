"""Running `alerts.command`: no shell, the text on standard input, for a minute at most."""

import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Final

from mem0tray.core.text import one_line

TIMEOUT: Final = 60.0
_LAST_WORDS: Final = 400  # bytes of what it printed, for the log


def start(command: str, text: str, failed: Callable[[str], None]) -> threading.Thread:
    """Run the command on a thread of its own, which calls `failed` with the reason if it fails."""

    def work() -> None:
        reason = run(command, text)
        if reason:
            failed(reason)

    thread = threading.Thread(target=work, name="mem0tray-alert-command", daemon=True)
    thread.start()
    return thread


def run(command: str, text: str, timeout: float = TIMEOUT) -> str:
    """Run the command and wait for its end; return why it failed, or nothing. Never raises."""
    try:
        # Windows splits a command line itself, and its paths have backslashes.
        arguments = command.strip() if sys.platform == "win32" else shlex.split(command)
    except ValueError as error:
        return f"it cannot be understood: {error}"
    if not arguments:
        return "it is empty"
    try:
        # Its output goes into a file: a process that it leaves behind would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            return _run(arguments, text, timeout, output)
    except (OSError, ValueError) as error:
        return f"it cannot be started: {error}"


def _run(arguments: str | list[str], text: str, timeout: float, output: IO[bytes]) -> str:
    with subprocess.Popen(  # noqa: S603  (the user's own command, from the settings)
        arguments,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    ) as process:
        try:
            process.communicate(text.encode("utf-8", "replace"), timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            return f"it was ended after {timeout:g} s"
    if process.returncode == 0:
        return ""
    output.seek(0)
    said = one_line(output.read()[-_LAST_WORDS:].decode("utf-8", "replace"))
    return f"it exited with {process.returncode}" + (f": {said}" if said else "")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command with all processes that it has started."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            import os

            os.killpg(process.pid, signal.SIGKILL)
