"""The tray: icon, tooltip and menu, and what keeps them in step with the worker."""

import logging
import math
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.events import Event
from mem0tray.core.language import Language
from mem0tray.core.state import ACTION_NEEDED, HEALTHY, STARTING
from mem0tray.desktop.notify import clipped
from mem0tray.desktop.tray import icon as icons
from mem0tray.desktop.tray import menu
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.desktop.tray.menu import SEPARATOR, MenuCommand, MenuEntry, View, identity
from mem0tray.system.paths import APP
from mem0tray.system.threads import SYSTEM, Clock

if TYPE_CHECKING:
    from PIL.Image import Image

    from mem0tray.desktop.bus import SessionBus

MENU_EVERY: Final = 0.0 if sys.platform == "darwin" else 10.0  # seconds; there none is replaced
TITLE_EVERY: Final = 1.0
LOOK: Final = 300.0  # seconds between looks when no event comes
_STOP: Final = 2.0
_CALM: Final = (events.Accepted, events.Delivered, events.InBackoff)
_log: Final = logging.getLogger(__name__)
_ON_MACOS: Final = (18, 36)  # pixels, for 18 points
_ON_LINUX: Final = (16, 22, 24, 32, 44, 48, 64)  # pixels; for panels, also at twice the density
_ON_WINDOWS: Final = (16, 20, 24, 32, 40, 48, 64)  # pixels; for the taskbar, at each density
_NEEDED: Final = icons.BASES[ACTION_NEEDED]
_CALM_LOOK: Final = icons.look(HEALTHY, 0, 0)
_BACKEND: Final = "PYSTRAY_BACKEND"
_TOOLTIP: Final = 127  # UTF-16 units that Windows takes; pystray raises at more


class Tray:
    """The icon in the tray; `clicked` is called on the main thread, and `also` with each look."""

    def __init__(
        self,
        clicked: Callable[[MenuCommand], None],
        bus: "SessionBus | None",
        also: Callable[[IconLook], None] = lambda _: None,
    ) -> None:
        self._clicked = clicked
        self._look = icons.look(STARTING, 0, 0)
        self._title = ""
        self._bus = bus
        self._also = also
        self._library: Any = pystray(ours=sys.platform != "win32")
        self._icon: Any = _icon_class(self._library, bus)(APP, self._image(), APP)

    def run(
        self,
        ready: Callable[[], None],
        ends: Callable[[], None],
        opened: Callable[[], object] = lambda: None,
        hidden: Callable[[], object] = lambda: None,
    ) -> None:
        """Show the icon until `stop`; `ready` is called once the icon can be changed.

        `opened`, called as the user opens the menu (not on Windows), must return at once. `ends` is
        called if the system ends the process, as Windows and macOS do: this may then never return.
        `hidden` is called if macOS shows nothing of the icon.
        """

        def set_up(_: Any) -> None:
            ready()
            self._set("visible", True)  # noqa: FBT003  (a value like others)

        if self._bus is not None:
            self._icon.menu_there.at_open = opened
        else:
            self._icon.at_end, self._icon.at_open, self._icon.hidden = ends, opened, hidden
        self._icon.run(setup=set_up)

    def stop(self) -> None:
        self._on_main(self._icon.stop)

    def show_look(self, look: IconLook) -> None:
        if look != self._look:
            self._look = look
            self._set("attention", look.base == _NEEDED)  # counts on Linux alone
            self._set("icon", self._image())
            self._also(look)

    def show_title(self, title: str) -> None:
        if sys.platform == "win32":
            title = clipped(title, _TOOLTIP)
        if title != self._title:
            self._title = title
            self._set("title", title)

    def show_menu(self, entries: tuple[MenuEntry, ...]) -> None:
        """Set the menu. An open one is mended, but on Windows replaced once it is closed."""
        self._set("menu", self._library.Menu(*map(self._item, entries)))

    def _image(self) -> "tuple[Image, ...]":
        if sys.platform == "darwin" and self._bus is None:
            pictures = tuple(icons.compose(self._look, size) for size in _ON_MACOS)
            return tuple(map(icons.stencil, pictures)) if self._look == _CALM_LOOK else pictures
        sizes = _ON_WINDOWS if self._bus is None else _ON_LINUX
        return tuple(icons.compose(self._look, size) for size in sizes)

    def _set(self, name: str, value: object) -> None:
        self._on_main(lambda: setattr(self._icon, name, value))

    @staticmethod
    def _on_main(work: Callable[[], None]) -> None:
        if sys.platform == "darwin":  # AppKit crashes when touched from another thread
            from PyObjCTools import AppHelper

            AppHelper.callAfter(work)
        else:
            work()

    def _item(self, entry: MenuEntry) -> Any:
        library, label = self._library, entry.label
        if entry == SEPARATOR:
            return library.Menu.SEPARATOR
        if sys.platform == "win32":
            label = label.replace("&", "&&")  # a single one underlines the next letter

        def chosen() -> None:
            # A panel may trigger a disabled item.
            if entry.command is not None and entry.enabled:
                self._clicked(entry.command)

        checked = entry.checked
        item = library.MenuItem(
            label,
            library.Menu(*map(self._item, entry.entries)) if entry.entries else chosen,
            checked=None if checked is None else lambda _: checked,
            radio=entry.radio,
            default=entry.default,
            enabled=entry.enabled,
        )
        item.identity = identity(entry)
        return item


