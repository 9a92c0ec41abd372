"""The settings, read again whenever their file has changed."""

import time
from typing import Final

from mem0tray.config import settings as config
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic
from mem0tray.files.atomic import Signature
from mem0tray.system.paths import config_file
from mem0tray.worker.folders.restless_file import PATIENCE

_REST: Final = 0.1  # seconds that a file must have held still
_EMPTY_REST: Final = 0.7  # the same for an empty file, as editors empty a file before they write it
_WAIT: Final = 0.8  # seconds that the worker waits for a file to hold still
_SHORT_WAIT: Final = 0.2  # the same if it did not hold still the last time


class SettingsFile:
    """Reads the settings again whenever their file has changed."""

    def __init__(self) -> None:
        self._path = config_file()
        self._signature = atomic.signature(self._path)
        self._restless_since: float | None = None

    def changed(self) -> config.Loaded | None:
        """The settings if they have changed, or None; raises SettingsError while they are wrong.

        While somebody writes the file it is None, for ten seconds: longer than that is wrong.
        """
        end = time.monotonic() + (_WAIT if self._restless_since is None else _SHORT_WAIT)
        found = atomic.signature(self._path)
        while found != self._signature:
            found = self._held_still(found, end)
            try:
                loaded = config.load(self._path)
            except SettingsError:
                if atomic.signature(self._path) == found:
                    self._restless_since = None
                    raise
            else:
                if atomic.signature(self._path) == found:
                    self._signature, self._restless_since = found, None
                    return loaded
            if time.monotonic() >= end:
                self._complain()
                return None
            found = atomic.signature(self._path)
        self._restless_since = None
        return None

    def _complain(self) -> None:
        now = time.monotonic()
        self._restless_since = self._restless_since or now
        if now - self._restless_since > PATIENCE:
            raise SettingsError(
                Reason(
                    "The settings file {path} does not hold still: another"
                    " program writes it all the time.",
                    path=self._path,
                ),
                Reason("Find that program and end it."),
            )

    def _held_still(self, found: Signature | None, end: float) -> Signature | None:
        """The file's signature once it is whole: nobody means an empty file, or half of one."""
        while found is not None and time.monotonic() < end:
            age = time.time() - found.mtime / 1e9
            left = (_REST if found.size else _EMPTY_REST) - age
            if not 0 < left <= _EMPTY_REST:
                break
            time.sleep(min(left, _REST))
            found = atomic.signature(self._path)
        return found
