"""Linux has two ways: the desktop starts the tray, or systemd the worker; one of them at a time."""

from collections.abc import Callable
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.autostart import (
    BLOCKED,
    DESKTOP,
    DISABLED,
    ENABLED,
    SERVICE,
    STALE,
    AutostartState,
)
from mem0tray.desktop.autostart.linux import XdgAutostart
from mem0tray.desktop.autostart.service import UserService

_STARTS: Final = {ENABLED, STALE}
_STOPPED: Final = "The service of systemd was stopped: nothing is delivered until `mem0tray run`."


class LinuxLogin:
    """Both ways. `fits` finds out which fits (DESKTOP or SERVICE); `wanted` overrules it."""

    def __init__(
        self, entry: XdgAutostart, service: UserService, fits: Callable[[], str], wanted: str = ""
    ) -> None:
        self._entry = entry
        self._service = service
        self._fits = fits
        self._wanted = wanted

    @property
    def kind(self) -> str:
        """The way that is set up, or else the one that fits."""
        states = self._states()
        for wanted in (_STARTS, {BLOCKED}):
            found = [kind for kind, state in states.items() if state.name in wanted]
            if len(found) == 1:
                return found[0]
        return self._wanted or self._fits()

    def _states(self) -> dict[str, AutostartState]:
        return {DESKTOP: self._entry.state(), SERVICE: self._service.state()}

    def _of(self, kind: str) -> XdgAutostart | UserService:
        return self._service if kind == SERVICE else self._entry

    @property
    def where(self) -> str:
        """The path of the entry or of the unit."""
        return self._of(self.kind).where

    @property
    def command(self) -> str:
        """The command line that `enable` sets up, for the way of `kind`."""
        return self._of(self.kind).command

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else has written the file for the way of `kind`."""
        return self._of(self.kind).is_foreign

    def state(self) -> AutostartState:
        """The state of the way of `kind`."""
        return self._of(self.kind).state()

    def enable(self) -> list[str]:
        """Set up the way that fits, and remove the other one.

        Raises Mem0TrayError where a file that is not ours stands in its place.
        """
        kind = self._wanted or self._fits()
        chosen = self._of(kind)
        if chosen.is_foreign:
            raise Mem0TrayError(
                _stays(chosen.where),
                Reason("Move it away, or let it start mem0tray in its own way."),
            )
        told: list[str] = []
        if kind == SERVICE:
            chosen.enable()
            if self._entry.is_foreign:
                told.append(str(_stays(self._entry.where)))
            elif self._entry.state().name != DISABLED:
                self._entry.disable()
                told.append(f"The desktop no longer starts it ({self._entry.where}).")
        else:
            told += self._stop_service()
            chosen.enable()
        return told

    def _stop_service(self) -> list[str]:
        if self._service.is_foreign:
            return [str(_stays(self._service.where))]
        if self._service.state().name == DISABLED:
            return []
        ran = self._service.runs()
        self._service.disable()
        if ran:
            return ["The service of systemd was stopped and removed; `mem0tray` starts the tray."]
        return [f"The service of systemd was removed ({self._service.where})."]

    def disable(self) -> list[str]:
        """Remove both ways; a file that is not ours stays, and is named."""
        told = [str(_stays(way.where)) for way in (self._service, self._entry) if way.is_foreign]
        if not self._service.is_foreign:
            ran = self._service.state().name != DISABLED and self._service.runs()
            self._service.disable()
            if ran:
                told.append(_STOPPED)
        if not self._entry.is_foreign:
            self._entry.disable()
        return told

    def mend(self) -> bool:
        """Point stale starts of both ways at this installation."""
        return any([self._entry.mend(), self._service.mend()])

    def advice(self) -> list[str]:
        """What there is to do, each with its command."""
        states = self._states()
        found = []
        if all(state.name in _STARTS for state in states.values()):
            found.append(
                "Both the desktop and systemd would start it:"
                " `mem0tray autostart enable --desktop` or `--service` keeps one."
            )
        elif states[DESKTOP].name == ENABLED and self._fits() != DESKTOP:
            found.append(
                "You log in to no desktop here, so that nothing starts it:"
                " `mem0tray autostart enable --service` lets systemd start the worker."
            )
        if states[SERVICE].name == ENABLED:
            found += self._service.advice()
        return found


def _stays(path: str) -> Reason:
    return Reason("{path} is not made by mem0tray, and stays as it is.", path=path)
