"""What migrations could not bring from former servers, so that it is not offered again."""

import json
from collections.abc import Mapping
from contextlib import suppress

from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.files import atomic, private_folders
from mem0tray.files.atomic import TornError
from mem0tray.system.paths import Paths

_NAME = "migrations.json"


def to_bring_over(paths: Paths, chosen: str, only_elsewhere: Mapping[str, int]) -> dict[str, int]:
    """By server, how many memories that only former servers have a migration may still bring over.

    Without those that an earlier one could not read back; empty where no server is chosen.
    """
    if not (chosen and only_elsewhere):
        return {}
    left = _read(paths)
    counts = {name: count - items.count(left.get(name)) for name, count in only_elsewhere.items()}
    return {name: count for name, count in counts.items() if count > 0}


def write(paths: Paths, server: str, left: int) -> None:
    """Note how many memories of a former server could not be read back from it."""
    found = _read(paths)
    if items.count(found.get(server)) == left:
        return
    private_folders.make_private_folder(paths.data_dir)
    document = {**found, server: left}
    atomic.replace(paths.data_dir / _NAME, json.dumps(document, indent=2).encode())


def _read(paths: Paths) -> items.Object:
    with suppress(FileUnavailableError, TornError):
        found = atomic.read(paths.data_dir / _NAME)
        if found is not None:
            return items.load_object(found[0]) or {}
    return {}
