"""macOS: a LaunchAgent for the next login; loading it at once would start a second tray."""

import plistlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

from mem0tray.desktop.autostart import FileStart
from mem0tray.system import programs
from mem0tray.system.paths import APP

# What plistlib may raise for a file that is no property list.
_NO_PLIST: Final = (ValueError, ExpatError, AttributeError, TypeError, LookupError)
_OFF: Final = re.compile(r'"([^"]+)"\s*=>\s*(?:true|disabled)')  # `true` before macOS 13
_TURNED_OFF: Final = "It is turned off in System Settings (Login Items), or with launchctl."


class LaunchAgent(FileStart):
    """One property list in the user's own folder of agents; only we use its name."""

    def __init__(self, words: Sequence[str], home: Path, uid: int) -> None:
        super().__init__(words, agents(home) / f"{APP}.plist")
        self._uid = uid

    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        agent = parsed(data) or {}
        off = agent.get("Disabled") is True or APP in turned_off(self._uid)
        return words(agent), _TURNED_OFF if off else ""

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


def agents(home: Path) -> Path:
    """Return the folder of a user's own agents."""
    return home / "Library" / "LaunchAgents"


def parsed(data: bytes) -> dict[str, Any] | None:
    """Return a property list; None when it is none."""
    try:
        found = plistlib.loads(data)
    except _NO_PLIST:
        return None
    return found if isinstance(found, dict) else None


def words(agent: dict[str, Any]) -> tuple[str, ...]:
    """Return the command line of an agent; empty when it has none."""
    found = agent.get("ProgramArguments") or [agent.get("Program")]
    valid = isinstance(found, list) and all(isinstance(word, str) for word in found)
    return tuple(found) if valid else ()


def turned_off(uid: int) -> frozenset[str]:
    """Ask for the labels that the user or the system settings have turned off."""
    said = programs.answer("launchctl", "print-disabled", f"gui/{uid}") or ""
    return frozenset(_OFF.findall(said))


def is_loaded(uid: int, label: str) -> bool:
    """Ask whether the session has that agent loaded."""
    return programs.answer("launchctl", "print", f"gui/{uid}/{label}") is not None
