"""What this desktop can do, looked up in one place, in words for people."""

import os
import sys
from typing import Any, Final

_PACKAGES: Final = "python3-gi gir1.2-ayatanaappindicator3-0.1"
_INDICATORS: Final = ("AyatanaAppIndicator3", "AppIndicator3")


def missing() -> str:
    """Why no tray can be shown here, and what would help; empty when nothing is missing."""
    if sys.platform in ("win32", "darwin"):
        return ""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "There is no desktop here (no DISPLAY)."
    return _missing_library() or _missing_session()


def _missing_library() -> str:
    """Without GTK's indicator pystray would fall back to an icon whose clicks never arrive."""
    install = f"On Debian and Ubuntu: sudo apt-get install {_PACKAGES}"
    try:
        import gi
    except ImportError:
        return f"The tray needs PyGObject, which this Python cannot import. {install}"
    try:
        gi.require_version("Gtk", "3.0")
    except ValueError:
        return f"The tray needs GTK 3. {install}"
    for name in _INDICATORS:
        try:
            gi.require_version(name, "0.1")
        except ValueError:
            continue
        return ""
    return f"The tray needs AppIndicator. {install}"


def _missing_session() -> str:
    from gi.repository import Gio, GLib

    if not _opens_display():
        return f"The display {os.environ.get('DISPLAY', '')} cannot be opened."
    try:
        session_bus(Gio)
    except GLib.Error as error:
        return f"The session's D-Bus does not answer ({error.message})."
    return ""


def _opens_display() -> bool:
    """Open the display for this process.

    The first GTK program on it looks at what OpenGL can do, which brings 25 MB of
    drivers; an icon needs none. Programs opened from its menu must not inherit that.
    """
    before = os.environ.get("GDK_GL")
    os.environ["GDK_GL"] = "disable"
    try:
        from gi.repository import Gtk

        return bool(Gtk.init_check(None)[0])
    finally:
        if before is None:
            del os.environ["GDK_GL"]
        else:
            os.environ["GDK_GL"] = before


def session_bus(gio: Any) -> Any:
    """The connection that all of this process shares; losing it must not end the worker."""
    bus = gio.bus_get_sync(gio.BusType.SESSION, None)
    bus.set_exit_on_close(False)
    return bus
