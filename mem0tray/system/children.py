"""Processes that we start: what they need to find mem0tray, and how they end."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import mem0tray

STOP_SECONDS = 1.0


def environment() -> dict[str, str]:
    """Our environment; in a checkout that is not installed, it lets the child find mem0tray."""
    ours = dict(os.environ)
    root = Path(mem0tray.__file__).resolve().parent.parent
    if root.name not in ("site-packages", "dist-packages"):
        paths = [ours.get("PYTHONPATH", ""), str(root)]
        ours["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return ours


def apart() -> dict[str, Any]:
    """Arguments of Popen that detach a child from our terminal.

    Ctrl-C in the terminal then reaches only us, and we end the children in order.
    """
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def wait_for_parent() -> None:
    """Wait until standard input ends: the parent, which holds its other end, lets go or dies."""
    with suppress(OSError):
        while os.read(0, 4096):  # it holds no lock when the interpreter exits
            pass


def end(child: subprocess.Popen[bytes], patience: float = STOP_SECONDS) -> None:
    """End `child`: close its lifeline, then terminate it, then kill it.

    Each step gets `patience` seconds.
    """
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()
    for harder in (child.terminate, child.kill):
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            harder()
        else:
            return
    child.wait()
