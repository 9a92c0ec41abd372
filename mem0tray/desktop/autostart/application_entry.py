"""Our desktop entry and icons in the user's folders (Linux).

Through them the applications menu starts us, a desktop keeps our notifications in its history, and
dialogs of other programs show our icon. An entry of our name without our key stays as it is.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import platformdirs

from mem0tray import __version__
from mem0tray.desktop.autostart import command, unlink, xdg
from mem0tray.desktop.notify.backends import in_flatpak
from mem0tray.desktop.tray.icon import icon_file
from mem0tray.files import atomic, private_folders
from mem0tray.system import programs, regular_file
from mem0tray.system.paths import APP

PLACED: Final = "placed"
MISSING: Final = "missing"
STALE: Final = "stale"  # ours, but its program is not there, or of another version
THEIRS: Final = "theirs"  # of that name, but not ours

_SIZES: Final = (16, 22, 24, 32, 48, 64, 128, 256)  # pixels; sizes we draw and the theme has
_VERSION: Final = "X-mem0tray-Version"  # the key that says that an entry is ours
_ENTRY: Final = {
    "Type": "Application",
    "Name": APP,
    "GenericName": "Memory Delivery",
    "GenericName[fr]": "Envoi des souvenirs",
    "Comment": xdg.COMMENT,
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
    _VERSION: __version__,
}
_STATUS: Final = "[Desktop Action status]\nName=Show status\nName[fr]=Afficher l’état\nExec="


class ApplicationEntry:
    """The entry that starts `words`, and the icons, below the folder `data`."""

    def __init__(self, words: Sequence[str], data: Path) -> None:
        self._words = tuple(words)
        self._data = data
        self.path = data / "applications" / f"{APP}.desktop"

    def state(self) -> str:
        """The state of the entry: PLACED, MISSING, STALE or THEIRS. Never raises."""
        if not os.path.lexists(self.path):
            return MISSING
        found = self._fields()
        if _VERSION not in found:
            return THEIRS
        words = command.words(found.get("Exec", ""))
        right = found[_VERSION] == __version__ and words and not programs.obstacle(words[0])
        return PLACED if right else STALE

    def mend(self) -> None:
        """Put the entry there if it is missing or stale. Raises Mem0TrayError."""
        if self.state() in {MISSING, STALE}:
            self.put()

    def put(self) -> None:
        """Put icons and entry in place; the entry then starts this installation.

        Lines that the user has added stay. A file that is not ours is not overwritten.
        Raises Mem0TrayError.
        """
        if self.state() == THEIRS:
            return
        lines = self._fields() | _ENTRY
        program = xdg.start_lines(self._words)
        for key in ("Exec", "TryExec"):
            lines.pop(key, None)
        text = "".join(f"{key}={value}\n" for key, value in lines.items())
        status = f"{_STATUS}{command.quoted((*self._words, 'report'))}\n"
        for size, path in zip(_SIZES, self._icons(), strict=True):
            _write(path, icon_file(f"healthy-{size}.png").read_bytes())
        with suppress(OSError):
            os.utime(self._theme)  # else GTK trusts an older cache of the theme
        _write(self.path, f"[{xdg.GROUP}]\n{text}{program}\n{status}".encode())

    def remove(self) -> list[Path]:
        """Remove what is ours, and folders left empty; return the files removed.

        Raises FileUnavailableError.
        """
        if self.state() == THEIRS:
            return []
        ours = [path for path in (*self._icons(), self.path) if os.path.lexists(path)]
        for path in ours:
            unlink(path)
            for folder in path.relative_to(self._data).parents[:-1]:
                private_folders.drop_empty(self._data / folder)
        return ours

    @property
    def _theme(self) -> Path:
        return self._data / "icons" / "hicolor"

    def _icons(self) -> list[Path]:
        return [self._theme / f"{size}x{size}" / "apps" / f"{APP}.png" for size in _SIZES]

    def _fields(self) -> dict[str, str]:
        """The lines of the entry; none of a link, which is not ours."""
        with suppress(OSError):
            if not self.path.is_symlink():
                return command.fields(regular_file.read_bytes(self.path), xdg.GROUP)
        return {}


def for_this_system() -> ApplicationEntry | None:
    """The entry for this user, started as this process was; None on systems without entries.

    In a Flatpak, the Flatpak's own entry starts it from the menu.
    """
    if sys.platform in ("win32", "darwin") or in_flatpak():
        return None
    words = command.of_this_process().tray()
    return ApplicationEntry(words, platformdirs.user_data_path())


def _write(path: Path, content: bytes) -> None:
    private_folders.make_private_folder(path.parent)
    atomic.replace(path, content, durable=False)
