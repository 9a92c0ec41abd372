"""The settings that the user wants, read again whenever their file has changed."""

import time
from collections.abc import Callable
from math import inf
from typing import Final

from mem0tray.config import settings as config
from mem0tray.config.settings import Loaded, Settings
from mem0tray.core import reasons
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic
from mem0tray.files.atomic import TornError
from mem0tray.system.paths import config_file
from mem0tray.worker.folders.served_folder import ServedFolder

_REST: Final = 0.1  # seconds for which the file must not have changed
# The same for an empty or missing file: editors empty a file, or move it away, and then write it.
_EMPTY_REST: Final = 0.7


class SettingsFile:
    """The settings file, and when it was last read."""

    def __init__(self) -> None:
        self._path = config_file()
        self._signature = atomic.signature(self._path)
        self._missed = inf  # Unix seconds at which the file was first found missing

    def changed(self) -> Loaded | None:
        """Return the settings if they have changed. Raises TornError and SettingsError."""
        found, now = atomic.signature(self._path), time.time()
        self._missed = min(self._missed, now) if found is None else inf
        if found == self._signature:
            return None
        changed = self._missed if found is None else found.mtime / 1e9
        rest = _EMPTY_REST if found is None or not found.size else _REST
        if abs(now - changed) < rest:
            raise TornError(self._path)
        try:
            loaded = config.load(self._path)
        except SettingsError:
            if atomic.signature(self._path) != found:
                raise TornError(self._path) from None
            raise
        if atomic.signature(self._path) != found:
            raise TornError(self._path)
        self._signature = found
        return loaded


class WantedSettings:
    """The settings that the user wants, and the folder they lead to. It outlives a move.

    `reload` returns the settings when their file has changed, and raises as `SettingsFile.changed`
    does; the last good ones then stay in force. `wrong` says what is wrong with the settings at the
    start: nothing is sent until they are mended, and `settings` have what is right. Unless it
    `follows`, the worker stays in its folder wherever the settings lead.
    Raises AlreadyRunningError where another worker has the folder.
    """

    def __init__(
        self, settings: Settings, reload: Callable[[], Loaded | None], wrong: Reason = reasons.NONE
    ) -> None:
        self.settings = settings
        self.wrong = wrong
        self.follows = False
        self.torn = False  # somebody is writing the file
        self.mended = False  # the settings before the last were wrong, and nothing was sent
        self.where = ServedFolder(settings)
        self._reload = reload

    def look(self, breaker: CircuitBreaker) -> Settings | None:
        self.torn, loaded = False, None
        try:
            loaded = self._reload()
        except TornError:
            self.torn = True
        except SettingsError as error:
            if self.wrong:
                breaker.block("settings", error.reason)
            breaker.note_fault("settings", error.reason if self.wrong else _kept(error.reason))
            return None
        else:
            breaker.note_fault("settings", reasons.NONE)
        if loaded is not None:
            self.settings = loaded.settings
        stays = self._look_at_folder(breaker)
        if loaded is None or self.where.moves or (stays and self.wrong):
            return None  # the default folder's memories were not meant to be sent
        self.mended, self.wrong = bool(self.wrong), reasons.NONE
        breaker.unblock("settings")
        return loaded.settings

    def _look_at_folder(self, breaker: CircuitBreaker) -> Reason:
        stays = self.where.look(self.settings) if self.follows else reasons.NONE
        if self.where.moves:
            self.wrong = reasons.NONE
        elif stays and self.wrong:
            breaker.block("settings", stays)
        breaker.note_fault("folder", reasons.NONE if self.wrong else stays)
        return stays


def _kept(wrong: Reason) -> Reason:
    what, remedy = reasons.parted(wrong)
    kept = Reason("{why} The former settings stay in force.", why=reasons.stopped(what))
    return reasons.advised(kept, remedy)
