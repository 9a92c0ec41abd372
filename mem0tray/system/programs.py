"""Other programs: what they answer, and whether they can be started."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mem0tray.system import plain

PATIENCE: Final = 5.0  # seconds
_FIRST_LINE: Final = 512  # bytes; no system reads a longer `#!` line


def answer(
    *words: str, patience: float = PATIENCE, env: Mapping[str, str] | None = None
) -> str | None:
    """What a program prints when it succeeds; None when it is missing, fails or takes too long."""
    try:
        done = subprocess.run(  # noqa: S603  (questions that are fixed where they are asked)
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=patience,
            env=env,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.decode("utf-8", "replace")


def obstacle(program: str) -> str:
    """Why a program cannot be started, without a full stop; empty when it can.

    A script whose interpreter is gone cannot: that is what remains of a pipx installation after the
    system's Python was replaced.
    """
    found = shutil.which(program)
    if found is None:
        if not os.path.lexists(program):
            return f"{program} is not there any more"
        return f"{program} is no program any more"
    interpreter = _interpreter(found)
    if interpreter and not Path(interpreter).exists():
        return f"{program} needs {interpreter}, which is not there any more"
    return ""


def _interpreter(program: str) -> str:
    """The interpreter that a script names; empty if it is no script, or cannot be read."""
    try:
        with plain.open_binary(Path(program)) as file:
            line = file.readline(_FIRST_LINE)
    except OSError:
        return ""
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    return words[0] if words else ""
