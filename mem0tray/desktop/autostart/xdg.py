"""XDG autostart: an entry in `~/.config/autostart`, which most desktops read."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop import session
from mem0tray.desktop.autostart import FileStart, Found, command, systemd
from mem0tray.system import regular_file
from mem0tray.system.paths import APP

GROUP: Final = "Desktop Entry"
COMMENT: Final = "Brings every memory from Claude Code to your Mem0 server"
_ENTRY: Final = f"""\
[{GROUP}]
Type=Application
Name={APP}
Comment={COMMENT}
Icon={APP}
Terminal=false
StartupNotify=false
"""
# Lines by which desktops turn an entry off in their settings.
_OFF: Final = (
    ("Hidden", "true"),
    ("X-GNOME-Autostart-enabled", "false"),
    ("X-MATE-Autostart-enabled", "false"),
)
# Desktops that start no entry of an autostart folder by themselves: the variable that each sets,
# the file of its settings, and the line there that starts a command. Some let dex start entries.
_OWN_WAYS: Final = {
    "sway": ("SWAYSOCK", "sway/config", "exec {}"),
    "i3": ("I3SOCK", "i3/config", "exec --no-startup-id {}"),
    "hyprland": ("HYPRLAND_INSTANCE_SIGNATURE", "hypr/hyprland.conf", "exec-once = {}"),
    "niri": ("NIRI_SOCKET", "niri/config.kdl", 'spawn-at-startup "sh" "-c" "{}"'),
    "river": ("", "river/init", 'riverctl spawn "{}"'),
}
_TARGET: Final = "xdg-desktop-autostart.target"  # by which systemd starts them where it is wanted


class XdgAutostart(FileStart):
    """The entry in the folder `settings` of the user's settings, for the desktop of `environ`."""

    mark = f"Comment={COMMENT}\n".encode()

    def __init__(self, words: Sequence[str], settings: Path, environ: Mapping[str, str]) -> None:
        super().__init__(words, settings / "autostart" / f"{APP}.desktop")
        self._settings = settings
        self._environ = environ

    def advice(self) -> list[str]:
        """Advice where nobody logs in to a desktop."""
        if session.has_desktop(self._environ):
            return []
        return [
            (
                "You log in to no desktop here, so that nothing starts it:"
                " `mem0tray autostart enable --service` lets systemd start the worker."
            )
        ]

    def _found(self) -> Found | None:
        data = self._data()
        if data is None:
            return None
        entry = command.fields(data, GROUP)
        off = [
            f"{self._path} says {key}={value}." for key, value in _OFF if entry.get(key) == value
        ]
        if not off and (error := self._unread()):
            off.append(error.message)
        return Found(command.words(entry.get("Exec", "")), "".join(off[:1]))

    def _set_up(self) -> None:
        self._write()
        if error := self._unread():
            raise error

    def _write(self) -> None:
        self._replace(f"{_ENTRY}{start_lines(self._words)}".encode())

    def _unread(self) -> Mem0TrayError | None:
        """The error that says what starts the program if this desktop starts no entries."""
        for name in _OWN_WAYS.keys() & _desktops(self._environ):
            _, file, line = _OWN_WAYS[name]
            path = self._settings / file
            with suppress(OSError):
                said = regular_file.read_bytes(path)
                if APP.encode() in said or (b"dex " in said and shutil.which("dex")):
                    return None
            if not systemd.is_active(_TARGET):
                return Mem0TrayError(
                    Reason("{desktop} starts nothing from autostart folders.", desktop=name),
                    Reason(
                        "Add this line to its settings ({path}): {line}",
                        path=path,
                        line=line.format(self.command),
                    ),
                )
        return None


def _desktops(environ: Mapping[str, str]) -> set[str]:
    """The names of the desktop that runs, in small letters; empty if unknown."""
    names = environ.get("XDG_CURRENT_DESKTOP", "").lower()
    return (
        set(names.split(":")) if names else {n for n, (v, *_) in _OWN_WAYS.items() if v in environ}
    )


def config_folder(environ: Mapping[str, str]) -> Path:
    """The user's settings folder by the base directory specification."""
    own = Path(environ.get("XDG_CONFIG_HOME", ""))
    return own if own.is_absolute() else Path.home() / ".config"


def start_lines(program: Sequence[str]) -> str:
    """The lines that start a program, with TryExec: no desktop complains once it is gone.

    Raises Mem0TrayError for a path that no entry can hold.
    """
    return f"Exec={command.quoted(program)}\nTryExec={program[0]}\n"
