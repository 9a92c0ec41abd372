"""A notification with a *Restore* button (Linux), where the daemon shows buttons.

plyer cannot hear what is clicked. PyGObject can, and is there wherever the
tray is: its main loop, which the tray runs, hands us the click.
"""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from mem0tray.desktop.notify.backends import (
    BUS_NAME,
    BUS_PATH,
    NotForThisError,
    UnavailableError,
    escaped,
    fitted,
)
from mem0tray.desktop.notify.notice import Notice, Offer
from mem0tray.system.paths import APP

_KEY: Final = "restore"
_PATIENCE: Final = 5_000  # milliseconds for one answer of the daemon
_REMEMBERED: Final = 8
_DEFAULT_TIME: Final = -1


class RestoreButton:
    """Shows what can be restored, with a button that calls `restore`.

    `restore` is called on a thread of its own, as it may wait for the worker.
    """

    name = "PyGObject"

    def __init__(self, restore: Callable[[], None]) -> None:
        self._restore = restore
        self._ids: deque[int] = deque(maxlen=_REMEMBERED)
        self._bus: Any = None
        self._showing = threading.Lock()

    def show(self, notice: Notice) -> None:
        """Show it; NotForThisError when nothing can be restored, or no button is shown."""
        button = next((each for each in notice.buttons if each.offer is Offer.RESTORE), None)
        if button is None:
            raise NotForThisError
        try:
            from gi.repository import Gio, GLib
        except ImportError as error:
            raise UnavailableError("PyGObject is not installed") from error
        bus = self._bus or Gio.bus_get_sync(Gio.BusType.SESSION, None)
        (capabilities,) = self._call(bus, "GetCapabilities", None)
        if "actions" not in capabilities:
            raise NotForThisError
        if self._bus is None:
            bus.signal_subscribe(
                BUS_NAME, BUS_NAME, "ActionInvoked", BUS_PATH, None, Gio.DBusSignalFlags.NONE,
                self._clicked,
            )  # fmt: skip
            self._bus = bus
        title, body = fitted(notice)
        body = escaped(body) if "body-markup" in capabilities else body
        hints = {"desktop-entry": GLib.Variant("s", APP)}
        actions = [_KEY, button.label]
        values = (APP, 0, "", title, body, actions, hints, _DEFAULT_TIME)
        with self._showing:
            (number,) = self._call(bus, "Notify", GLib.Variant("(susssasa{sv}i)", values))
            self._ids.append(number)

    @staticmethod
    def _call(bus: Any, method: str, values: Any) -> Any:
        answer = bus.call_sync(
            BUS_NAME, BUS_PATH, BUS_NAME, method, values, None, 0, _PATIENCE, None
        )
        return answer.unpack()

    def _clicked(self, *signal: Any) -> None:
        """The daemon tells of a click; the last argument holds notification and button."""
        number, key = signal[-1].unpack()
        if key == _KEY:
            answer = partial(self._answer, number)
            threading.Thread(target=answer, name="mem0tray-restore", daemon=True).start()

    def _answer(self, number: int) -> None:
        with self._showing:  # a quick click comes before the number of what was shown
            if number not in self._ids:
                return
            self._ids.remove(number)
        self._restore()
