"""What AppKit shows: windows, alerts, the menu bar; see `kit`."""

import weakref
from collections.abc import Callable
from typing import Any, Self

from tests.desktop.macos.appkit import (
    NSImage,
    NSResponder,
    OnMain,
    as_kind,
    as_size,
    as_text,
    shared,
)
from tests.desktop.macos.runtime import act, current


class NSView(NSResponder):
    """Something on the screen."""

    _tooltip: str | None = None
    _said: str | None = None  # by VoiceOver

    def setToolTip_(self, text: str | None) -> None:
        self._tooltip = None if text is None else as_text(text)

    def setAccessibilityLabel_(self, text: str | None) -> None:
        self._said = None if text is None else as_text(text)

    def accessibilityLabel(self) -> str | None:
        return self._said

    def window(self) -> "NSWindow":
        if "_window" not in vars(self):
            self._window = NSWindow.alloc().init()
            self._window._visible = True
        return self._window


class NSControl(NSView):
    """Something to click."""


class NSButton(NSControl):
    """A button; its target and action are the framework's, in an alert."""

    _image: NSImage | None = None
    _title = ""
    _key = ""
    _destructive = False

    def setImage_(self, image: NSImage | None) -> None:
        self._image = as_kind(image, NSImage, None)

    def image(self) -> NSImage | None:
        return self._image

    def hasDestructiveAction(self) -> bool:
        return self._destructive

    def performClick_(self, sender: object) -> None:
        del sender
        alert = next(each for each in current.machine.alerts if self in each._buttons)
        alert._end(_value("NSAlertFirstButtonReturn") + alert._buttons.index(self))

    def setKeyEquivalent_(self, key: str) -> None:
        self._key = as_text(key)

    def setHasDestructiveAction_(self, destructive: object) -> None:
        self._destructive = bool(destructive)


class NSStatusBarButton(NSButton):
    """That of a status item."""


# Windows --------------------------------------------------------------------------------------


class NSWindow(NSResponder):
    """A window; `_visible` is whether anything of it is seen."""

    _visible = False
    _level = 0
    _hides = False
    _style = 0

    def isVisible(self) -> bool:
        return True  # also when the bar hides a status item

    def occlusionState(self) -> int:
        return int(self._visible) * int(_value("NSWindowOcclusionStateVisible"))

    def setLevel_(self, level: int) -> None:
        self._level = int(level)

    def setHidesOnDeactivate_(self, hides: object) -> None:
        self._hides = bool(hides)

    def center(self) -> None:
        """Do nothing: there is no screen."""

    def makeKeyAndOrderFront_(self, sender: object) -> None:
        del sender
        self._visible = True

    def orderOut_(self, sender: object) -> None:
        del sender
        self._visible = False

    def endSheet_(self, sheet: "NSWindow") -> None:
        alert = next(each for each in current.machine.alerts if each._sheet is sheet)
        alert._end(_value("NSModalResponseStop"))


class NSPanel(NSWindow):
    """A window beside others; it is gone while another program is in front, unless told."""

    _hides = True

    def initWithContentRect_styleMask_backing_defer_(
        self, frame: Any, style: int, backing: int, defer: object
    ) -> Self:
        place, size = frame
        as_size(place), as_size(size), int(backing), bool(defer)
        self._style = int(style)
        return self


