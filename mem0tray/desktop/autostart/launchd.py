"""What launchd knows of a user's agents, as `launchctl` and their property lists tell."""

import plistlib
import re
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

from mem0tray.system import plain, programs

# What plistlib may raise for a file that is no property list.
_NO_PLIST: Final = (ValueError, ExpatError, AttributeError, TypeError, LookupError)
_OFF: Final = re.compile(r'"([^"]+)"\s*=>\s*(?:true|disabled)')  # `true` before macOS 13


def agents(home: Path) -> Path:
    """The folder of a user's own agents."""
    return home / "Library" / "LaunchAgents"


def read(path: Path) -> dict[str, Any] | None:
    """A property list; None when the file is none. Raises OSError."""
    try:
        found = plistlib.loads(plain.read_bytes(path))
    except _NO_PLIST:
        return None
    return found if isinstance(found, dict) else None


def words(agent: dict[str, Any]) -> tuple[str, ...]:
    """The command line of an agent; empty when it has none."""
    found = agent.get("ProgramArguments")
    if not isinstance(found, list) or not found:
        found = [agent.get("Program")]
    return tuple(found) if all(isinstance(word, str) for word in found) else ()


def domain(uid: int) -> str:
    """The launchd domain of a user's session."""
    return f"gui/{uid}"


def turned_off(uid: int) -> frozenset[str]:
    """The labels that the user or the system settings have turned off."""
    said = programs.answer("launchctl", "print-disabled", domain(uid)) or ""
    return frozenset(_OFF.findall(said))


def is_loaded(uid: int, label: str) -> bool:
    """Whether the session has that agent loaded."""
    return programs.answer("launchctl", "print", f"{domain(uid)}/{label}") is not None


def allow(uid: int, label: str) -> None:
    """Undo that a label was turned off."""
    programs.answer("launchctl", "enable", f"{domain(uid)}/{label}")
