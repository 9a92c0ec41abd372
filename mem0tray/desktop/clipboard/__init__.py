"""Putting a text where the user can paste it: by Windows itself, else by a program."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason

_X: Final = (("xclip", "-selection", "clipboard"), ("xsel", "--clipboard", "--input"))
_OWNER: Final = Path(__file__).with_name("owner.py")
_PATIENCE: Final = 5.0
_NO_PROGRAM: Final = Reason("No program that can copy was found.")


def copy(text: str) -> None:
    """Copy `text`. Raises Mem0TrayError, OSError, SubprocessError: then it was not copied."""
    if sys.platform == "win32":
        from mem0tray.desktop.clipboard import windows

        windows.copy(text)
    elif sys.platform == "darwin":
        data = text.encode("utf-8", "replace")
        environ = {**os.environ, "LC_CTYPE": "UTF-8"}  # not set for an app started from the Dock
        subprocess.run(["pbcopy"], input=data, env=environ, check=True, timeout=_PATIENCE)  # noqa: S607  (the system's own)
    elif os.environ.get("WAYLAND_DISPLAY"):
        # A program without a window copies nothing there, without an error; wl-copy makes one.
        _first(_present(("wl-copy",)), text, "wl-clipboard")
    else:
        _first(_for_x(), text, "xclip")


def _for_x() -> Iterator[tuple[str, ...]]:
    for command in _X:
        yield from _present(command)
    yield sys.executable, "-I", str(_OWNER)


def _present(command: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    program = shutil.which(command[0])
    if program is not None:
        yield program, *command[1:]


def _first(commands: Iterator[tuple[str, ...]], text: str, package: str) -> None:
    """Give the text to the first command that can hold it, and does so in the background."""
    for command in commands:
        try:
            subprocess.run(  # noqa: S603  (programs of the system; the text is none of their words)
                command,
                input=text.encode("utf-8", "replace"),
                stdout=subprocess.DEVNULL,  # the process that holds the text must not hold our pipe
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                check=True,
                timeout=_PATIENCE,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return
    raise Mem0TrayError(_NO_PROGRAM, Reason("Install {package}.", package=package))
