"""One notification, by plyer's facade, over the session bus (Linux)."""

from collections.abc import Mapping, Sequence
from typing import Any

from dbus_fast import Variant
from plyer.facades import Notification

from mem0tray.desktop.bus.session_bus import SessionBus
from mem0tray.desktop.notify.backends import BUS_NAME, BUS_PATH


class BusNotification(Notification):  # type: ignore[misc]  # plyer has no types
    """plyer's interface, for a daemon that we ask ourselves.

    The daemon gets `patience` seconds. `actions` are keys and labels in turn; `replaces`
    is the number of the notification to replace (0: none). `number` is the daemon's
    for this one, once `notify` has returned; that raises BusError.
    """

    def __init__(
        self, bus: SessionBus, patience: float, actions: Sequence[str] = (), replaces: int = 0
    ) -> None:
        self._bus = bus
        self._patience = patience
        self._actions = list(actions)
        self._replaces = replaces
        self.number = 0

    def _notify(self, **wanted: Any) -> None:
        values = [
            wanted["app_name"],
            self._replaces,
            wanted["app_icon"],
            wanted["title"],
            wanted["message"],
            self._actions,
            _variants(wanted["hints"]),
            1000 * wanted["timeout"],
        ]
        (self.number,) = self._bus.call(
            BUS_NAME, BUS_PATH, BUS_NAME, "Notify", "susssasa{sv}i", values, self._patience
        )


def _variants(hints: Mapping[str, int | str]) -> dict[str, Variant]:
    """Hints in the form of the bus: every number that a daemon takes is a byte."""
    return {
        name: Variant("s", value) if isinstance(value, str) else Variant("y", value)
        for name, value in hints.items()
    }
