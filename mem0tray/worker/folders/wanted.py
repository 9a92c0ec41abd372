"""What the user wants: the settings as they stand in the file now, and the folder they name."""

from collections.abc import Callable
from typing import NamedTuple

from mem0tray.config.settings import Loaded, Settings
from mem0tray.core import reasons
from mem0tray.core.circuit_breaker import CircuitBreaker
from mem0tray.core.errors import SettingsError
from mem0tray.core.reasons import Reason
from mem0tray.worker.folders.served_folder import ServedFolder


class NewSettings(NamedTuple):
    """Settings to take on; `mended`: the former ones were wrong, and nothing was sent."""

    settings: Settings
    mended: bool


class Wanted:
    """The settings that the user wants, and the folder they lead to. It outlives a move.

    `reload` gives the settings again when their file has changed (and raises SettingsError while
    they are wrong; the last good ones then stay in force). `wrong` says what is wrong with the
    settings at the start: nothing is sent until they are mended, and `settings` are the defaults.
    Unless it `follows`, the worker stays in its folder wherever the settings lead.
    Raises AlreadyRunningError where another worker has the folder.
    """

    def __init__(
        self, settings: Settings, reload: Callable[[], Loaded | None], wrong: Reason = reasons.NONE
    ) -> None:
        self.settings = settings
        self.wrong = wrong
        self.follows = False
        self.where = ServedFolder(settings)
        self._reload = reload

    def look(self, breaker: CircuitBreaker) -> NewSettings | None:
        """The settings to put in force now, if they have changed and this folder is theirs.

        Tells the circuit breaker what is wrong with them. Raises FileUnavailableError.
        """
        try:
            loaded = self._reload()
        except SettingsError as error:
            if self.wrong:
                breaker.note_trouble("settings", error.reason)
                breaker.block("settings", error.reason)
            else:
                breaker.note_trouble("settings", _former_hold(error.reason))
            return None
        breaker.note_trouble("settings", reasons.NONE)
        if loaded is not None:
            self.settings = loaded.settings
        stays = self._look_at_folder(breaker)
        if loaded is None or self.where.moves or (stays and self.wrong):
            return None  # the default folder's memories were not meant to be sent
        mended, self.wrong = bool(self.wrong), reasons.NONE
        breaker.unblock("settings")
        return NewSettings(loaded.settings, mended)

    def _look_at_folder(self, breaker: CircuitBreaker) -> Reason:
        """See where settings and links lead; return why the worker cannot go there, else NONE."""
        stays = self.where.look(self.settings) if self.follows else reasons.NONE
        if self.where.moves:
            self.wrong = reasons.NONE
        elif stays and self.wrong:
            breaker.block("settings", stays)
        breaker.note_trouble("folder", reasons.NONE if self.wrong else stays)
        return stays


def _former_hold(wrong: Reason) -> Reason:
    """What is wrong with the settings in the file, while the former ones are in force."""
    what, remedy = reasons.parted(wrong)
    told = Reason("{why} The former settings stay in force.", why=reasons.stopped(what))
    return reasons.advised(told, remedy)
