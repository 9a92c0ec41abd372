"""macOS: our bundle as a login item; without one a LaunchAgent, for the next login.

Loading that at once would start a second tray.
"""

import plistlib
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.autostart import Autostart
from mem0tray.desktop.session import BUNDLE
from mem0tray.files import atomic
from mem0tray.system import programs
from mem0tray.system.paths import APP

# What plistlib may raise for a file that is no property list.
_NO_PLIST: Final = (ValueError, ExpatError, AttributeError, TypeError, LookupError)
_OFF: Final = re.compile(r'"([^"]+)"\s*=>\s*(?:true|disabled)')  # `true` before macOS 13
_TURNED_OFF: Final = "It is turned off in System Settings (Login Items), or with launchctl."


class LaunchAgent(Autostart):
    """One property list in the user's own folder of agents; only we use its name."""

    def __init__(self, words: Sequence[str], home: Path, uid: int) -> None:
        super().__init__(words, home / "Library" / "LaunchAgents" / f"{APP}.plist")
        self._uid = uid
        self._errors = home / "Library" / "Logs" / f"{APP}.log"

    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        words: Any = None
        off = False
        with suppress(*_NO_PLIST):
            agent = plistlib.loads(data)
            words, off = agent.get("ProgramArguments"), agent.get("Disabled") is True
        said = programs.answer("launchctl", "print-disabled", f"gui/{self._uid}") or ""
        valid = isinstance(words, list) and all(isinstance(word, str) for word in words)
        return (words if valid else ()), _TURNED_OFF if off or APP in _OFF.findall(said) else ""

    def _set_up(self) -> None:
        self._write()
        programs.answer("launchctl", "enable", f"gui/{self._uid}/{APP}")

    def _write(self) -> None:
        agent = {
            "Label": APP,
            "ProgramArguments": list(self._words),
            "RunAtLoad": True,
            "ProcessType": "Interactive",  # else launchd slows it down as a background process
            "LimitLoadToSessionType": "Aqua",  # there is no menu bar in a session over ssh
            # After a crash alone; also not after an exit with an error, such as that of a second
            # tray, which launchd would start for ever (launchd.plist(5): KeepAlive, Crashed).
            "KeepAlive": {"Crashed": True},
            "StandardErrorPath": str(self._errors),  # else what a crash says is lost
            "AssociatedBundleIdentifiers": [BUNDLE],  # whose name Login Items shows
        }
        self._replace(plistlib.dumps(agent))

    def _remove(self) -> list[str]:
        with atomic.explained(self._errors):
            self._errors.unlink(missing_ok=True)
        return super()._remove()


class LoginItem(Autostart):
    """Our bundle among the login items (ServiceManagement: SMAppService, mainAppService)."""

    def __init__(self, words: Sequence[str]) -> None:
        import ServiceManagement

        super().__init__(words, "the login item of macOS")
        self._kit: Any = ServiceManagement
        self._service = ServiceManagement.SMAppService.mainAppService()

    def _data(self) -> bytes | None:
        unknown = (self._kit.SMAppServiceStatusNotRegistered, self._kit.SMAppServiceStatusNotFound)
        return None if self._service.status() in unknown else b"registered"

    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        del data
        off = self._service.status() == self._kit.SMAppServiceStatusRequiresApproval
        return self._words, _TURNED_OFF if off else ""

    def _write(self) -> None:
        self._change(self._service.registerAndReturnError_)

    def _remove(self) -> list[str]:
        if self._data() is not None:
            self._change(self._service.unregisterAndReturnError_)
        return []

    def _change(self, call: Callable[[None], tuple[bool, Any]]) -> None:
        done, error = call(None)
        if not done:
            why = str(error.localizedDescription())
            what = Reason("{path} cannot be changed: {why}.", path=self.where, why=why)
            raise Mem0TrayError(what, Reason("Change it in System Settings (Login Items)."))
