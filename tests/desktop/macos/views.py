"""What AppKit shows: windows, alerts, the menu bar; see `kit`."""

import weakref
from collections.abc import Callable
from typing import Any, Self

from tests.desktop.macos.appkit import NSImage, NSResponder, OnMain, shared
from tests.desktop.macos.runtime import NSObject, act, as_kind, as_text, current, plain


class NSView(NSResponder):
    """Something on the screen."""

    def window(self) -> Any:
        return vars(self).setdefault("_window", NSWindow._made(_visible=True))


class NSControl(NSView):
    """Something to click."""


class NSButton(NSControl):
    """A button; its target and action are the framework's, in an alert."""

    _image: NSImage | None = None

    def performClick_(self, sender: object) -> None:
        del sender
        alert = next(each for each in current.machine.alerts if self in each._buttons)
        alert._end(_value("NSAlertFirstButtonReturn") + alert._buttons.index(self))


NSStatusBarButton = plain("NSStatusBarButton", NSButton)


# Windows --------------------------------------------------------------------------------------


class NSWindow(NSResponder):
    """A window; `_visible` is whether anything of it is seen."""

    _visible = False

    def isVisible(self) -> bool:
        return True  # also when the bar hides a status item

    def occlusionState(self) -> int:
        return int(self._visible) * _value("NSWindowOcclusionStateVisible")

    def center(self) -> None:
        """Do nothing: there is no screen."""

    def makeKeyAndOrderFront_(self, sender: object) -> None:
        del sender
        self._visible = True

    def orderOut_(self, sender: object) -> None:
        del sender
        self._visible = False

    def endSheet_(self, sheet: "NSWindow") -> None:
        alert = next(each for each in current.machine.alerts if each._window is sheet)
        alert._end(_value("NSModalResponseStop"))


NSPanel = plain("NSPanel", NSWindow)


class NSAlert(OnMain):
    """A question; its buttons are in the order of their responses."""

    def addButtonWithTitle_(self, title: str) -> NSButton:
        buttons: list[NSButton] = vars(self).setdefault("_buttons", [])
        key = "" if buttons else "\r"
        made = {"_title": as_text(title), "_keyEquivalent": key, "_hasDestructiveAction": False}
        buttons.append(NSButton._made(**made))
        return buttons[-1]

    def beginSheetModalForWindow_completionHandler_(
        self, window: NSWindow, handler: Callable[[int], None]
    ) -> None:
        # A panel is gone while another program is in front, unless told.
        if not window._visible or vars(window).get("_hidesOnDeactivate", True):
            raise ValueError(current.machine.fault("the sheet of a window that is not there"))
        self._parent, self._handler, self._window = window, handler, NSWindow._made()
        current.machine.alerts.append(self)

    def _end(self, response: int) -> None:
        current.machine.alerts.remove(self)
        self._handler(response)


def _value(name: str) -> int:
    return int(current.machine.names.values[name])


# The menu bar ---------------------------------------------------------------------------------


class NSMenuItem(OnMain):
    """A line of a menu."""

    _title = ""
    _separator = False
    _submenu: Any = None
    _state = 0
    _enabled = True

    @classmethod
    def separatorItem(cls) -> "NSMenuItem":
        return cls._made(_separator=True)


class NSMenu(OnMain):
    """A menu; `_items` are its lines."""

    def initWithTitle_(self, title: str) -> Self:
        self._title = as_text(title)
        self._items: list[NSMenuItem] = []
        return self

    def setDelegate_(self, delegate: Any) -> None:
        """Tell one when it opens and closes; it is not kept alive by that."""
        self._told = weakref.ref(delegate)

    def delegate(self) -> Any:
        return self._told() if "_told" in vars(self) else None

    def numberOfItems(self) -> int:
        return len(self._items)

    def itemAtIndex_(self, place: int) -> NSMenuItem:
        return self._items[place]

    def performActionForItemAtIndex_(self, place: int) -> None:
        item = self._items[place]
        act(item._target, item._action, item)

    def addItem_(self, item: NSMenuItem) -> None:
        self._items.append(as_kind("NSMenuItem", item))

    def removeAllItems(self) -> None:
        self._items.clear()


NSStatusItem = plain("NSStatusItem", OnMain)


class NSStatusBar(OnMain):
    """The right end of the menu bar."""

    @classmethod
    def systemStatusBar(cls) -> "NSStatusBar":
        return shared(cls)

    def statusItemWithLength_(self, length: float) -> Any:
        del length
        item = NSStatusItem._made(_button=NSStatusBarButton._made())
        vars(self).setdefault("_items", []).append(item)
        return item

    def removeStatusItem_(self, item: NSObject) -> None:
        vars(self)["_items"].remove(item)
