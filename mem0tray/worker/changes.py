"""The settings, read again whenever their file has changed."""

import time
from typing import Final

from mem0tray import settings as config
from mem0tray.errors import SettingsError
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from mem0tray.paths import config_file

_SETTLE: Final = 0.1  # seconds
_EMPTY_SETTLE: Final = 0.7  # an editor empties a file before it writes it


class SettingsFile:
    """Reads the settings again whenever their file has changed."""

    def __init__(self) -> None:
        self._path = config_file()
        self._signature = atomic.signature(self._path)

    def changed(self) -> config.Loaded | None:
        """The settings anew, or None; SettingsError while they are wrong."""
        found = atomic.signature(self._path)
        while found != self._signature:
            found = self._held_still(found)
            try:
                loaded = config.load(self._path)
            except SettingsError:
                if atomic.signature(self._path) == found:
                    raise
            else:
                if atomic.signature(self._path) == found:
                    self._signature = found
                    return loaded
            found = atomic.signature(self._path)
        return None

    def _held_still(self, found: Signature | None) -> Signature | None:
        """The file once it is written: nothing yet, or a valid half, is not what was meant."""
        while found is not None:
            age = time.time() - found.mtime / 1e9
            left = (_SETTLE if found.size else _EMPTY_SETTLE) - age
            if not 0 < left <= _EMPTY_SETTLE:
                break
            time.sleep(min(left, _SETTLE))
            found = atomic.signature(self._path)
        return found
