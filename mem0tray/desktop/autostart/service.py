"""Without a desktop: a service of the user's own systemd, which runs the worker.

Its files are written as `systemctl --user enable` would, so that the user's manager finds
the service at its next start, even if it is not running now.
"""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.autostart import (
    BLOCKED,
    DISABLED,
    ENABLED,
    STALE,
    AutostartState,
    systemd,
    unit,
)
from mem0tray.files import atomic, private_folders
from mem0tray.system import plain, programs
from mem0tray.system.paths import APP

UNIT: Final = f"{APP}.service"
_WANTED_BY: Final = "default.target"
# A worker that finds another one, or wrong settings, ends and is started again: it takes over
# as soon as it can. `mixed`: the worker ends its own children, in order.
_DESCRIPTION: Final = (  # marks our unit
    "Description=mem0tray: brings every memory from Claude Code to your Mem0 server"
)
_TEXT: Final = f"""\
[Unit]
{_DESCRIPTION}
StartLimitIntervalSec=0

[Service]
{{start}}
Restart=on-failure
RestartSec=30
KillMode=mixed
# Whatever is written is for this user only, and no memory gets into a core dump. There is no
# sandbox, and no NoNewPrivileges: ~/.claude may be a link to anywhere, and alerts.command may
# be `mail`, which hands over to a program with rights of its own.
UMask=0077
LimitCORE=0

[Install]
WantedBy={_WANTED_BY}
"""


class UserService:
    """One unit in the user's folder `folder` of units, and the link that makes systemd start it."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        self._words = tuple(words)
        self._path = folder / UNIT
        self._link = folder / f"{_WANTED_BY}.wants" / UNIT

    @property
    def where(self) -> str:
        """The unit's path."""
        return str(self._path)

    @property
    def command(self) -> str:
        """The command line as a shell takes it."""
        return shlex.join(self._words)

    def state(self) -> AutostartState:
        """What the user's manager will do when it starts."""
        if not os.path.lexists(self._path):
            return AutostartState(DISABLED)
        if os.path.realpath(self._path) == os.devnull:
            return AutostartState(BLOCKED, "", f"{self._path} is masked.")
        try:
            text = _read(self._path)
        except OSError as error:
            return AutostartState(
                STALE, "", f"{self._path} cannot be read: {error.strerror or error}."
            )
        words = unit.program(text)
        starts = shlex.join(words)
        if not any(map(os.path.lexists, self._path.parent.glob(f"*.wants/{UNIT}"))):
            return AutostartState(BLOCKED, starts, f"{self._path} is there, and disabled.")
        if not words:
            return AutostartState(STALE, "", f"{self._path} is no service that starts a program.")
        obstacle = programs.obstacle(words[0])
        return (
            AutostartState(STALE, starts, f"{obstacle}.")
            if obstacle
            else AutostartState(ENABLED, starts)
        )

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else made the unit, and it starts a program that is there."""
        try:
            text = _read(self._path)
        except OSError:
            return False
        words = unit.program(text)
        return _DESCRIPTION not in text and bool(words) and not programs.obstacle(words[0])

    def enable(self) -> None:
        """Write the unit anew, and start it where a manager answers.

        Raises Mem0TrayError without systemd, or if it refuses.
        """
        if not systemd.is_installed():
            line = shlex.quote(f"@reboot {self.command}")
            raise Mem0TrayError(
                Reason(
                    "There is neither a desktop here nor systemd: nothing would start mem0tray."
                ),
                Reason("Let cron do it: `(crontab -l; echo {line}) | crontab -`.", line=line),
            )
        if self._path.is_symlink():
            self._unlink(self._path)  # a masked unit is a link that cannot be written through
        self._write(_TEXT.format(start=unit.exec_start(self._words)))
        self._want()
        if not systemd.answers():
            return
        ran = systemd.is_active(UNIT)
        systemd.tell("daemon-reload")
        if systemd.is_unknown(UNIT):
            raise Mem0TrayError(
                Reason(
                    "The user's manager of systemd does not look for services in {path}.",
                    path=self._path.parent,
                ),
                Reason(
                    "Unset XDG_CONFIG_HOME, or give it to the manager:"
                    " `systemctl --user set-environment XDG_CONFIG_HOME={path}`.",
                    path=self._path.parents[2],
                ),
            )
        started = systemd.tell("enable", "--now", UNIT)
        if not started or (ran and not systemd.tell("restart", UNIT)):
            raise Mem0TrayError(
                Reason("systemd could not start {unit}.", unit=UNIT),
                Reason("`systemctl --user status {unit}` says why.", unit=UNIT),
            )

    def disable(self) -> None:
        """Stop the service where a manager answers, and remove the unit."""
        if not os.path.lexists(self._path) and not os.path.lexists(self._link):
            return
        answers = systemd.answers()
        if answers:
            systemd.tell("disable", "--now", UNIT)
        self._unlink(self._link)
        self._unlink(self._path)
        for folder in (self._link.parent, self._path.parent):
            private_folders.drop_empty(folder)
        if answers:
            systemd.tell("daemon-reload")

    def mend(self) -> bool:
        """Change the program in a stale unit, and nothing else in it."""
        if self.state().name != STALE:
            return False
        try:
            text = unit.with_program(_read(self._path), self._words)
        except OSError:
            text = ""
        self._write(text or _TEXT.format(start=unit.exec_start(self._words)))
        if systemd.answers():
            systemd.tell("daemon-reload")
        return True

    def runs(self) -> bool:
        """Whether a manager answers, and the service is at work."""
        return systemd.answers() and systemd.is_active(UNIT)

    def advice(self) -> list[str]:
        """What there is to do, with the command, so that the service runs and goes on."""
        found = []
        if not systemd.answers():
            found.append(
                "No manager of systemd answers for your user here. Once you have logged in, type"
                f" `systemctl --user daemon-reload && systemctl --user start {UNIT}`,"
                " or log in again."
            )
        elif not systemd.is_active(UNIT):
            found.append(f"The service does not run: `systemctl --user start {UNIT}` starts it.")
        if not systemd.lingers():
            command = f"sudo loginctl enable-linger {systemd.user()}".strip()
            found.append(
                "Lingering is off: the service starts when you log in, and ends when you log out."
                f" `{command}` lets it run from the start of the computer on."
            )
        return found

    def _want(self) -> None:
        private_folders.make_private_folder(self._link.parent)
        try:
            if os.path.lexists(self._link):
                self._link.unlink()
            self._link.symlink_to(self._path)
        except OSError as error:
            raise atomic.unavailable(self._link, error) from error

    def _write(self, text: str) -> None:
        private_folders.make_private_folder(self._path.parent)
        atomic.replace(self._path, text.encode("utf-8", "surrogateescape"))

    @staticmethod
    def _unlink(path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise atomic.unavailable(path, error) from error


def _read(path: Path) -> str:
    return plain.read_bytes(path).decode("utf-8", "surrogateescape")
