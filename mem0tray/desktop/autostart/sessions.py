"""Whether a login here is one to a desktop, which starts the entries of autostart folders (Linux).

A shell over ssh on a desktop machine is no desktop, but the user's next login at its screen is; so
we ask which sessions there are, and whether the computer shows a login screen.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.autostart import systemd
from mem0tray.desktop.session import names_display
from mem0tray.system import plain, programs
from mem0tray.system.paths import APP

_GRAPHICAL: Final = {"x11", "wayland", "mir"}
# Of whichever greeter is installed: systemd's alias, and Debian's own note.
_GREETERS: Final = ("etc/systemd/system/display-manager.service", "etc/X11/default-display-manager")
_SESSIONS: Final = ("usr/share/xsessions", "usr/share/wayland-sessions")

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


def has_desktop(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Whether this user logs in to a desktop on this computer, now or the next time."""
    return is_desktop(environ) or _has_graphical_session() or _greets_on_screen(root)


def is_desktop(environ: Mapping[str, str]) -> bool:
    """Whether this process is part of a desktop.

    A display that ssh forwards belongs to another computer; and Windows shows the windows of its
    Linux (WSL) without a session that would start anything.
    """
    if not names_display(environ):
        return False
    if environ.get("SSH_CONNECTION") and not environ.get("WAYLAND_DISPLAY"):
        return environ.get("DISPLAY", "").startswith(":")
    return not environ.get("WSL_DISTRO_NAME") or bool(environ.get("XDG_CURRENT_DESKTOP"))


def desktops(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the desktop that runs; none if unknown."""
    names = [name for name in environ.get("XDG_CURRENT_DESKTOP", "").split(":") if name]
    return names or [name for name, (set_, *_) in _OWN_WAYS.items() if environ.get(set_)]


def unread(names: Iterable[str], settings: Path, command: str) -> Mem0TrayError | None:
    """Return the error that says what starts the command if these desktops start no entries.

    `settings` is the folder of the user's settings.
    """
    for name in _OWN_WAYS.keys() & {name.lower() for name in names}:
        _, file, line = _OWN_WAYS[name]
        path = settings / file
        with suppress(OSError):
            said = plain.read_bytes(path)
            if APP.encode() in said or (b"dex " in said and shutil.which("dex")):
                return None
        if not systemd.is_active(_TARGET):
            return Mem0TrayError(
                Reason("{desktop} starts nothing from autostart folders.", desktop=name),
                Reason(
                    "Add this line to its settings ({path}): {line}",
                    path=path,
                    line=line.format(command),
                ),
            )
    return None


def _has_graphical_session() -> bool:
    """Whether logind knows a graphical session of this user."""
    if not hasattr(os, "getuid"):
        return False
    ids = programs.answer(
        "loginctl", "show-user", str(os.getuid()), "--property=Sessions", "--value"
    )
    return any(_is_graphical(each) for each in (ids or "").split())


def _is_graphical(session: str) -> bool:
    said = programs.answer("loginctl", "show-session", session, "--property=Type", "--value")
    return (said or "").strip() in _GRAPHICAL


def _greets_on_screen(root: Path) -> bool:
    """Whether there are sessions to choose from, and a program that offers them."""
    greets = any(os.path.lexists(root / each) for each in _GREETERS)
    return greets and any(any((root / each).glob("*.desktop")) for each in _SESSIONS)
