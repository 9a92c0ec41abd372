"""Whether something on the desktop shows icons at all (Linux): GNOME does not by itself."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mem0tray.errors import Mem0TrayError
from mem0tray.files import atomic

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
    from gi.repository import Gio, GLib

    question = GLib.Variant("(ss)", (_WATCHER, "IsStatusNotifierHostRegistered"))
    try:
        bus: Any = Gio.bus_get_sync(Gio.BusType.SESSION, None)
        answer = bus.call_sync(
            _WATCHER, _PATH, _PROPERTIES, "Get", question, None, Gio.DBusCallFlags.NO_AUTO_START,
            _ANSWER, None,
        )  # fmt: skip
    except GLib.Error:
        return False
    return bool(answer.unpack()[0])
