"""Starting with the user's session: one small class per system behind one interface."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

ENABLED: Final = "enabled"
DISABLED: Final = "disabled"
BLOCKED: Final = "blocked"  # set up, but turned off in the system's settings
STALE: Final = "stale"  # set up, but the program to start is not there

DESKTOP: Final = "desktop"  # the session of a desktop starts the tray
SERVICE: Final = "service"  # the user's systemd starts the worker


@dataclass(frozen=True, slots=True)
class AutostartState:
    """The state of the start at login: its name, and the command line set up (`starts`, or empty).

    `reason` is a sentence for BLOCKED and STALE, empty otherwise.
    """

    name: str
    starts: str = ""
    reason: str = ""


class Autostart(Protocol):
    """Whether the session starts the tray. Raises Mem0TrayError when something cannot be done."""

    @property
    def kind(self) -> str:
        """What would start mem0tray: DESKTOP or SERVICE."""

    @property
    def where(self) -> str:
        """The file or registry key, for people."""

    @property
    def command(self) -> str:
        """The command line that `enable` sets up."""

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else wrote what is set up: then it stays as it is."""

    def state(self) -> AutostartState:
        """What the session will do, looked up anew; never raises."""

    def enable(self) -> list[str]:
        """Start this installation of ours with the session, whatever was set up before.

        Returns, in sentences, what else has changed because of that.
        """

    def disable(self) -> list[str]:
        """No longer start with the session; a running tray goes on, a service ends.

        Returns, in sentences, what else has changed because of that.
        """

    def mend(self) -> bool:
        """Point a stale start at this installation; return whether there was one."""

    def advice(self) -> list[str]:
        """What people have to do, or to know, so that mem0tray starts and goes on; in sentences."""


def for_this_system(kind: str = "") -> Autostart:
    """The class that fits; it starts the tray in the way that this process was started.

    `kind` is DESKTOP or SERVICE if known; SERVICE exists only on Linux.
    """
    from mem0tray.desktop.autostart import command

    words = command.tray(command.Origin.of_this_process(), command.is_program)
    if sys.platform == "win32":
        import winreg

        from mem0tray.desktop.autostart.windows import RunKey

        return RunKey(words, winreg)
    if sys.platform == "darwin":
        from mem0tray.desktop.autostart.macos import LaunchAgent

        return LaunchAgent(words, Path.home(), os.getuid())
    return _on_linux(words, kind)


def _on_linux(words: tuple[str, ...], wanted: str) -> Autostart:
    from mem0tray.desktop.autostart.linux import XdgAutostart, config_folder
    from mem0tray.desktop.autostart.linux_login import LinuxLogin
    from mem0tray.desktop.autostart.service import UserService

    folder = config_folder(os.environ) / "systemd" / "user"
    return LinuxLogin(
        XdgAutostart.in_environment(words, os.environ),
        UserService((*words, "run"), folder),
        _fitting,
        wanted,
    )


def _fitting() -> str:
    from mem0tray.desktop.autostart import sessions

    return DESKTOP if sessions.has_desktop(os.environ) else SERVICE
