"""What systemd knows of the user's own services, as `systemctl` and its folders tell."""

import getpass
import os
import shutil
from pathlib import Path
from typing import Final

from mem0tray.system import programs

_LINGER: Final = Path("/var/lib/systemd/linger")
_RUNTIME: Final = Path("/run/user")
_STOPPING: Final = 100.0  # seconds; systemd itself kills what has not stopped after 90


def is_installed() -> bool:
    """Whether this computer has systemd at all."""
    return shutil.which("systemctl") is not None


def ask(*words: str, patience: float = programs.PATIENCE) -> str | None:
    """The answer of the user's own manager; None when it gives none, or refuses."""
    return programs.answer("systemctl", "--user", *words, patience=patience, env=_environment())


def tell(*words: str) -> bool:
    """Have the manager do something that may take as long as a worker's end."""
    return ask(*words, patience=_STOPPING) is not None


def answers() -> bool:
    """Whether a manager of this user runs, and we can talk to it."""
    return is_installed() and ask("show-environment") is not None


def is_active(unit: str) -> bool:
    """Whether the unit runs, or is about to."""
    said = ask("show", "--property=ActiveState", "--value", unit) or ""
    return said.strip() in {"active", "activating", "reloading"}


def main_process(unit: str) -> int | None:
    """The process of a service; None when it has none."""
    said = ask("show", "--property=MainPID", "--value", unit) or ""
    return int(said) or None if said.strip().isdecimal() else None


def is_unknown(unit: str) -> bool:
    """Whether the manager looks elsewhere than where we put the unit."""
    said = ask("show", "--property=LoadState", "--value", unit) or ""
    return said.strip() == "not-found"


def user() -> str:
    """The user's name, for a command; empty when unknown."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run us under a number without a name
        return ""


def lingers() -> bool:
    """Whether the user's services run from the computer's start on, without a login."""
    name = user()
    return bool(name) and (_LINGER / name).exists()


def _environment() -> dict[str, str]:
    """Our environment; with the session's folder where a shell (su, cron) does not know it."""
    environ = dict(os.environ)
    if not environ.get("XDG_RUNTIME_DIR") and hasattr(os, "getuid"):
        folder = _RUNTIME / str(os.getuid())
        if (folder / "bus").exists():
            environ["XDG_RUNTIME_DIR"] = str(folder)
    return environ
