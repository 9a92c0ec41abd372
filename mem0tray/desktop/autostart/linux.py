"""Linux: an entry that a desktop starts, or a service of systemd; and the applications menu's."""

import getpass
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.core.version import __version__
from mem0tray.desktop import session
from mem0tray.desktop.autostart import DISABLED, SERVICE, STALE, Autostart, Origin, unlink
from mem0tray.files import atomic, private_folders
from mem0tray.system import programs, regular_file
from mem0tray.system.paths import APP

GROUP: Final = "Desktop Entry"
_COMMENT: Final = "Brings every memory from Claude Code to your Mem0 server"
_ENTRY: Final = {
    "Type": "Application",
    "Name": APP,
    "Comment": _COMMENT,
    "Icon": APP,
    "Terminal": "false",
    "StartupNotify": "false",
}
# Desktop entries, units, and the units that systemd makes of entries quote these differently.
_ODD: Final = re.compile(r"""["'`$\\%\x00-\x1f\x7f\udc80-\udcff]""")
_BARE: Final = re.compile(r"[\w@+=:,./-]+")  # a word that needs no quotes


def quoted(words: Sequence[str]) -> str:
    """Quote words as entries and units take them. Raises Mem0TrayError for an odd path."""
    line = " ".join(word if _BARE.fullmatch(word) else f'"{word}"' for word in words)
    if any(map(_ODD.search, words)):
        raise Mem0TrayError(
            Reason("No entry or unit can start {line}: its path has odd characters.", line=line),
            Reason("Install mem0tray in a folder with a plainer name."),
        )
    return line


def fields(data: bytes, group: str) -> dict[str, str]:
    """Read keys and values of a group of an entry or a unit; empty if there is none."""
    text = f"\n{data.decode('utf-8', 'replace')}".partition(f"\n[{group}]\n")[2]
    lines = [line.partition("=") for line in text.partition("\n[")[0].splitlines()]
    return {key.strip(): value.strip() for key, _, value in lines if not key.startswith("#")}


def _words(line: str) -> list[str]:
    with suppress(ValueError):
        return shlex.split(line)
    return []


def _entry(lines: Mapping[str, str], words: Sequence[str]) -> str:
    """Make an entry; with TryExec no desktop complains once the program is gone."""
    lines = {**lines, "Exec": quoted(words), "TryExec": words[0]}
    return f"[{GROUP}]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


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


class XdgAutostart(Autostart):
    """The entry in the folder `settings` of the user's settings, for the desktop of `environ`."""

    mark = f"Comment={_COMMENT}\n".encode()

    def __init__(self, words: Sequence[str], settings: Path, environ: Mapping[str, str]) -> None:
        super().__init__(words, settings / "autostart" / f"{APP}.desktop")
        self._settings = settings
        self._environ = environ

    def advice(self) -> list[str]:
        if session.has_desktop(self._environ):
            return []
        error = self.rival.obstacle() if self.rival is not None else None
        service = "`mem0tray autostart enable --service` lets systemd start the worker."
        return [f"There is no desktop here. {error.remedy if error is not None else service}"]

    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        entry = fields(data, GROUP)
        off = next((f"{key}={value}" for key, value in _OFF if entry.get(key) == value), "")
        error = self._unread()
        why = f"{self._path} says {off}." if off else error.message if error else ""
        return _words(entry.get("Exec", "")), why

    def _set_up(self) -> None:
        self._write()
        if error := self._unread():
            raise error

    def _write(self) -> None:
        """Write the entry; lines of the user's own stay, but for those that turn it off."""
        own = fields(self._data() or b"", GROUP).items()
        kept = {key: value for key, value in own if (key, value) not in _OFF}
        self._replace(_entry(kept | _ENTRY, self._words).encode())

    def _unread(self) -> Mem0TrayError | None:
        """Return the error that says what starts the program if this desktop starts no entries."""
        names = set(self._environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":"))
        if names == {""}:
            names = {name for name, way in _OWN_WAYS.items() if way[0] in self._environ}
        for name in _OWN_WAYS.keys() & names:
            _, file, line = _OWN_WAYS[name]
            path = self._settings / file
            with suppress(OSError):
                said = regular_file.read_bytes(path)
                if APP.encode() in said or (b"dex " in said and shutil.which("dex")):
                    return None
            if not is_active(_TARGET):
                line = line.format(self.command)
                return Mem0TrayError(
                    Reason("{desktop} starts nothing from autostart folders.", desktop=name),
                    Reason("Add this line to its settings ({path}): {line}", path=path, line=line),
                )
        return None


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's settings folder by the base directory specification."""
    own = Path(environ.get("XDG_CONFIG_HOME", ""))
    return own if own.is_absolute() else Path.home() / ".config"


