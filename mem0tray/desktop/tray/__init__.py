"""The tray: icon, badge, menu, and what they show."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mem0tray.core.state import ACTION_NEEDED, STARTING
from mem0tray.desktop.notify import clipped
from mem0tray.desktop.tray import icon as icons
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.desktop.tray.menu import SEPARATOR, MenuCommand, MenuEntry, identity

if TYPE_CHECKING:
    from PIL.Image import Image

    from mem0tray.desktop.bus import SessionBus

NAME: Final = "mem0tray"
_ON_MACOS: Final = 44  # pixels, for 22 points
_ON_LINUX: Final = (16, 22, 24, 32, 44, 48, 64)  # pixels; for panels, also at twice the density
_ON_WINDOWS: Final = (16, 20, 24, 32, 40, 48, 64)  # pixels; for the taskbar, at each density
_NEEDED: Final = icons.BASES[ACTION_NEEDED]
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
        self._library: Any = pystray(ours=bus is not None)
        self._icon: Any = _icon_class(self._library, bus)(NAME, self._image(), NAME)

    def run(
        self,
        ready: Callable[[], None],
        ends: Callable[[], None],
        opened: Callable[[], object] = lambda: None,
    ) -> None:
        """Show the icon until `stop`; `ready` is called once the icon can be changed.

        `opened` is called when the user opens the menu (on Linux), and must return at once.

        `ends` is called if the system itself ends the process, as at a log-out on Windows and
        macOS: then this may never return.
        """

        def set_up(_: Any) -> None:
            ready()
            self._set("visible", True)  # noqa: FBT003  (a value like others)

        if self._bus is not None:
            self._icon.menu_there.at_open = opened
        else:
            self._icon.at_end = ends
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
        """Set the menu. An open one is mended on Linux, and else replaced once it is closed."""
        self._set("menu", self._library.Menu(*map(self._item, entries)))

    def _image(self) -> "Image | tuple[Image, ...]":
        """One picture (macOS), or the same one in each size that panels may want."""
        if self._bus is not None:
            return tuple(icons.compose(self._look, size) for size in _ON_LINUX)
        if sys.platform == "darwin":
            return icons.compose(self._look, _ON_MACOS)
        return tuple(icons.compose(self._look, size) for size in _ON_WINDOWS)

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


def pystray(*, ours: bool) -> Any:
    """Pystray; `ours`: without its own backend, which would look for a display."""
    os.environ.pop(_BACKEND, None)
    if ours:
        os.environ[_BACKEND] = "dummy"
    import pystray as library

    os.environ.pop(_BACKEND, None)
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
