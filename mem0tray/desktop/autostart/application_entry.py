"""Our desktop entry and icons in the user's folders (Linux).

Through them the applications menu starts us, a desktop keeps our notifications in its history, and
dialogs of other programs show our icon. A file of our name that is not ours stays as it is: our
entry is known by a key in it, and an icon of ours by its content.
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from mem0tray import __version__
from mem0tray.desktop.autostart import command_line, entry
from mem0tray.desktop.notify.backends import in_flatpak
from mem0tray.desktop.tray.icon import icon_file
from mem0tray.files import atomic, private_folders
from mem0tray.system import plain, programs
from mem0tray.system.paths import APP

PLACED: Final = "placed"
MISSING: Final = "missing"
STALE: Final = "stale"  # ours, but its program is not there, or of another version
THEIRS: Final = "theirs"  # of that name but not ours, or one for everybody on this computer

_SIZES: Final = (16, 22, 24, 32, 48, 64, 128, 256)  # pixels; sizes we draw and the theme has
_VERSION: Final = "X-mem0tray-Version"  # the key that says that an entry is ours
_ICONS: Final = "X-mem0tray-Icons"  # digests of the icons that were put there with it
_FOLDERS: Final = "X-mem0tray-Folders"  # folders below the data folder that were made for it
_ENTRY: Final = {
    "Type": "Application",
    "Name": APP,
    "GenericName": "Memory Delivery",
    "GenericName[fr]": "Envoi des souvenirs",
    "Comment": "Brings every memory from Claude Code to your Mem0 server",
    "Comment[fr]": "Transmet chaque souvenir de Claude Code à votre serveur Mem0",
    "Icon": APP,
    "Terminal": "false",
    "StartupNotify": "false",
    "StartupWMClass": APP,
    "Categories": "Utility;",
    "Keywords": "memory;memories;Claude;Mem0;tray;",
    "Keywords[fr]": "souvenir;souvenirs;Claude;Mem0;",
    "Actions": "status;",
    "X-GNOME-UsesNotifications": "true",
}
_STATUS: Final = {"Name": "Show status", "Name[fr]": "Afficher l’état"}


@dataclass(frozen=True, slots=True)
class EntryState:
    """The state of the entry: PLACED, MISSING, STALE or THEIRS; `where` it is, or is to be."""

    name: str
    where: Path


class ApplicationEntry:
    """The entry that starts `words`, and the icons, below the folder `data`.

    `shared` are the system's data folders: an entry of ours that a package has put there is enough.
    """

    def __init__(self, words: Sequence[str], data: Path, shared: Sequence[Path] = ()) -> None:
        self._words = tuple(words)
        self._data = data
        self._path = data / "applications" / f"{APP}.desktop"
        self._shared = [folder / "applications" / f"{APP}.desktop" for folder in shared]

    def state(self) -> EntryState:
        """The state of the entry; reads one small file. Never raises."""
        found = _own(self._path)
        if found is not None:
            words = command_line.without_shell(entry.words(found.get("Exec", "")))
            right = found[_VERSION] == __version__ and words and not programs.obstacle(words[0])
            return EntryState(PLACED if right else STALE, self._path)
        for each in (self._path, *self._shared):
            if os.path.lexists(each):
                return EntryState(THEIRS, each)
        return EntryState(MISSING, self._path)

    def mend(self) -> None:
        """Put the entry there if it is missing or stale. Raises FileUnavailableError."""
        if self.state().name in {MISSING, STALE}:
            self.put()

    def put(self) -> None:
        """Put icons and entry in place; the entry then starts this installation.

        Lines that the user has added stay. A file that is not ours is not overwritten.
        Raises FileUnavailableError.
        """
        if self.state().name == THEIRS:
            return
        old = _own(self._path) or {}
        folders = dict.fromkeys([*_listed(old, _FOLDERS), *self._missing_folders()])
        private_folders.make_private_folder(self._path.parent)  # without it no icon is of any use
        for path, content in self._icons():
            if not os.path.lexists(path) or _is_ours(path, content, old):
                self._write(path, content)
        with suppress(OSError):
            os.utime(self._theme)  # else GTK trusts an older cache of the theme
        marks = {
            _VERSION: __version__,
            _ICONS: ";".join(_digest(content) for _, content in self._icons()),
            _FOLDERS: ";".join(folders),
        }
        self._write(self._path, self._text(marks, old).encode("utf-8", "surrogateescape"))

    def obstacle(self) -> str:
        """The folder into which nothing can be put; empty if there is none."""
        for path in (self._path, *(icon for icon, _ in self._icons())):
            folder = next(each for each in path.parents if os.path.lexists(each))
            if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
                return str(folder)
        return ""

    def has_icon(self) -> bool:
        """Whether other programs find our icon by its name."""
        path, content = list(self._icons())[-1]
        return _is_ours(path, content, {})

    def remove(self) -> list[Path]:
        """Remove what is ours, and folders made for it if empty; return the files removed.

        Raises FileUnavailableError.
        """
        old = _own(self._path)
        ours = [path for path, content in self._icons() if _is_ours(path, content, old or {})]
        if old is not None:
            ours.append(self._path)
        for path in ours:
            try:
                path.unlink()
            except OSError as error:
                raise atomic.unavailable(path, error) from error
        known = set(self._folders())
        for name in sorted(_listed(old or {}, _FOLDERS), key=len, reverse=True):
            with suppress(OSError):  # somebody else has put something there
                if name in known:
                    (self._data / name).rmdir()
        return ours

    @property
    def _theme(self) -> Path:
        return self._data / "icons" / "hicolor"

    def _icons(self) -> Iterator[tuple[Path, bytes]]:
        """Each icon's place, and the bytes that belong there; the largest icon comes last."""
        for size in _SIZES:
            place = self._theme / f"{size}x{size}" / "apps" / f"{APP}.png"
            yield place, icon_file(f"healthy-{size}.png").read_bytes()

    def _folders(self) -> list[str]:
        """The folders that it needs below the data folder, relative to that."""
        found = {
            folder.relative_to(self._data).as_posix()
            for path in (self._path, *(icon for icon, _ in self._icons()))
            for folder in path.parents
            if folder != self._data and folder.is_relative_to(self._data)
        }
        return sorted(found)

    def _missing_folders(self) -> list[str]:
        return [name for name in self._folders() if not os.path.lexists(self._data / name)]

    def _text(self, marks: Mapping[str, str], old: Mapping[str, str]) -> str:
        lines = {**_ENTRY, **entry.start_lines(self._words), **marks}
        lines |= {key: value for key, value in old.items() if key not in lines}
        action = {**_STATUS, "Exec": entry.start_lines((*self._words, "report"))["Exec"]}
        groups = {"Desktop Entry": lines, "Desktop Action status": action}
        return "\n".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in group.items())
            for name, group in groups.items()
        )

    def _write(self, path: Path, content: bytes) -> None:
        private_folders.make_private_folder(path.parent)
        atomic.replace(path, content, durable=False)