class NSAlert(OnMain):
    """A question; its buttons are in the order of their responses."""

    _style = 0
    _icon: NSImage | None = None
    _text = _more = ""
    _sheet: NSWindow | None = None

    def setMessageText_(self, text: str) -> None:
        self._text = as_text(text)

    def setInformativeText_(self, text: str) -> None:
        self._more = as_text(text)

    def setAlertStyle_(self, style: int) -> None:
        self._style = int(style)

    def setIcon_(self, icon: NSImage | None) -> None:
        self._icon = as_kind(icon, NSImage, None)

    def addButtonWithTitle_(self, title: str) -> NSButton:
        made: NSButton = NSButton.alloc().init()
        made._title = as_text(title)
        buttons = vars(self).setdefault("_buttons", [])
        made._key = "" if buttons else "\r"
        buttons.append(made)
        return made

    def buttons(self) -> list[NSButton]:
        return list(self._buttons)

    def window(self) -> NSWindow | None:
        return self._sheet

    def beginSheetModalForWindow_completionHandler_(
        self, window: NSWindow, handler: Callable[[int], None]
    ) -> None:
        if not as_kind(window, NSWindow)._visible or window._hides:
            raise ValueError(current.machine.fault("the sheet of a window that is not there"))
        self._parent, self._handler, self._sheet = window, handler, NSWindow.alloc().init()
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
    _target: Any = None
    _state = 0
    _enabled = True
    _represented: object = None

    @classmethod
    def separatorItem(cls) -> "NSMenuItem":
        made = cls.alloc().init()
        made._separator = True
        return made

    def initWithTitle_action_keyEquivalent_(self, title: str, action: object, key: str) -> Self:
        self._title = as_text(title)
        self._action = _action(action)
        as_text(key)
        return self

    def title(self) -> str:
        return self._title

    def submenu(self) -> Any:
        return self._submenu

    def setTitle_(self, title: str) -> None:
        self._title = as_text(title)

    def setSubmenu_(self, menu: "NSMenu") -> None:
        as_kind(menu, NSMenu)
        self._submenu = menu

    def setTarget_(self, target: Any) -> None:
        self._target = target

    def setRepresentedObject_(self, represented: object) -> None:
        self._represented = represented

    def representedObject(self) -> object:
        return self._represented

    def setState_(self, state: int) -> None:
        self._state = int(state)

    def setEnabled_(self, enabled: object) -> None:
        self._enabled = bool(enabled)


class NSMenu(OnMain):
    """A menu; `_items` are its lines."""

    _enables = True
    _delegate: Any = None

    def initWithTitle_(self, title: str) -> Self:
        self._title = as_text(title)
        self._items: list[NSMenuItem] = []
        return self

    def setDelegate_(self, delegate: Any) -> None:
        """Tell one when it opens and closes; it is not kept alive by that."""
        self._delegate = weakref.ref(delegate)

    def delegate(self) -> Any:
        return self._delegate()

    def numberOfItems(self) -> int:
        return len(self._items)

    def itemAtIndex_(self, place: int) -> NSMenuItem:
        return self._items[place]

    def performActionForItemAtIndex_(self, place: int) -> None:
        item = self._items[place]
        action: Any = item._action
        act(item._target, action, item)

    def setAutoenablesItems_(self, enables: object) -> None:
        self._enables = bool(enables)

    def addItem_(self, item: NSMenuItem) -> None:
        as_kind(item, NSMenuItem)
        self._items.append(item)

    def removeAllItems(self) -> None:
        self._items.clear()


class NSStatusItem(OnMain):
    """A place in the menu bar."""

    _menu: NSMenu | None = None

    def button(self) -> NSStatusBarButton:
        if "_button" not in vars(self):
            self._button = NSStatusBarButton.alloc().init()
        return self._button

    def setAutosaveName_(self, name: str) -> None:
        self._name = as_text(name)

    def menu(self) -> NSMenu | None:
        return self._menu

    def setMenu_(self, menu: NSMenu | None) -> None:
        as_kind(menu, NSMenu, None)
        self._menu = menu


class NSStatusBar(OnMain):
    """The right end of the menu bar."""

    @classmethod
    def systemStatusBar(cls) -> "NSStatusBar":
        return shared(cls)

    def statusItemWithLength_(self, length: float) -> NSStatusItem:
        del length
        item: NSStatusItem = NSStatusItem.alloc().init()
        vars(self).setdefault("_items", []).append(item)
        return item

    def removeStatusItem_(self, item: NSStatusItem) -> None:
        vars(self)["_items"].remove(item)


def _action(value: object) -> object:
    return as_kind(value.encode("ascii") if isinstance(value, str) else value, bytes, None)
