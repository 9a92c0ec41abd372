"""The icon on Linux: pystray's, as a StatusNotifierItem over the bus, without a display."""

import logging
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from dbus_fast import Message
from dbus_fast.service import ServiceInterface
from PIL import Image

from mem0tray.core.text import lines
from mem0tray.desktop.bus import (
    DBUS,
    SIMILAR,
    UNANSWERED,
    BusError,
    Match,
    SessionBus,
    constant,
    method,
)
from mem0tray.desktop.session import TOKEN, WATCHER, WATCHER_PATH
from mem0tray.desktop.tray import dbus_menu
from mem0tray.desktop.tray.dbus_menu import DBusMenu
from mem0tray.system.threads import Bell

INTERFACE: Final = "org.kde.StatusNotifierItem"
PATH: Final = "/StatusNotifierItem"
ACTIVE: Final = "Active"
PASSIVE: Final = "Passive"
NEEDS_ATTENTION: Final = "NeedsAttention"
Pixmap = list[int | bytes]  # width, height, the bytes (ARGB) row by row
_TOOLTIP: Final = 2_000  # characters
# Some panels read an icon before they listen to its signals (XFCE's, now and then): so many
# seconds after they learnt of the icon, the signals are sent again.
_AGAIN: Final = 3.0
# A starting panel has its name before it listens to its own list (LXQt's): one start of fourteen
# showed no icon. So many seconds later all listen.
_LISTENS: Final = 0.5
_PYSTRAY: Any = object  # stands for pystray's class, which is a base too
_log: Final = logging.getLogger(__name__)


def _title(tooltip: str) -> str:
    return tooltip.partition("\n")[0]


class StatusNotifierItem(ServiceInterface):
    """The icon as panels ask for it. Whoever changes it emits the item's signals.

    `tooltip` has lines, the first of which is its title. `activate` and `token` (the right to bring
    to the front what a click opens) are called on the bus's thread, and must return at once.
    """

    def __init__(
        self, name: str, activate: Callable[[], object], token: Callable[[str], object]
    ) -> None:
        super().__init__(INTERFACE)
        self.shown_name = name
        self.tooltip = ""
        self.status = PASSIVE
        self.pixmaps: list[Pixmap] = []
        self._activate = activate
        self._token = token

    Category = constant("Category", "s", lambda _: "ApplicationStatus")
    Id = constant("Id", "s", lambda item: item.shown_name)
    Title = constant("Title", "s", lambda item: item.shown_name)
    Status = constant("Status", "s", lambda item: item.status)
    WindowId = constant("WindowId", "i", lambda _: 0)
    IconName = constant("IconName", "s", lambda _: "")  # a picture of its own, not the theme's
    IconThemePath = constant("IconThemePath", "s", lambda _: "")
    IconPixmap = constant("IconPixmap", "a(iiay)", lambda item: item.pixmaps)
    IconAccessibleDesc = constant("IconAccessibleDesc", "s", lambda item: _title(item.tooltip))
    OverlayIconName = constant("OverlayIconName", "s", lambda _: "")
    OverlayIconPixmap = constant("OverlayIconPixmap", "a(iiay)", lambda _: [])
    AttentionIconName = constant("AttentionIconName", "s", lambda _: "")
    AttentionIconPixmap = constant(
        "AttentionIconPixmap",
        "a(iiay)",
        lambda item: item.pixmaps if item.status == NEEDS_ATTENTION else [],
    )
    AttentionAccessibleDesc = constant(
        "AttentionAccessibleDesc", "s", lambda item: _title(item.tooltip)
    )
    AttentionMovieName = constant("AttentionMovieName", "s", lambda _: "")
    ToolTip = constant(  # a picture (none), its title, and its text
        "ToolTip",
        "(sa(iiay)ss)",
        lambda item: ["", [], *item.tooltip.translate(SIMILAR).partition("\n")[::2]],
    )
    ItemIsMenu = constant("ItemIsMenu", "b", lambda _: False)  # a left click opens the window
    Menu = constant("Menu", "o", lambda _: dbus_menu.PATH)

    @method("i", "i")
    def Activate(self, x: int, y: int) -> None:  # noqa: ARG002  (the panel sends them)
        self._activate()

    @method("i", "i")
    def SecondaryActivate(self, x: int, y: int) -> None:  # noqa: ARG002
        """Do the same for a middle click."""
        self._activate()

    @method("s")
    def ProvideXdgActivationToken(self, token: str) -> None:
        self._token(token)


