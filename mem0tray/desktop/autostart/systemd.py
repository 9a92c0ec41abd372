"""Without a desktop: a service of the user's own systemd, which runs the worker.

Its files are written as `systemctl --user enable` would, so that the user's manager finds
the service at its next start, even if it is not running now.
"""

import getpass
import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.autostart import SERVICE, FileStart, Found, command, unlink
from mem0tray.files import atomic, private_folders
from mem0tray.system import programs
from mem0tray.system.paths import APP

UNIT: Final = f"{APP}.service"
_WANTED_BY: Final = "default.target"
_LINGER: Final = Path("/var/lib/systemd/linger")
_PREFIXES: Final = "@-:+!"  # of a program, each with a meaning
_RUNTIME: Final = Path("/run/user")
_STOPPING: Final = 100.0  # seconds; systemd itself kills what has not stopped after 90
_DESCRIPTION: Final = (
    "Description=mem0tray: brings every memory from Claude Code to your Mem0 server"
)
# A worker that finds another one, or wrong settings, ends and is started again: it takes over
# as soon as it can. `mixed`: the worker ends its own children, in order.
_TEXT: Final = f"""\
[Unit]
{_DESCRIPTION}
StartLimitIntervalSec=0

[Service]
ExecStart={{start}}
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


class UserService(FileStart):
    """One unit in the user's folder `folder` of units, and the link that makes systemd start it."""

    kind = SERVICE
    mark = _DESCRIPTION.encode()

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        super().__init__(words, folder / UNIT)
        self._link = folder / f"{_WANTED_BY}.wants" / UNIT

    def advice(self) -> list[str]:
        """What there is to do, with the command, so that the service runs and goes on."""
        found = []
        if not answers():
            found.append(
                "No manager of systemd answers for your user here. Once you have logged in, type"
                f" `systemctl --user daemon-reload && systemctl --user start {UNIT}`,"
                " or log in again."
            )
        elif not is_active(UNIT):
            found.append(f"The service does not run: `systemctl --user start {UNIT}` starts it.")
        if not lingers():
            line = f"sudo loginctl enable-linger {user()}".strip()
            found.append(
                "Lingering is off: the service starts when you log in, and ends when you log out."
                f" `{line}` lets it run from the start of the computer on."
            )
        return found

    def _found(self) -> Found | None:
        data = self._data()
        if data is None:
            return None
        off = "" if os.path.lexists(self._link) else f"{self._path} is there, and disabled."
        words = command.words(command.fields(data, "Service").get("ExecStart", ""))
        return Found([*(word.lstrip(_PREFIXES) for word in words[:1]), *words[1:]], off)

    def _set_up(self) -> None:
        """Write the unit anew, and start it where a manager answers."""
        if not is_installed():
            line = shlex.quote(f"@reboot {self.command}")
            raise Mem0TrayError(
                Reason(
                    "There is neither a desktop here nor systemd: nothing would start mem0tray."
                ),
                Reason("Let cron do it: `(crontab -l; echo {line}) | crontab -`.", line=line),
            )
        self._write()
        try:
            private_folders.make_private_folder(self._link.parent)
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(self._path)
        except OSError as error:
            raise atomic.unavailable(self._link, error) from error
        if answers() and not (_do("daemon-reload") and _do("restart", UNIT)):
            raise Mem0TrayError(
                Reason("systemd could not start {unit}.", unit=UNIT),
                Reason("`systemctl --user status {unit}` says why.", unit=UNIT),
            )

    def _write(self) -> None:
        self._replace(_TEXT.format(start=command.quoted(self._words)).encode())

    def _remove(self) -> list[str]:
        ran = is_active(UNIT)
        if ran:
            _do("stop", UNIT)
        unlink(self._link)
        super()._remove()
        if ran:
            _do("daemon-reload")
            return ["The service was stopped: `mem0tray` or `mem0tray run` delivers from now on."]
        return []


def is_installed() -> bool:
    """Whether this computer has systemd at all."""
    return shutil.which("systemctl") is not None


def answers() -> bool:
    """Whether a manager of this user runs, and answers us."""
    return _asked("show-environment") is not None


def is_active(unit: str) -> bool:
    """Whether the unit runs, or is about to."""
    return _shown("ActiveState", unit) in {"active", "activating", "reloading"}


def main_process(unit: str) -> int | None:
    """The process of a service; None when it has none."""
    said = _shown("MainPID", unit)
    return int(said) or None if said.isdecimal() else None


def user() -> str:
    """The user's name, for a command; empty when unknown."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run us under a number without a name
        return ""


def lingers() -> bool:
    """Whether the user's services run from the computer's start on, without a login."""
    name = user()
    return bool(name) and (_LINGER / name).exists()


def _shown(name: str, unit: str) -> str:
    return (_asked("show", f"--property={name}", "--value", unit) or "").strip()


def _do(*words: str) -> bool:
    """Run a verb that may take as long as a worker's end; return whether it succeeded."""
    return _asked(*words, patience=_STOPPING) is not None


def _asked(*words: str, patience: float = programs.PATIENCE) -> str | None:
    """The answer of the user's own manager; None when it gives none, or refuses.

    A shell by su or cron does not know the folder of the session.
    """
    environ = dict(os.environ)
    if not environ.get("XDG_RUNTIME_DIR") and hasattr(os, "getuid"):
        folder = _RUNTIME / str(os.getuid())
        if (folder / "bus").exists():
            environ["XDG_RUNTIME_DIR"] = str(folder)
    return programs.answer("systemctl", "--user", *words, patience=patience, env=environ)
