"""The icon on Linux: its menu changes while it is open, and nothing waits for other programs."""

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any


def icon_class(library: Any) -> Any:
    """Pystray's class, with two things done in another way.

    A menu whose attribute `shape` equals that of the last one is changed in
    place, also while the user has it open: pystray would build another, and the
    open one would close.

    At start and end nothing is asked of the notification daemon: pystray would
    have it describe itself and take back a notification that was never shown,
    25 seconds each with one that hangs, and an exception at the end where there
    is none. It would also give SIGINT back to the system.
    """

    class LinuxIcon(_SavedByName, library.Icon):  # type: ignore[misc]  # chosen by the library when it runs
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._menu_handle: Any = None  # pystray shows one line until there is a menu
            self._shape: object = None
            self._meanings: dict[Any, Any] = {}  # by widget
            self._mending = False

        def _initialize(self) -> None:
            self._notifier = _Notifier()
            self._mark_ready()

        def _update_menu(self) -> None:
            from gi.repository import GLib

            GLib.idle_add(_guarded, self, self._set_menu)

        def _set_menu(self) -> None:
            menu = self.menu
            if self._shape != menu.shape:
                self._menu_handle = self._create_menu(menu)
                self._appindicator.set_menu(self._menu_handle)
                self._shape = menu.shape
            pairs = zip(_widgets(self._menu_handle), _lines(library, menu), strict=True)
            self._meanings = dict(pairs)
            self._mending = True  # to GTK a tick that is set is a click
            try:
                for widget, meaning in self._meanings.items():
                    _mend(widget, meaning)
            finally:
                self._mending = False

        def _handler(self, callback: Any) -> Any:
            def activated(widget: Any) -> None:
                if not self._mending:
                    self._meanings.get(widget, callback)(self)
                    self.update_menu()  # the click has changed the tick by itself

            return activated

    return LinuxIcon


class _SavedByName:
    """The panel's file: where pystray names the format, Pillow loads four others first (2 MB)."""

    icon: Any

    def _update_fs_icon(self) -> None:
        handle, self._icon_path = tempfile.mkstemp(".png")
        os.close(handle)
        self.icon.save(self._icon_path)
        self._icon_valid = True


def _guarded(icon: Any, set_menu: Callable[[], None]) -> None:
    """Set the menu, unless there is none yet or the icon is gone already."""
    if icon.menu is not None and hasattr(icon, "_appindicator"):
        set_menu()


def _widgets(menu: Any) -> Iterator[Any]:
    """Every line that can be read, those of submenus after the line that opens them."""
    for widget in menu.get_children():
        if widget.get_label():
            yield widget
        below = widget.get_submenu()
        if below is not None:
            yield from _widgets(below)


def _lines(library: Any, menu: Any) -> Iterator[Any]:
    """Every line of pystray's menu, in the order of `_widgets`."""
    for line in menu:
        if line is not library.Menu.SEPARATOR:
            yield line
        if line.submenu:
            yield from _lines(library, line.submenu)


def _mend(widget: Any, line: Any) -> None:
    if widget.get_label() != line.text:
        widget.set_label(line.text)
    widget.set_sensitive(line.enabled)
    if line.checked is not None:
        widget.set_active(line.checked)


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
