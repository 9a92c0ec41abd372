"""The variables that put everything of a program below one folder, on each system."""

import os
import sys
from pathlib import Path
from typing import Final

# Without these a program of Windows finds neither its DLLs nor the network.
_OF_THE_SYSTEM: Final = (
    ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERNAME", "WINEPREFIX")
    if sys.platform == "win32"
    else ()
)


def of_the_system() -> dict[str, str]:
    """Give the variables that every program needs; what it prints is UTF-8."""
    found = {name: os.environ[name] for name in ("PATH", *_OF_THE_SYSTEM) if name in os.environ}
    return found | ({"PYTHONIOENCODING": "utf-8"} if sys.platform == "win32" else {})


def below(root: Path) -> dict[str, str]:
    """Give those that make `root` the home, with settings and data in it."""
    if sys.platform == "win32":  # there, both have one folder
        return {
            "HOME": str(root),  # for the scripts that look there
            "USERPROFILE": str(root),
            "WIN_PD_OVERRIDE_LOCAL_APPDATA": str(root / "data"),
        }
    return {
        "HOME": str(root),
        "XDG_CONFIG_HOME": str(root / "config"),
        "XDG_DATA_HOME": str(root / "data"),
    }


def settings_file(root: Path) -> Path:
    folder = root / ("data" if sys.platform == "win32" else "config")
    return folder / "mem0tray" / "config.toml"
