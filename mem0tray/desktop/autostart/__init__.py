"""Starting with the user's session: one small class per system behind one interface."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
BLOCKED: Final = "blocked"  # set up, and turned off in the system's own settings
STALE: Final = "stale"  # set up, and what it would start is not there


@dataclass(frozen=True, slots=True)
class State:
    """One of the four names; `starts` is the command line that is set up, empty if none is.

    `reason` is a sentence for BLOCKED and STALE, empty otherwise.
    """

    name: str
    starts: str = ""
    reason: str = ""


class Autostart(Protocol):
    """Whether the session starts the tray. Raises Mem0TrayError when something cannot be done."""

    @property
    def where(self) -> str:
        """The file or registry key, for people."""

    @property
    def command(self) -> str:
        """The command line that `enable` sets up."""

    def state(self) -> State:
        """What the session will do, looked up anew; never raises."""

    def enable(self) -> None:
        """Start this installation of ours with the session, whatever was set up before."""

    def disable(self) -> None:
        """No longer start with the session; what runs goes on running."""

    def mend(self) -> bool:
        """Point a stale start at this installation; whether there was one."""


def for_this_system() -> Autostart:
    """The one class that fits; it starts the tray in the way that this process was started."""
    from mem0tray.desktop.autostart import command

    words = command.tray(command.Origin.of_this_process(), command.is_program)
    if sys.platform == "win32":
        import winreg

        from mem0tray.desktop.autostart.windows import RunKey

        return RunKey(words, winreg)
    if sys.platform == "darwin":
        from mem0tray.desktop.autostart.macos import LaunchAgent

        return LaunchAgent(words, Path.home(), os.getuid())
    from mem0tray.desktop.autostart.linux import XdgAutostart

    return XdgAutostart.in_environment(words, os.environ)
