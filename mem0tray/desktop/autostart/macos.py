"""macOS: a LaunchAgent for the next login; loading it at once would start a second tray."""

import plistlib
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

from mem0tray.desktop.autostart import Autostart
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
        }
        self._replace(plistlib.dumps(agent))
