"""Showing files and folders in the user's programs for them.

Nothing here waits: an opener may go on for as long as the browser that it started.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.reasons import Reason

# The variable with a panel's permission to bring what a click opens to the front (Wayland).
TOKEN: Final = "XDG_ACTIVATION_TOKEN"  # noqa: S105  (the name of a variable)
Failed = Callable[[Mem0TrayError], object]
_NO_PROGRAM: Final = 3  # exit code of xdg-open: no desktop, no browser, no program for such a file
_BY_HAND: Final = Reason("Open it by hand.")


def show(path: Path, failed: Failed = lambda _: None, *, edits: bool = False) -> None:
    """Open a file or folder; `edits`: a text file, for editing.

    Raises FileUnavailableError for a path where nothing is, Mem0TrayError if no opener can be
    started; calls `failed`, on a thread of its own, if the opener gives up later.
    """
    name = str(path.expanduser().absolute())  # so that it never looks like an option
    if not Path(name).exists():
        raise FileUnavailableError(
            Reason("{path} does not exist.", path=name), Reason("It is made when it is needed.")
        )
    command: tuple[str, ...] = ("xdg-open",)
    if sys.platform == "darwin":
        command = ("open", "-t") if edits else ("open",)  # `-t`: in the text editor
    if sys.platform == "win32":
        try:
            os.startfile(name)  # noqa: S606  (one checked name)
        except OSError as error:
            if not edits:
                raise _not_opened(name, reasons.of_system(error)) from error
            command = ("notepad.exe",)
        else:
            return
    _start(command, name, failed)


def _start(command: tuple[str, ...], name: str, failed: Failed) -> None:
    """Start an opener detached from us: no pipe, terminal or signal of ours reaches it."""
    program = shutil.which(command[0])
    if program is None:
        raise Mem0TrayError(
            Reason(
                "{path} cannot be opened: the program {program} is missing.",
                path=name,
                program=command[0],
            ),
            Reason("Install it (package xdg-utils).") if command[0] == "xdg-open" else _BY_HAND,
        )
    try:
        process = subprocess.Popen(  # noqa: S603  (the system's opener, with one checked name)
            [program, *command[1:], name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise _not_opened(name, reasons.of_system(error)) from error

    def collect() -> None:  # until then it would be a zombie
        code = process.wait()
        if code == _NO_PROGRAM and sys.platform == "linux":
            failed(no_program(name))
        elif code:
            text = Reason("{path} could not be opened (code {number}).", path=name, number=code)
            failed(Mem0TrayError(text, _BY_HAND))

    threading.Thread(target=collect, name="opener", daemon=True).start()


def _not_opened(name: str, why: Reason) -> Mem0TrayError:
    return Mem0TrayError(Reason("{path} cannot be opened: {why}.", path=name, why=why), _BY_HAND)


def no_program(name: str) -> Mem0TrayError:
    """Make the error for a file that no program here opens."""
    return Mem0TrayError(Reason("No program was found that opens {path}.", path=name), _BY_HAND)
