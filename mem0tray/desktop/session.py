"""The desktop session that this process is in, and what it offers."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from mem0tray.desktop.bus import SessionBus  # slow, and the terminal does without

_CORE_GRAPHICS: Final = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"
# Of whichever greeter is installed: systemd's alias, and Debian's own note.
_GREETERS: Final = ("etc/systemd/system/display-manager.service", "etc/X11/default-display-manager")
_SESSIONS: Final = ("usr/share/xsessions", "usr/share/wayland-sessions")
_FLATPAK: Final = Path("/.flatpak-info")
STATUS_NOTIFIER: Final = "StatusNotifierItem"
XEMBED: Final = "XEmbed"
WATCHER: Final = "org.kde.StatusNotifierWatcher"
WATCHER_PATH: Final = "/StatusNotifierWatcher"
_ANSWER: Final = 2.0  # seconds for a panel


def missing() -> str:
    """Say why no tray can be shown here; empty when nothing is missing."""
    bus, why = connected()
    if bus is not None:
        bus.close()
    return why


def connected() -> "tuple[SessionBus | None, str]":
    """The bus over which an icon is shown (Linux), or why no icon can be shown."""
    if sys.platform == "win32":
        return None, ""
    if sys.platform == "darwin":
        return None, "" if at_screen() else "There is no desktop here (no login at the screen)."
    if not names_display(os.environ):
        return None, "There is no desktop here (no DISPLAY)."
    from mem0tray.desktop.bus import BusError, SessionBus

    bus = SessionBus(bus_address())
    try:
        bus.connect()
    except BusError as error:
        bus.close()
        return None, error.message
    return bus, ""


def bus_address(environ: Mapping[str, str] = os.environ) -> str:
    """The address of the session bus (Linux), without asking the bus; empty where there is none."""
    if named := environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return named
    socket = Path(environ.get("XDG_RUNTIME_DIR") or "/nonexistent", "bus")
    return f"unix:path={quote(str(socket))}" if socket.exists() else ""


def in_flatpak() -> bool:
    """Return whether this is a Flatpak, which sees nothing of the session's bus but the portal."""
    return _FLATPAK.exists()


def at_screen() -> bool:
    """Return whether this process belongs to a login at the screen (macOS).

    Over ssh it does not, nor if launchd starts it without a user: AppKit would then end the
    process, or wait for ever.
    """
    import ctypes

    session = ctypes.CDLL(_CORE_GRAPHICS).CGSessionCopyCurrentDictionary
    session.restype = ctypes.c_void_p
    return bool(session())


def names_display(environ: Mapping[str, str]) -> bool:
    """Return whether the environment names a display (Linux)."""
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def is_desktop(environ: Mapping[str, str]) -> bool:
    """Return whether this process is part of a desktop of this computer (Linux).

    A display that ssh forwards belongs to another computer; and Windows shows the windows of its
    Linux (WSL) without a session that would start anything.
    """
    if not names_display(environ):
        return False
    if environ.get("SSH_CONNECTION") and not environ.get("WAYLAND_DISPLAY"):
        return environ.get("DISPLAY", "").startswith(":")
    return not environ.get("WSL_DISTRO_NAME") or bool(environ.get("XDG_CURRENT_DESKTOP"))


def has_desktop(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Return whether the user logs in to a desktop here, now or the next time (Linux).

    A shell over ssh is no desktop, but a login screen shows that the next login may be one.
    """
    greets = any(os.path.lexists(root / each) for each in _GREETERS)
    chosen = any(any((root / each).glob("*.desktop")) for each in _SESSIONS)
    return is_desktop(environ) or (greets and chosen)


def nests_menus(environ: Mapping[str, str]) -> bool:
    """Return whether a submenu of ours may have submenus; GNOME leaves these out."""
    return "gnome" not in environ.get("XDG_CURRENT_DESKTOP", "").lower().split(":")


# Panels (Linux) ----------------------------------------------------------------------------


def shown_by(bus: "SessionBus") -> str:
    """The way by which icons reach a panel now; empty when nothing shows icons."""
    if _has_notifier_host(bus):
        return STATUS_NOTIFIER
    return XEMBED if _has_xembed_tray() else ""


def _has_notifier_host(bus: "SessionBus") -> bool:
    from mem0tray.desktop.bus import PROPERTIES, BusError

    question = [WATCHER, "IsStatusNotifierHostRegistered"]
    try:
        (found,) = bus.call(
            WATCHER, WATCHER_PATH, PROPERTIES, "Get", "ss", question, _ANSWER, starts=False
        )
    except BusError:
        return False
    return bool(found)


def _has_xembed_tray() -> bool:
    """Return whether a program owns the tray's selection on the default screen."""
    if not os.environ.get("DISPLAY"):
        return False
    from Xlib import X
    from Xlib import display as displays
    from Xlib.error import DisplayError, XError

    try:
        display = displays.Display()
    except (DisplayError, OSError):
        return False
    try:
        tray = display.intern_atom(f"_NET_SYSTEM_TRAY_S{display.get_default_screen()}")
        return bool(display.get_selection_owner(tray) != X.NONE)
    except (DisplayError, XError, OSError):
        return False
    finally:
        display.close()
