"""Windows: a value of the user's Run key, which Task Manager and Settings can turn off."""

import os
import re
import subprocess
from collections.abc import Sequence
from typing import Any, Final

from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.autostart import BLOCKED, DESKTOP, DISABLED, ENABLED, STALE, AutostartState
from mem0tray.system import programs
from mem0tray.system.paths import APP

RUN: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
_LONGEST: Final = 260  # characters of a command line that Windows runs from there
_PROGRAM: Final = re.compile(r'"([^"]+)"|(\S+)')


class RunKey:
    """One value of the registry; `winreg` is the module of that name."""

    kind = DESKTOP

    def __init__(self, words: Sequence[str], winreg: Any) -> None:
        self._line = subprocess.list2cmdline(words)
        self._winreg = winreg

    @property
    def where(self) -> str:
        """The registry key and the value's name."""
        return rf"HKEY_CURRENT_USER\{RUN}\{APP}"

    @property
    def command(self) -> str:
        """The command line as it stands in the registry."""
        return self._line

    @property
    def is_foreign(self) -> bool:
        """Never: only we use this name."""
        return False

    def state(self) -> AutostartState:
        """What Windows will do at the next login."""
        line = self._read(RUN)
        if line is None:
            return AutostartState(DISABLED)
        starts = line if isinstance(line, str) else ""
        if self._is_turned_off():
            return AutostartState(
                BLOCKED, starts, "It is turned off in Task Manager or Settings (Startup)."
            )
        program = _PROGRAM.match(starts.strip())
        if program is None:
            return AutostartState(STALE, starts, f"{self.where} is no command line.")
        obstacle = programs.obstacle(program[1] or program[2])
        return (
            AutostartState(STALE, starts, f"{obstacle}.")
            if obstacle
            else AutostartState(ENABLED, starts)
        )

    def _is_turned_off(self) -> bool:
        """Whether it is turned off: the first byte is even when on (2, 6), odd when off (3, 7)."""
        flags = self._read(APPROVED)
        return isinstance(flags, bytes) and bool(flags) and flags[0] % 2 == 1

    def enable(self) -> list[str]:
        """Set the value, and forget that it was turned off."""
        self._write()
        self._remove(APPROVED)
        return []

    def disable(self) -> list[str]:
        """Remove the value, and what Windows remembers about it."""
        self._remove(RUN)
        self._remove(APPROVED)
        return []

    def advice(self) -> list[str]:
        """Advice, as Windows goes through the Run key only when its desktop starts."""
        if not os.environ.get("SSH_CONNECTION"):
            return []
        advice = (
            "It starts when you log in to the desktop, and not over ssh. Where nobody does, let"
            " the task scheduler start the worker:"
            f' `schtasks /create /tn {APP} /sc onstart /tr "{APP} run"`.'
        )
        return [advice]

    def mend(self) -> bool:
        """Set a stale value anew."""
        if self.state().name != STALE:
            return False
        self._write()
        return True

    def _read(self, key: str) -> Any:
        """Our value below a key, of whatever type; None when there is none to read."""
        try:
            with self._winreg.OpenKey(self._winreg.HKEY_CURRENT_USER, key) as opened:
                return self._winreg.QueryValueEx(opened, APP)[0]
        except OSError:
            return None

    def _write(self) -> None:
        if len(self._line) > _LONGEST:
            raise Mem0TrayError(
                Reason(
                    "Windows starts no command line of more than {number}"
                    " characters at login: {line}.",
                    number=_LONGEST,
                    line=self._line,
                ),
                Reason("Install mem0tray in a folder with a shorter path."),
            )
        winreg = self._winreg
        try:
            with winreg.CreateKeyEx(winreg.HKEY_CURRENT_USER, RUN, 0, winreg.KEY_WRITE) as opened:
                winreg.SetValueEx(opened, APP, 0, winreg.REG_SZ, self._line)
        except OSError as error:
            raise self._refused(RUN, error) from error

    def _remove(self, key: str) -> None:
        winreg = self._winreg
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, 0, winreg.KEY_WRITE) as opened:
                winreg.DeleteValue(opened, APP)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._refused(key, error) from error

    def _refused(self, key: str, error: OSError) -> Mem0TrayError:
        return Mem0TrayError(
            Reason(
                "{path} cannot be changed: {why}.",
                path=rf"HKEY_CURRENT_USER\{key}",
                why=reasons.of_system(error),
            ),
            Reason("Ask who administers this computer."),
        )
