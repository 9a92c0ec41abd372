"""Whether anything on the desktop shows icons (Linux): GNOME by itself does not.

Our icon reaches a panel over the session's bus, as a StatusNotifierItem. Older panels take
windows in (XEmbed), by a selection of the X server: see `desktop.tray.xembed`.
"""

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.bus import DBUS, PROPERTIES, BusError, Match, SessionBus
from mem0tray.desktop.tray.xembed import OlderPanel
from mem0tray.files import atomic

STATUS_NOTIFIER: Final = "StatusNotifierItem"
XEMBED: Final = "XEmbed"
LOOKS: Final = (1.0, 5.0, 20.0, 60.0)  # seconds; after a login a panel may come late
WATCHER: Final = "org.kde.StatusNotifierWatcher"
WATCHER_PATH: Final = "/StatusNotifierWatcher"
_STAYS: Final = 10  # stays in older panels: one that throws us out again is not tried for ever
_REPORTED: Final = b"The user knows that no panel shows the icon.\n"
_ANSWER: Final = 2.0  # seconds


class PanelWatch:
    """Brings the icon into an older panel where there is no other.

    Calls `report` once, and never again on this computer (the file `reported`), if no panel shows
    icons. A panel that takes the icon over the bus gets it by itself, whenever it comes.
    """

    def __init__(
        self, reported: Path, report: Callable[[], None], bus: SessionBus, older: OlderPanel
    ) -> None:
        self._reported = reported
        self._report = report
        self._bus = bus
        self._older = older
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mem0tray-host", daemon=True)
        leave = lambda _: older.leave()  # noqa: E731  (another panel has come)
        bus.subscribe(Match(WATCHER, "StatusNotifierHostRegistered"), leave)
        bus.subscribe(Match(DBUS, "NameOwnerChanged", sender=DBUS, first=WATCHER), leave)

    def start(self, looks: Sequence[float] = LOOKS) -> None:
        """Look so many seconds after the start, and after each end of an older panel."""
        self._looks = looks
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        self._older.leave()

    def _run(self) -> None:
        for _ in range(_STAYS):
            found = self._found()
            if found != XEMBED or self._stopping.is_set():
                break
            self._older.stay()
        else:
            found = ""
        if not found and not self._stopping.is_set() and not self._reported.exists():
            self._report()
            with suppress(Mem0TrayError):  # it is then reported again next time
                atomic.replace(self._reported, _REPORTED)

    def _found(self) -> str:
        """What shows icons, as soon as something does; empty when nothing has come."""
        before = 0.0
        for at in self._looks:
            if self._stopping.wait(at - before):
                break
            before = at
            if found := shown_by(self._bus):
                return found
        return ""


def shown_by(bus: SessionBus, asks: Callable[[str], None] = lambda _: None) -> str:
    """The way by which icons reach a panel now; empty when nothing shows icons.

    `asks` is told what will be asked next, as a display may hang.
    """
    asks("the panel")
    if _has_notifier_host(bus):
        return STATUS_NOTIFIER
    asks(f"the display {os.environ.get('DISPLAY', '')}")
    return XEMBED if _has_xembed_tray() else ""


def _has_notifier_host(bus: SessionBus) -> bool:
    question = [WATCHER, "IsStatusNotifierHostRegistered"]
    try:
        (found,) = bus.call(
            WATCHER, WATCHER_PATH, PROPERTIES, "Get", "ss", question, _ANSWER, starts=False
        )
    except BusError:
        return False
    return bool(found)


def _has_xembed_tray() -> bool:
    """Whether a program owns the tray's selection on the default screen."""
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
