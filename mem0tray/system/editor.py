"""The user's editor: which one it is, and running it."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.system import shell

_EDITORS: Final = ("notepad",) if sys.platform == "win32" else ("nano", "vi")
_SET: Final = "Set $VISUAL or $EDITOR to one that you have."
_PATIENCE: Final = 2.0  # seconds for an editor to save its recovery file


def edit(file: Path, *, if_failed: str) -> None:
    """Open `file` in the user's editor and wait until it ends.

    Whatever ends the wait also ends the editor. Raises Mem0TrayError when there is none, when
    it cannot be started, when there is no terminal for a default editor, and, with the
    remedy `if_failed`, when it exits with a code other than 0.
    """
    command = _command()
    try:
        running = subprocess.Popen([*command, str(file)])  # noqa: S603  (the user's own)
    except OSError as error:
        raise FileUnavailableError(
            f"The editor {command[0]!r} cannot be started: {error.strerror}.", _SET
        ) from error
    try:
        code = running.wait()
    except BaseException:
        running.terminate()
        with suppress(subprocess.TimeoutExpired):
            running.wait(_PATIENCE)
        raise
    if code:
        raise Mem0TrayError(f"The editor {command[0]!r} ended with code {code}.", if_failed)


def _command() -> list[str]:
    """The words that start the editor; a choice of the user's is taken as it is, as git does."""
    for name in ("VISUAL", "EDITOR"):
        words = shell.split(os.environ.get(name, ""))
        if words:
            return words
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Mem0TrayError(
            "There is no terminal for an editor, and neither $VISUAL nor $EDITOR names one.",
            "Run this in a terminal, or set $EDITOR to a program that changes the file which it is"
            " given, as EDITOR='sed -i s/old/new/'.",
        )
    for editor in _EDITORS:
        if shutil.which(editor):
            return [editor]
    raise Mem0TrayError("No editor was found.", _SET)
