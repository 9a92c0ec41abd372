"""XDG autostart: an entry in `~/.config/autostart`, which most desktops read."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import (
    BLOCKED,
    DISABLED,
    ENABLED,
    STALE,
    AutostartState,
    command_line,
    entry,
    sessions,
)
from mem0tray.files import atomic, private_folders
from mem0tray.system import plain, programs
from mem0tray.system.paths import APP

_NAME: Final = f"{APP}.desktop"
_COMMENT: Final = "Brings every memory from Claude Code to your Mem0 server"  # marks our entry
_ENTRY: Final = f"""\
[Desktop Entry]
Type=Application
Name={APP}
Comment={_COMMENT}
Icon={APP}
Terminal=false
StartupNotify=false
"""
_SWITCHES: Final = ("X-GNOME-Autostart-enabled", "X-MATE-Autostart-enabled")


class XdgAutostart:
    """The user's entry, which hides the system's entry of the same name.

    `folders` are the user's own and then the system's; `desktops` are the names of the running
    desktop, none if unknown.
    """

    def __init__(
        self, words: Sequence[str], folders: Sequence[Path], desktops: Sequence[str] = ()
    ) -> None:
        self._words = tuple(words)
        self._paths = [folder / _NAME for folder in folders]
        self._desktops = frozenset(desktops)

    @classmethod
    def in_environment(cls, words: Sequence[str], environ: Mapping[str, str]) -> "XdgAutostart":
        """The entry in the base directory specification's folders; relative ones do not count."""
        shared = map(Path, (environ.get("XDG_CONFIG_DIRS", "") or "/etc/xdg").split(":"))
        folders = [config_folder(environ), *(each for each in shared if each.is_absolute())]
        desktops = sessions.desktops(environ)
        return cls(words, [folder / "autostart" for folder in folders], desktops)

    @property
    def where(self) -> str:
        """The path of the entry that counts, or of the one that `enable` would make."""
        return str(self._found or self._paths[0])

    @property
    def _found(self) -> Path | None:
        """The first entry that is there: it hides those in later folders."""
        return next((each for each in self._paths if os.path.lexists(each)), None)

    @property
    def command(self) -> str:
        """The command line as a shell takes it."""
        return shlex.join(self._words)

    def state(self) -> AutostartState:
        """What a desktop makes of the entry."""
        path = self._found
        if path is None:
            return AutostartState(DISABLED)
        try:
            text = _read(path)
        except OSError as error:
            return AutostartState(STALE, "", f"{path} cannot be read: {error.strerror or error}.")
        return self._judged(entry.fields(text), path)

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else made the user's entry, and it starts a program that is there."""
        try:
            fields = entry.fields(_read(self._paths[0]))
        except OSError:
            return False
        if fields.get("Comment") == _COMMENT or fields.get("Hidden") == "true":
            return False
        words = command_line.without_shell(entry.words(fields.get("Exec", "")))
        return bool(words) and not programs.obstacle(words[0])

    def _judged(self, fields: Mapping[str, str], path: Path) -> AutostartState:
        words = command_line.without_shell(entry.words(fields.get("Exec", "")))
        starts = shlex.join(words)
        off = self._turned_off(fields)
        if off:
            return AutostartState(BLOCKED, starts, f"{path} says {off}.")
        if not words or fields.get("Type") != "Application":
            return AutostartState(STALE, starts, f"{path} is no entry that starts a program.")
        needed = entry.read(fields.get("TryExec", ""))
        for program in (words[0], needed or words[0]):
            obstacle = programs.obstacle(program)
            if obstacle:
                return AutostartState(STALE, starts, f"{obstacle}.")
        if error := self._unread():
            return AutostartState(BLOCKED, starts, error.message)
        return AutostartState(ENABLED, starts)

    def _turned_off(self, fields: Mapping[str, str]) -> str:
        """The line of the entry that makes the desktop skip it; empty when there is none."""
        if fields.get("Hidden") == "true":
            return "Hidden=true"
        for switch in _SWITCHES:
            if fields.get(switch) == "false":
                return f"{switch}=false"
        for key, shown in (("OnlyShowIn", True), ("NotShowIn", False)):
            names = {name for name in fields.get(key, "").split(";") if name}
            if key in fields and self._desktops and bool(names & self._desktops) != shown:
                return f"{key}={fields[key]}"
        return ""

    def enable(self) -> None:
        """Write the entry anew. Raises Mem0TrayError also if this desktop starts no entries."""
        self._write(
            _ENTRY
            + "".join(f"{key}={value}\n" for key, value in entry.start_lines(self._words).items())
        )
        if error := self._unread():
            raise error

    def _unread(self) -> Mem0TrayError | None:
        return sessions.unread(self._desktops, self._paths[0].parents[1], self.command)

    def disable(self) -> None:
        """Remove the entry; hide the system's, if there is one."""
        own, *others = self._paths
        if any(map(os.path.lexists, others)):
            self._write(f"{_ENTRY}Exec={entry.start_lines(self._words)['Exec']}\nHidden=true\n")
            return
        try:
            own.unlink()
        except FileNotFoundError:
            return
        except OSError as error:
            raise atomic.unavailable(own, error) from error
        private_folders.drop_empty(own.parent)

    def mend(self) -> bool:
        """Change the program in the user's entry, and nothing else in it."""
        if self.state().name != STALE:
            return False
        try:
            text = _read(self._paths[0])
        except OSError:
            text = ""
        if entry.fields(text).get("Type") == "Application":
            self._write(entry.with_fields(text, entry.start_lines(self._words)))
        else:
            self.enable()
        return True

    def _write(self, text: str) -> None:
        path = self._paths[0]
        private_folders.make_private_folder(path.parent)
        atomic.replace(path, text.encode("utf-8", "surrogateescape"))


def config_folder(environ: Mapping[str, str]) -> Path:
    """The user's settings folder by the base directory specification."""
    own = Path(environ.get("XDG_CONFIG_HOME", ""))
    return own if own.is_absolute() else Path.home() / ".config"


def _read(path: Path) -> str:
    """An entry as text, which need not be UTF-8, like the paths in it."""
    return plain.read_bytes(path).decode("utf-8", "surrogateescape")
