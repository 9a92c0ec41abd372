"""The icon on Linux: pystray's, as a StatusNotifierItem with a menu, over the session bus.

It needs no system package, and no connection to a display, whose end would end the icon. A panel
that comes, or comes back, gets the icon.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from PIL import Image

from mem0tray.core.text import lines
from mem0tray.desktop.bus import DBUS, BusError, Match
from mem0tray.desktop.bus.session_bus import SessionBus
from mem0tray.desktop.opener import TOKEN
from mem0tray.desktop.tray import dbus_menu, status_notifier
from mem0tray.desktop.tray.dbus_menu import DBusMenu
from mem0tray.desktop.tray.panel_check import WATCHER, WATCHER_PATH
from mem0tray.desktop.tray.status_notifier import ItemCalls, ItemFace, StatusNotifierItem
from mem0tray.system.threads import Bell

_TOOLTIP: Final = 2_000  # characters
# Some panels read an icon before they listen to its signals (XFCE's, now and then): they are
# told again, so many seconds after they learnt of the icon, what has changed.
_AGAIN: Final = 3.0
# A starting panel has its name before it listens to its own list (LXQt's): told at once, it
# showed no icon in one start of fourteen. So many seconds later all listen.
_LISTENS: Final = 0.5
_log: Final = logging.getLogger(__name__)


def icon_class(library: Any, bus: SessionBus) -> Callable[..., Any]:
    """Pystray's class for this system; it shows itself over `bus`."""
    made = type("LinuxIcon", (_BusIcon, library.Icon), {"separator": library.Menu.SEPARATOR})
    return partial(made, bus)


class _BusIcon:
    """What a system must implement for pystray's `Icon`.

    `icon` is one picture, or the same one in several sizes. Callbacks run on the thread that
    called `run`, the main one.
    """

    # Of pystray's class.
    name: str
    title: str
    icon: Image.Image | Sequence[Image.Image]
    menu: Any
    visible: bool
    _visible: bool
    _icon_valid: bool
    _mark_ready: Callable[[], None]
    separator: Any

    def __init__(self, bus: SessionBus, *arguments: Any) -> None:
        self._bus = bus
        self._work: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._bell: Bell | None = None
        self._ended = False
        self._attention = False
        self._drawing = threading.Lock()
        self._bus_name = f"{status_notifier.INTERFACE}-{os.getpid()}-1"
        self.menu_there = DBusMenu(bus, self._hand_over)
        super().__init__(*arguments)
        self._face = ItemFace(self.name)
        calls = ItemCalls(partial(self._hand_over, self), self._take_token)  # type: ignore[arg-type]
        self._item = StatusNotifierItem(self._face, calls)
        bus.export(dbus_menu.PATH, self.menu_there)
        bus.export(status_notifier.PATH, self._item)
        owner = Match(DBUS, "NameOwnerChanged", sender=DBUS, first=WATCHER)
        bus.subscribe(owner, self._watcher_changed)
        bus.on_connected(self._register_soon)

    @property
    def attention(self) -> bool:
        """Whether the icon asks for the user's attention."""
        return self._attention

    @attention.setter
    def attention(self, wanted: bool) -> None:
        self._attention = wanted
        self._update_status()

    def stop(self) -> None:
        """End `run`, even one that has not begun."""
        self._ended = True
        super().stop()  # type: ignore[misc]  # pystray's

    # What pystray asks for ---------------------------------------------------------------------

    def _run(self) -> None:
        with Bell() as bell:
            self._bell = bell
            self._mark_ready()
            while not self._ended:
                bell.wait(None)
                self._do_what_waits()
        self.visible = False

    def _stop(self) -> None:
        if self._bell is not None:
            self._bell.set()

    def _show(self) -> None:
        # Set before, as pystray only does so when this returns: changes in between would be
        # shown neither now nor then.
        self._visible = True
        self._update_icon()
        self._update_title()
        self._bus.request_name(self._bus_name)
        self._update_status(shown=True)
        with suppress(BusError):  # the icon is shown when the bus is back
            self._bus.connect()
        self._register()

    def _hide(self) -> None:
        self._update_status(shown=False)
        self._bus.release_name(self._bus_name)

    def _update_icon(self) -> None:
        with self._drawing:  # the last picture set is shown last, whichever thread is slower
            pictures = [self.icon] if isinstance(self.icon, Image.Image) else self.icon
            self._face.pixmaps = status_notifier.of_pictures(pictures)
            self._icon_valid = True
        self._says("NewIcon")
        if self._attention:
            self._says("NewAttentionIcon")

    def _update_title(self) -> None:
        with self._drawing:
            self._face.tooltip = lines(self.title)[:_TOOLTIP]
        self._says("NewToolTip")

    def _update_menu(self) -> None:
        try:
            self.menu_there.show(self.menu, self.separator, self._chosen)
        except Exception:  # noqa: BLE001  (if a menu's callables raise, the last menu stays)
            _log.exception("The menu could not be shown")

    # -------------------------------------------------------------------------------------------

    def _update_status(self, *, shown: bool | None = None) -> None:
        if shown is None:
            shown = self._face.status != status_notifier.PASSIVE
        active = status_notifier.NEEDS_ATTENTION if self._attention else status_notifier.ACTIVE
        status = active if shown else status_notifier.PASSIVE
        if status != self._face.status:
            self._face.status = status
            self._says("NewStatus", "s", [status])

    def _says(self, signal: str, signature: str = "", body: Sequence[Any] = ()) -> None:
        self._bus.emit(status_notifier.PATH, status_notifier.INTERFACE, signal, signature, body)

    def _watcher_changed(self, names: list[Any]) -> None:
        """A name on the bus has changed owners: the name, the former owner, the present one."""
        if names[2]:
            self._register_soon()

    def _register_soon(self) -> None:
        self._bus.later(_LISTENS, self._register)

    def _register(self) -> None:
        """Tell the keeper of the panels' list of icons; a later one is told when it comes."""
        if self._face.status != status_notifier.PASSIVE:
            self._bus.tell(
                WATCHER, WATCHER_PATH, WATCHER, "RegisterStatusNotifierItem", "s", [self._bus_name]
            )
            self._bus.later(_AGAIN, self._say_again)

    def _say_again(self) -> None:
        for signal in ("NewIcon", "NewAttentionIcon", "NewToolTip"):
            self._says(signal)
        self._says("NewStatus", "s", [self._face.status])

    # Clicks ------------------------------------------------------------------------------------

    def _chosen(self, item: Any) -> None:
        item(self)
        self._update_menu()  # the panel has changed the tick itself

    def _take_token(self, token: str) -> None:
        self._hand_over(lambda: os.environ.__setitem__(TOKEN, token))

    def _hand_over(self, work: Callable[[], object]) -> None:
        """Have the main thread do it: the bus's thread may not wait."""
        self._work.put(work)
        if self._bell is not None:
            self._bell.set()

    def _do_what_waits(self) -> None:
        with suppress(queue.Empty):
            while True:
                work = self._work.get_nowait()
                try:
                    work()
                except Exception:  # noqa: BLE001  (a click must not end all later ones)
                    _log.exception("A click was not carried out")
