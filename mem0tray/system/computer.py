"""Which computer this is: a ledger that was copied to another one cannot know what was sent since.

A hash of the system's own identity, which itself never leaves its place.
"""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.system.paths import APP

_PLACES: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_UUID_BYTES: Final = 16
_LEAST: Final = 16  # characters; "uninitialized" stands there while an image is made


def identity() -> str:
    """Return a text that no other computer has; empty where the system has no identity."""
    found = ""
    with suppress(OSError, AttributeError):
        found = _of_the_system().strip()
    if len(found) < _LEAST:
        return ""
    import hashlib  # it takes long to load, and those who only read a ledger do without

    return hashlib.sha256(f"{APP} {found}".encode()).hexdigest()[:32]


def _of_the_system() -> str:
    if sys.platform == "win32":
        import winreg

        with winreg.OpenKey(
            winreg.HKEY_LOCAL_MACHINE,
            r"SOFTWARE\Microsoft\Cryptography",
            access=winreg.KEY_READ | winreg.KEY_WOW64_64KEY,
        ) as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    if sys.platform == "darwin":
        import ctypes

        name, patience = ctypes.create_string_buffer(_UUID_BYTES), (ctypes.c_long * 2)(1, 0)
        failed = ctypes.CDLL(None).gethostuuid(name, patience)
        return "" if failed else name.raw.hex()
    for place in _PLACES:
        with suppress(OSError):
            return place.read_text("ascii", errors="replace")
    return ""
