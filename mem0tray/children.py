"""Processes that we start: what they need to find us, and how they end."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import mem0tray

STOP_SECONDS = 1.0


def environment() -> dict[str, str]:
    """Ours; in a checkout that is not installed, the child finds mem0tray as we did."""
    ours = dict(os.environ)
    root = Path(mem0tray.__file__).resolve().parent.parent
    if root.name not in ("site-packages", "dist-packages"):
        paths = [ours.get("PYTHONPATH", ""), str(root)]
        ours["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return ours


def end(child: subprocess.Popen[bytes], patience: float = STOP_SECONDS) -> None:
    """End `child`: asked by closing its lifeline, then told, then killed.

    It is given `patience` seconds for each.
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
