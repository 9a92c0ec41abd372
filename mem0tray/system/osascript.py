"""AppleScript: it lets a program that is no app show alerts and notifications on macOS."""

import subprocess
from typing import Final

from mem0tray.core import text

PROGRAM: Final = "/usr/bin/osascript"


def run(script: str, words: tuple[str, ...], timeout: float | None = None) -> None:
    """Run a script of ours until it ends, and give its `run` handler these words.

    The words are arguments: nothing in them can become part of the script. After the "-" none
    of them is an option: else a project named "-e…" would be a line of the script. The script is
    ASCII, as it is sent on standard input; the words are made harmless, as some are foreign.
    Raises OSError or SubprocessError when it failed, or somebody cancelled its question.
    """
    command = [PROGRAM, "-", *(text.lines(word) for word in words)]
    subprocess.run(  # noqa: S603  (a fixed script)
        command, input=script.encode("ascii"), capture_output=True, check=True, timeout=timeout
    )
