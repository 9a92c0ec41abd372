"""The user's pause: a small file of ours, so that it survives a restart."""

import math
import time
from typing import Any

from mem0tray.core import item as items
from mem0tray.files import atomic, document, private_folders
from mem0tray.system import regular_file
from mem0tray.system.paths import Paths


def write(paths: Paths, until: float | None) -> None:
    """Pause until a time (Unix seconds); None: until resumed."""
    private_folders.make_private_folder(paths.orders)
    atomic.replace(paths.pause, document.dump({"until": until}))


def clear(paths: Paths) -> bool:
    """Resume; return whether there was a pause."""
    try:
        paths.pause.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise atomic.unavailable(paths.pause, error) from error
    return True


def read(paths: Paths, now: float | None = None) -> float | None:
    """Until when the user has paused deliveries (infinity: until resumed), or None.

    Raises FileUnavailableError.
    """
    try:
        value: Any = items.load_object(regular_file.read_bytes(paths.pause))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise atomic.unavailable(paths.pause, error) from error
    until = (value or {}).get("until")
    end = math.inf if until is None else items.number(until)
    return end if end > (time.time() if now is None else now) else None
