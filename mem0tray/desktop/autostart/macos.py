"""macOS: a LaunchAgent, which launchd loads at the next login.

It is neither loaded nor unloaded at once: loading would start a second tray beside the one whose
menu was clicked, and unloading would end that tray if launchd had started it.
"""

import os
import plistlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mem0tray.desktop.autostart import (
    BLOCKED,
    DESKTOP,
    DISABLED,
    ENABLED,
    STALE,
    AutostartState,
    launchd,
)
from mem0tray.files import atomic, private_folders
from mem0tray.system import programs
from mem0tray.system.paths import APP

LABEL: Final = APP


class LaunchAgent:
    """One property list in the user's own folder of agents."""

    kind = DESKTOP

    def __init__(self, words: Sequence[str], home: Path, uid: int) -> None:
        self._words = list(words)
        self._path = launchd.agents(home) / f"{LABEL}.plist"
        self._uid = uid

    @property
    def where(self) -> str:
        """The property list's path."""
        return str(self._path)

    @property
    def command(self) -> str:
        """The command line as a shell takes it."""
        return shlex.join(self._words)

    @property
    def is_foreign(self) -> bool:
        """Never: only we use this name."""
        return False

    def state(self) -> AutostartState:
        """What launchd will do at the next login."""
        if not os.path.lexists(self._path):
            return AutostartState(DISABLED)
        try:
            agent = launchd.read(self._path) or {}
        except OSError as error:
            return AutostartState(
                STALE, "", f"{self._path} cannot be read: {error.strerror or error}."
            )
        words = launchd.words(agent)
        starts = shlex.join(words)
        if agent.get("Disabled") is True or LABEL in launchd.turned_off(self._uid):
            reason = "It is turned off in System Settings (Login Items), or with launchctl."
            return AutostartState(BLOCKED, starts, reason)
        if agent.get("Label") != LABEL or not words or agent.get("RunAtLoad") is not True:
            return AutostartState(STALE, starts, f"{self._path} is no agent that starts a program.")
        obstacle = programs.obstacle(words[0])
        return (
            AutostartState(STALE, starts, f"{obstacle}.")
            if obstacle
            else AutostartState(ENABLED, starts)
        )

    def enable(self) -> list[str]:
        """Write the property list anew, and undo that it was turned off."""
        self._write()
        launchd.allow(self._uid, LABEL)
        return []

    def disable(self) -> list[str]:
        """Remove the property list."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise atomic.unavailable(self._path, error) from error
        return []

    def advice(self) -> list[str]:
        """Advice for a Mac that nobody logs in to at its screen: it has no menu bar for a tray."""
        if not os.environ.get("SSH_CONNECTION"):
            return []
        advice = (
            "It starts when you log in at the screen, and not over ssh: there, and on a Mac"
            " without a screen, `mem0tray run` is the worker."
        )
        return [advice]

    def mend(self) -> bool:
        """Write a stale property list anew."""
        if self.state().name != STALE:
            return False
        self._write()
        return True

    def _write(self) -> None:
        agent = {
            "Label": LABEL,
            "ProgramArguments": self._words,
            "RunAtLoad": True,
            "ProcessType": "Interactive",  # else launchd slows it down as a background process
            "LimitLoadToSessionType": "Aqua",  # there is no menu bar in a session over ssh
        }
        # XML cannot hold control characters, and changes a carriage return; but people can read it.
        readable = "".join(self._words).isprintable()
        form = plistlib.FMT_XML if readable else plistlib.FMT_BINARY
        private_folders.make_private_folder(self._path.parent)
        atomic.replace(self._path, plistlib.dumps(agent, fmt=form))