def icon_class(library: Any, bus: SessionBus) -> Callable[..., Any]:
    """Pystray's class for this system; it shows itself over `bus`."""
    made = type("LinuxIcon", (_BusIcon, library.Icon), {"separator": library.Menu.SEPARATOR})
    return partial(made, bus)


class _BusIcon(_PYSTRAY):  # type: ignore[misc]  # pystray has no types
    """The system's part of pystray's `Icon`; `icon` is one picture in several sizes."""

    def __init__(self, bus: SessionBus, *arguments: Any) -> None:
        self._bus = bus
        self._work: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._bell: Bell | None = None
        self._ended = False
        self.attention = False
        self._drawing = threading.Lock()
        self._bus_name = f"{INTERFACE}-{os.getpid()}-1"
        self.menu_there = DBusMenu(bus, self._hand_over)
        super().__init__(*arguments)
        self._item = StatusNotifierItem(
            self.name,
            lambda: self._hand_over(self),  # which does what the default line does
            lambda token: self._hand_over(lambda: os.environ.update({TOKEN: token})),
        )
        bus.export(dbus_menu.PATH, self.menu_there)
        bus.export(PATH, self._item)
        owner = Match(DBUS, "NameOwnerChanged", sender=DBUS, first=WATCHER)
        bus.subscribe(owner, lambda names: self._register_soon() if names[2] else None)
        bus.on_connected(self._register_soon)

    def stop(self) -> None:
        """End `run`, even one that has not begun."""
        self._ended = True
        super().stop()

    def _run(self) -> None:
        with Bell() as bell:
            self._bell = bell
            self._mark_ready()
            while not self._ended:
                bell.wait(None)
                while not self._work.empty():
                    try:
                        self._work.get()()
                    except Exception:  # noqa: BLE001  (a click must not end all later ones)
                        _log.exception("A click was not carried out")
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
        with suppress(BusError):  # the icon is shown when the bus is back
            self._bus.connect()
        self._register()

    def _hide(self) -> None:
        self._visible = False
        self._update_status()
        self._bus.release_name(self._bus_name)

    def _update_icon(self) -> None:
        with self._drawing:  # the last picture set is shown last, whichever thread is slower
            self._item.pixmaps = [[each.width, each.height, _argb(each)] for each in self.icon]
            self._icon_valid = True
        self._emit("NewIcon")
        if self.attention:
            self._emit("NewAttentionIcon")
        self._update_status()

    def _update_title(self) -> None:
        with self._drawing:
            self._item.tooltip = lines(self.title)[:_TOOLTIP]
        self._emit("NewToolTip")

    def _update_menu(self) -> None:
        try:
            self.menu_there.show(self.menu, self.separator, self._chosen)
        except Exception:  # noqa: BLE001  (if a menu's callables raise, the last menu stays)
            _log.exception("The menu could not be shown")

    def _update_status(self) -> None:
        active = NEEDS_ATTENTION if self.attention else ACTIVE
        status = active if self._visible else PASSIVE
        if status != self._item.status:
            self._item.status = status
            self._emit("NewStatus", "s", status)

    def _emit(self, signal: str, signature: str = "", *body: object) -> None:
        self._bus.send(Message.new_signal(PATH, INTERFACE, signal, signature, list(body)))

    def _register_soon(self) -> None:
        self._bus.later(_LISTENS, self._register)

    def _register(self) -> None:
        if self._item.status != PASSIVE:
            what = (WATCHER, WATCHER_PATH, WATCHER, "RegisterStatusNotifierItem")
            name = [self._bus_name]
            self._bus.send(Message(*what, signature="s", body=name, flags=UNANSWERED))
            self._bus.later(_AGAIN, self._emit_again)

    def _emit_again(self) -> None:
        for signal in ("NewIcon", "NewAttentionIcon", "NewToolTip"):
            self._emit(signal)
        self._emit("NewStatus", "s", self._item.status)

    def _chosen(self, item: Any) -> None:
        item(self)
        self._update_menu()  # the panel has changed the tick itself

    def _hand_over(self, work: Callable[[], object]) -> None:
        """Leave it to the main thread: the bus's thread may not wait."""
        self._work.put(work)
        if self._bell is not None:
            self._bell.set()


def _argb(picture: Image.Image) -> bytes:
    red, green, blue, alpha = picture.split()
    return Image.merge("RGBA", (alpha, red, green, blue)).tobytes()