UNIT: Final = f"{APP}.service"
_WANTED_BY: Final = "default.target"
_BOOTED: Final = Path("/run/systemd/system")  # there once systemd has started this computer
_LINGER: Final = Path("/var/lib/systemd/linger")
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


class UserService(Autostart):
    """A unit in the user's folder of units, and the link that makes systemd start it."""

    kind = SERVICE
    mark = _DESCRIPTION.encode()

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        super().__init__(words, folder / UNIT)
        self._link = folder / f"{_WANTED_BY}.wants" / UNIT

    def advice(self) -> list[str]:
        found = []
        if not is_active(UNIT):
            found.append(
                "The service does not run. Log in again, or start it:"
                f" `systemctl --user daemon-reload && systemctl --user start {UNIT}`."
            )
        if not lingers():
            line = f"sudo loginctl enable-linger {user()}".strip()
            found.append(
                "Lingering is off: the service starts when you log in, and ends when you log out."
                f" `{line}` lets it run from the start of the computer on."
            )
        return found

    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        off = "" if os.path.lexists(self._link) else f"{self._path} is there, and disabled."
        return _words(fields(data, "Service").get("ExecStart", "")), off

    def obstacle(self) -> Mem0TrayError | None:
        if is_installed():
            return None
        line = shlex.quote(f"@reboot {self.command}")
        return Mem0TrayError(
            Reason("There is neither a desktop here nor systemd: nothing would start mem0tray."),
            Reason("Let cron do it: `(crontab -l; echo {line}) | crontab -`.", line=line),
        )

    def _set_up(self) -> None:
        if obstacle := self.obstacle():
            raise obstacle
        self._write()
        with atomic.explained(self._link):
            private_folders.make_private_folder(self._link.parent)
            self._link.unlink(missing_ok=True)
            self._link.symlink_to(self._path)
        answers = _systemctl("show-environment") is not None
        if answers and None in (_systemctl("daemon-reload"), _systemctl("restart", UNIT)):
            raise Mem0TrayError(
                Reason("systemd could not start {unit}.", unit=UNIT),
                Reason("`systemctl --user status {unit}` says why.", unit=UNIT),
            )

    def _write(self) -> None:
        self._replace(_TEXT.format(start=quoted(self._words)).encode())

    def _remove(self) -> list[str]:
        ran = is_active(UNIT)
        if ran:
            _systemctl("stop", UNIT)
        unlink(self._link)
        super()._remove()
        if not ran:
            return []
        _systemctl("daemon-reload")
        return ["The service was stopped: `mem0tray` or `mem0tray run` delivers from now on."]


def is_installed() -> bool:
    """Return whether systemd started this computer; a container may have its programs."""
    return _BOOTED.is_dir() and shutil.which("systemctl") is not None


def is_active(unit: str) -> bool:
    """Return whether the unit runs, or is about to."""
    return _shown("ActiveState", unit) in {"active", "activating", "reloading"}


def main_process(unit: str) -> int | None:
    """Return the process of a service; None when it has none."""
    said = _shown("MainPID", unit)
    return int(said) or None if said.isdecimal() else None