def for_this_system() -> ApplicationEntry | None:
    """The entry for this user, started as this process was; None on systems without entries.

    In a Flatpak, the Flatpak's own entry starts it from the menu.
    """
    if sys.platform in ("win32", "darwin") or in_flatpak():
        return None
    from mem0tray.desktop.autostart import command

    words = command.tray(command.Origin.of_this_process(), command.is_program)
    listed = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    shared = [Path(name) for name in listed.split(":") if Path(name).is_absolute()]
    return ApplicationEntry(words, platformdirs.user_data_path(), shared)


def _own(path: Path) -> dict[str, str] | None:
    """The lines of an entry of ours; None if there is none, or it is not ours."""
    try:
        if path.is_symlink():
            return None
        found = entry.fields(plain.read_bytes(path).decode("utf-8", "surrogateescape"))
    except OSError:
        return None
    return found if _VERSION in found else None


def _is_ours(path: Path, content: bytes, old: Mapping[str, str]) -> bool:
    """Whether a file has the content of our icon, now or when the entry `old` was written."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return False
        there = path.read_bytes()
    except OSError:
        return False
    return there == content or _digest(there) in _listed(old, _ICONS)


def _listed(fields: Mapping[str, str], key: str) -> list[str]:
    return [word for word in fields.get(key, "").split(";") if word]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
