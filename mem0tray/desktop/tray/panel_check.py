"""Whether something on the desktop shows icons at all (Linux): GNOME does not by itself.

Two ways lead into a panel: a StatusNotifierItem on the session's bus, and the
older one, a window that the owner of a selection of the X server takes in
(XEmbed); AppIndicator falls back to that one by itself.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop import session
from mem0tray.files import atomic

STATUS_NOTIFIER: Final = "StatusNotifierItem"
XEMBED: Final = "XEmbed"
PATIENCE: Final = 60.0  # seconds after the login in which a panel may come
_WATCHER: Final = "org.kde.StatusNotifierWatcher"
_PATH: Final = "/StatusNotifierWatcher"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_ANSWER: Final = 2_000  # milliseconds


class HostWatch:
    """Tells once, and never again on this computer, that no panel shows the icon.

    A panel that comes later gets the icon by itself.
    """

    def __init__(
        self, told: Path, tell: Callable[[], None], *, is_there: Callable[[], bool] | None = None
    ) -> None:
        self._told = told
        self._tell = tell
        self._is_there = is_there or has_host
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mem0tray-host", daemon=True)

    def start(self, patience: float = PATIENCE) -> None:
        """Look after `patience` seconds."""
        self._patience = patience
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def _run(self) -> None:
        if self._stopping.wait(self._patience) or self._told.exists() or self._is_there():
            return
        self._tell()
        try:
            atomic.replace(self._told, b"The user has been told that no panel shows the icon.\n")
        except Mem0TrayError:
            return  # then it is told once more, next time


def has_host() -> bool:
    """Whether a panel that shows icons is there now."""
    return bool(shown_by())


def shown_by() -> str:
    """The way that an icon goes into a panel now; empty when nothing shows icons."""
    if _has_notifier_host():
        return STATUS_NOTIFIER
    return XEMBED if _has_xembed_tray() else ""


def _has_notifier_host() -> bool:
    from gi.repository import Gio, GLib

    question = GLib.Variant("(ss)", (_WATCHER, "IsStatusNotifierHostRegistered"))
    try:
        bus: Any = session.session_bus(Gio)
        answer = bus.call_sync(
            _WATCHER, _PATH, _PROPERTIES, "Get", question, None, Gio.DBusCallFlags.NO_AUTO_START,
            _ANSWER, None,
        )  # fmt: skip
    except GLib.Error:
        return False
    return bool(answer.unpack()[0])


def _has_xembed_tray() -> bool:
    """Whether somebody owns the selection of the tray on the default screen."""
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
