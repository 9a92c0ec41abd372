"""The icon on Linux: nothing of it waits for the notification daemon, or takes our signals."""

from typing import Any


def icon_class(library: Any) -> Any:
    """Pystray's class without what it does at start and end.

    It would ask the notification daemon for its properties, and to take back a
    notification that was never shown: 25 seconds each with one that hangs, an
    exception that ends the application where there is none. And it would give
    SIGINT back to the system.
    """

    class Icon(library.Icon):  # type: ignore[misc]  # chosen by the library when it runs
        def _initialize(self) -> None:
            self._notifier = _Notifier()
            self._mark_ready()

    return Icon


class _Notifier:
    """Pystray's own, made when there is something to show. What is shown outlives the icon."""

    def __init__(self) -> None:
        self._theirs: Any = None

    def notify(self, title: str, message: str, icon: str) -> None:
        if self._theirs is None:
            from pystray._util.notify_dbus import Notifier

            self._theirs = Notifier()
        self._theirs.notify(title, message, icon)

    def hide(self) -> None:
        """Called when the icon goes."""