def user() -> str:
    """Return the user's name, for a command; empty when unknown."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run us under a number without a name
        return ""


def lingers() -> bool:
    """Return whether the user's services run from the computer's start on, without a login."""
    name = user()
    return bool(name) and (_LINGER / name).exists()


def _shown(name: str, unit: str) -> str:
    return (_systemctl("show", f"--property={name}", "--value", unit) or "").strip()


def _systemctl(*words: str) -> str | None:
    changes = words[0] in ("restart", "stop")  # as long as a worker's end takes
    patience = _STOPPING if changes else programs.PATIENCE
    return programs.answer("systemctl", "--user", *words, patience=patience)


_SIZES: Final = (16, 22, 24, 32, 48, 64, 128, 256)  # pixels; sizes we draw and the theme has
OF_SYSTEM: Final = Path("/usr/share")  # where a package of the system puts an entry for everybody
_VERSION: Final = "X-mem0tray-Version"  # the key that says that an entry is ours
_MENU_ENTRY: Final = _ENTRY | {
    "GenericName": "Memory Delivery",
    "GenericName[fr]": "Envoi des souvenirs",
    "Comment[fr]": "Transmet chaque souvenir de Claude Code à votre serveur Mem0",
    "StartupWMClass": APP,
    "Categories": "Utility;",
    "Keywords": "memory;memories;Claude;Mem0;tray;",
    "Keywords[fr]": "souvenir;souvenirs;Claude;Mem0;",
    "Actions": "status;",
    "X-GNOME-UsesNotifications": "true",
    _VERSION: __version__,
}
_STATUS: Final = "\n[Desktop Action status]\nName=Open mem0tray\nName[fr]=Ouvrir mem0tray\nExec="


class ApplicationEntry(Autostart):
    """The entry of the applications menu and its icons; one of our name without our key stays."""

    mark = _VERSION.encode()

    def __init__(self, words: Sequence[str], data: Path) -> None:
        super().__init__(words, data / "applications" / f"{APP}.desktop")
        self._data_folder = data
        self._theme = data / "icons" / "hicolor"
        self._icons = [self._theme / f"{size}x{size}" / "apps" / f"{APP}.png" for size in _SIZES]

    @property
    def is_foreign(self) -> bool:
        return self._path.is_symlink() or super().is_foreign

    def mend(self) -> bool:
        """Put the entry there if it is missing, or starts no program or another version."""
        return self.state().name in {DISABLED, STALE} and self.put()

    def put(self) -> bool:
        """Put icons and entry in place, unless a file there is not ours. Raises Mem0TrayError."""
        ours = not self.is_foreign
        if ours:
            self._write()
        return ours

    def remove(self) -> list[Path]:
        """Remove what is ours, and folders left empty; return the files removed."""
        if self.is_foreign:
            return []
        ours = [path for path in (*self._icons, self._path) if os.path.lexists(path)]
        for path in ours:
            unlink(path)
            for folder in path.relative_to(self._data_folder).parents[:-1]:
                private_folders.drop_empty(self._data_folder / folder)
        return ours

    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        found = fields(data, GROUP)
        return (_words(found["Exec"]) if found.get(_VERSION) == __version__ else ()), ""

    def _write(self) -> None:
        """Write it all; lines of the user's own stay."""
        from mem0tray.desktop.tray.icon import icon_file  # slow to import, as its pictures are

        entry = _entry(fields(self._data() or b"", GROUP) | _MENU_ENTRY, self._words)
        status = f"{_STATUS}{quoted((*self._words, 'open'))}\n"
        for size, path in zip(_SIZES, self._icons, strict=True):
            private_folders.make_private_folder(path.parent)
            atomic.replace(path, icon_file(f"healthy-{size}.png").read_bytes(), durable=False)
        with suppress(OSError):
            os.utime(self._theme)  # else GTK trusts an older cache of the theme
        self._replace(f"{entry}{status}".encode())


def application_entry() -> ApplicationEntry | None:
    """Return the entry for this user; None on other systems, and where a package brings one."""
    if sys.platform in ("win32", "darwin"):
        return None
    words = Origin.of_this_process().tray()
    found = ApplicationEntry(words, platformdirs.user_data_path())
    of_system = ApplicationEntry(words, OF_SYSTEM)
    if found.state().name == DISABLED and of_system.state().starts == of_system.command:
        return None
    return found