class Presenter:
    """Keeps the tray in step with the worker; subscribe it, and `start` it once it can be changed.

    A change of state shows at once, deliveries within a second. A menu with other lines waits ten
    seconds after the last one, unless the user has just clicked: some panels close an open menu.
    Not on macOS, where an open one keeps its lines.
    """

    def __init__(
        self,
        tray: Tray,
        gather: Callable[[], View],
        settings: Callable[[], Settings],
        language: Callable[[], Language],
        *,
        nests: bool = True,
        clock: Clock = SYSTEM,
    ) -> None:
        self._tray = tray
        self._clock = clock
        self._gather = gather
        self._settings = settings
        self._language = language
        self._nests = nests
        self._shown: tuple[MenuEntry, ...] | None = None
        self._guard = threading.Condition()  # guards the rest; times are monotonic
        self._due = -math.inf  # when to look next
        self._menu_due = -math.inf  # from when on a menu with other lines may be shown
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mem0tray-tray", daemon=True)

    def __call__(self, event: Event) -> None:
        self._look_in(TITLE_EVERY if isinstance(event, _CALM) else 0.0)

    def clicked(self) -> None:
        """Show the effects of a click at once: the menu is closed."""
        with self._guard:
            self._menu_due = -math.inf
        self._look_in(0.0)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._look_in(0.0)
        if self._thread.is_alive():
            self._thread.join(_STOP)

    def _look_in(self, seconds: float) -> None:
        with self._guard:
            self._due = min(self._due, self._clock.now() + seconds)
            self._guard.notify()

    def _run(self) -> None:
        while self._waited():
            try:
                self._show()
            except Mem0TrayError:  # the worker says what is wrong with its ledger
                continue
            except Exception:  # noqa: BLE001  (whatever it is: the next look may succeed)
                _log.exception("The tray could not be brought up to date")

    def _waited(self) -> bool:
        with self._guard:
            while not self._stopping and (left := self._due - self._clock.now()) > 0:
                self._clock.wait(self._guard, left)
            self._due = self._clock.now() + LOOK
            return not self._stopping

    def _show(self) -> None:
        view, language, wall = self._gather(), self._language(), self._clock.wall()
        self._tray.show_look(icons.look(view.state, view.dlq, self._settings().alerts.investigate))
        self._tray.show_title(menu.tooltip(view, language, wall))
        entries = menu.build(view, language, wall, nests=self._nests)
        if entries == self._shown:
            return
        mends = self._shown is not None and menu.shape(entries) == menu.shape(self._shown)
        with self._guard:
            now = self._clock.now()
            if not mends and now < self._menu_due:
                self._due = min(self._due, self._menu_due)
                return
            # Nobody has opened the menu that says "starting"; the next one comes in a moment.
            if not mends and view.state != STARTING:
                self._menu_due = now + MENU_EVERY
        self._shown = entries
        self._tray.show_menu(entries)


def pystray(*, ours: bool) -> Any:
    """Pystray; `ours`: without its own backend, which would look for a display."""
    os.environ[_BACKEND] = "dummy" if ours else ""
    import pystray as library

    del os.environ[_BACKEND]
    return library


def _icon_class(library: Any, bus: "SessionBus | None") -> Any:
    if bus is not None:
        from mem0tray.desktop.tray import linux

        return linux.icon_class(library, bus)
    if sys.platform == "darwin":
        from mem0tray.desktop.tray import macos

        return macos.icon_class(library)
    from mem0tray.desktop.tray import windows

    return windows.icon_class(library, windows.user32())
