"""Keeping, byte for byte and in a folder of ours, what cannot stand in a file."""

import time
from pathlib import Path

from mem0tray.files import atomic, private_folders


def keep(folder: Path, source: Path, data: bytes, now: float) -> Path:
    """Keep `data`, found in `source`; return the path. The same bytes are kept only once.

    The name is never a hidden one, even if that of `source` is: hidden files do not count.
    """
    import hashlib  # slow to import, and commands only count what is kept

    digest = hashlib.sha256(data).hexdigest()[:12]
    for known in private_folders.listing(folder, f"*-{digest}.json"):
        return known
    private_folders.make_private_folder(folder)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.localtime(now))
    path = folder / f"{source.stem.lstrip('.')}-{stamp}-{digest}.json"
    atomic.replace(path, data)
    return path


def kept(folder: Path) -> list[Path]:
    """Everything in quarantine, oldest first."""
    return [
        path for path in private_folders.listing(folder, "*.json") if not path.name.startswith(".")
    ]
