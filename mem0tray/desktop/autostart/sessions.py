"""Whether a login here is one to a desktop, which starts the entries of autostart folders (Linux).

A shell over ssh on a desktop machine is no desktop, but the user's next login at its screen is; so
we ask which sessions there are, and whether the computer shows a login screen.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mem0tray.desktop.session import names_display
from mem0tray.system import programs

_GRAPHICAL: Final = {"x11", "wayland", "mir"}
# Of whichever greeter is installed: systemd's alias, and Debian's own note.
_GREETERS: Final = ("etc/systemd/system/display-manager.service", "etc/X11/default-display-manager")
_SESSIONS: Final = ("usr/share/xsessions", "usr/share/wayland-sessions")


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
