"""The settings, read again whenever their file has changed."""

import time
from typing import Final

from mem0tray import settings as config
from mem0tray.files import atomic
from mem0tray.paths import config_file

_SETTLE: Final = 0.1


class SettingsFile:
    """Reads the settings again whenever their file has changed."""

    def __init__(self) -> None:
        self._path = config_file()
        self._signature = atomic.signature(self._path)

    def changed(self) -> config.Loaded | None:
        """The settings anew, or None; SettingsError while they are wrong."""
        found = atomic.signature(self._path)
        if found == self._signature:
            return None
        if found is not None and 0 <= time.time() - found.mtime / 1e9 < _SETTLE:
            # An editor empties a file before it writes it: an empty one is valid, but not meant.
            time.sleep(_SETTLE)
            found = atomic.signature(self._path)
        loaded = config.load(self._path)
        self._signature = found
        return loaded
