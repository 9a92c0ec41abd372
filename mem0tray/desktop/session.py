"""What this desktop can do, looked up in one place, in words for people."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

_PACKAGES: Final = "python3-gi gir1.2-ayatanaappindicator3-0.1"
_BUS_PATIENCE: Final = 5.0  # seconds
_INDICATORS: Final = ("AyatanaAppIndicator3", "AppIndicator3")


def missing(asks: Callable[[str], None] = lambda _: None) -> str:
    """Why no tray can be shown here, and what would help; empty when nothing is missing.

    `asks` is told before each step what will be asked next: a display may hang.
    """
    if sys.platform in ("win32", "darwin"):
        return ""
    if not names_display(os.environ):
        return "There is no desktop here (no DISPLAY)."
    return _missing_library() or _missing_session(asks)


def names_display(environ: Mapping[str, str]) -> bool:
    """Whether the environment names a display (Linux)."""
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def _missing_library() -> str:
    """The library that the tray lacks: without an indicator clicks would never arrive."""
    install = f"On Debian and Ubuntu: `sudo apt-get install {_PACKAGES}`."
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


def _missing_session(asks: Callable[[str], None]) -> str:
    """What the session lacks; the bus is asked first, as GTK waits for it without end."""
    from gi.repository import Gio, GLib

    asks("the session's D-Bus")
    try:
        session_bus(Gio)
    except GLib.Error as error:
        return f"The session's D-Bus does not answer ({error.message})."
    asks(f"the display {os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY', '')}")
    if not _opens_display():
        return f"The display {os.environ.get('DISPLAY', '')} cannot be opened."
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
    """The connection that all of this process shares; losing it must not end the worker.

    A bus that takes connections and says nothing must not keep the worker from
    starting: then it raises GLib.Error after a few seconds.
    """
    patience = gio.Cancellable()
    timer = threading.Timer(_BUS_PATIENCE, patience.cancel)
    timer.daemon = True
    timer.start()
    try:
        bus = gio.bus_get_sync(gio.BusType.SESSION, patience)
    finally:
        timer.cancel()
    bus.set_exit_on_close(False)
    return bus
