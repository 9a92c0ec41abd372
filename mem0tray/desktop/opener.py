"""Showing files and folders in the user's programs for them.

Nothing here waits: an opener may go on for as long as the browser that it started. So its failure
is reported later, by `failed`, on a thread of its own.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.core.reasons import Reason

# The variable with a panel's permission to bring what a click opens to the front (Wayland).
TOKEN: Final = "XDG_ACTIVATION_TOKEN"  # noqa: S105  (the name of a variable)

Failed = Callable[[Mem0TrayError], object]

_NO_PROGRAM: Final = 3  # exit code of xdg-open: no desktop, no browser, no program for such a file
_INSTALL: Final = Reason("Install it (package xdg-utils).")


def show(path: Path, failed: Failed | None = None) -> None:
    """Open a file or folder.

    Raises FileUnavailableError for a path where nothing is, Mem0TrayError when the
    opener is missing; calls `failed` with an error when the opener gives up later.
    """
    name = _checked(path)
    if sys.platform == "win32":
        _by_windows(name)
    elif sys.platform == "darwin":
        _start(("open", name), name, failed)
    else:
        _start(("xdg-open", name), name, failed)


def edit(path: Path, failed: Failed | None = None) -> None:
    """Open a text file for editing; errors as in `show`.

    A system may have no program for such a file: on macOS the text editor is used instead, and on
    Windows there is always Notepad.
    """
    name = _checked(path)
    if sys.platform == "win32":
        try:
            _by_windows(name)
        except Mem0TrayError:
            _start(("notepad.exe", name), name, failed)
    elif sys.platform == "darwin":
        _start(("open", "-t", name), name, failed)
    else:
        _start(("xdg-open", name), name, failed)


def _checked(path: Path) -> str:
    """The name for an opener: absolute, so that it never looks like an option."""
    path = path.expanduser().absolute()
    if not path.exists():
        raise FileUnavailableError(
            Reason("{path} does not exist.", path=path), Reason("It is made when it is needed.")
        )
    return str(path)


def _start(command: tuple[str, ...], name: str, failed: Failed | None) -> None:
    """Start an opener detached from us: no pipe, terminal or signal of ours reaches it."""
    program = shutil.which(command[0])
    if program is None:
        raise _missing(command[0], name)
    try:
        process = subprocess.Popen(  # noqa: S603  (the system's opener, with one checked name)
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise Mem0TrayError(
            Reason(
                "{program} cannot be started: {why}.", program=program, why=reasons.of_system(error)
            )
        ) from error
    threading.Thread(
        target=_await, args=(process, name, failed), name="opener", daemon=True
    ).start()


def _await(process: "subprocess.Popen[bytes]", name: str, failed: Failed | None) -> None:
    """Collect the opener when it ends; until then it would be a zombie."""
    code = process.wait()
    if code and failed is not None:
        failed(_gave_up(code, name))


def _missing(program: str, name: str) -> Mem0TrayError:
    remedy = _INSTALL if program == "xdg-open" else reasons.NONE
    return Mem0TrayError(
        Reason(
            "{path} cannot be opened: the program {program} is missing.", path=name, program=program
        ),
        remedy,
    )


def no_program(name: str) -> Mem0TrayError:
    """Make the error for a file that no program here opens."""
    return Mem0TrayError(
        Reason("No program was found that opens {path}.", path=name), Reason("Open it by hand.")
    )


def _gave_up(code: int, name: str) -> Mem0TrayError:
    if code == _NO_PROGRAM and sys.platform == "linux":
        return no_program(name)
    return Mem0TrayError(
        Reason("{path} could not be opened (code {number}).", path=name, number=code),
        Reason("Open it by hand."),
    )


def _by_windows(name: str) -> None:
    start: Any = getattr(os, "startfile", None)  # exists only on Windows
    try:
        start(name)
    except OSError as error:
        raise Mem0TrayError(
            Reason("{path} cannot be opened: {why}.", path=name, why=reasons.of_system(error)),
            Reason("Open it by hand."),
        ) from error
