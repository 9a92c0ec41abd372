"""Foundation and AppKit, as far as mem0tray, pystray and pyobjc use them; see `kit`."""

import io
import threading
import weakref
from typing import Any, Final, Self, TypeVar

from PIL import Image

from tests.desktop.macos.runtime import NSObject, current, responds

One = TypeVar("One", bound=NSObject)


class NSAutoreleasePool(NSObject):
    """Frees what was made."""


class NSThread(NSObject):
    """A thread."""

    @classmethod
    def isMainThread(cls) -> bool:
        return threading.get_ident() == current.machine.main


class NSProcessInfo(NSObject):
    """What macOS knows of the process; `_activities` are what it is to be kept awake for."""

    @classmethod
    def processInfo(cls) -> "NSProcessInfo":
        return shared(cls)

    def beginActivityWithOptions_reason_(self, options: int, reason: str) -> object:
        begun = (int(options), as_text(reason))
        vars(self).setdefault("_activities", weakref.WeakSet()).add(activity := Activity(begun))
        return activity


class Activity:
    """What keeps an activity going as long as somebody holds it."""

    def __init__(self, begun: tuple[int, str]) -> None:
        self.options, self.reason = begun


class NSData(NSObject):
    """Bytes. pyobjc makes one of anything like bytes."""

    _bytes = b""

    def __new__(cls, value: bytes = b"") -> Self:
        return cls.dataWithBytes_length_(value, len(value))

    @classmethod
    def dataWithBytes_length_(cls, value: bytes, length: int) -> Self:
        made = cls.alloc().init()
        made._bytes = bytes(memoryview(value))[:length]
        return made


class NSDictionary(NSObject):
    """A mapping."""

    def initWithObjectsAndKeys_(self, *pairs: object) -> Self:
        self._values = dict(zip(pairs[1::2], pairs[::2], strict=True))
        return self


class NSAttributedString(NSObject):
    """A text with a look."""

    def initWithString_attributes_(self, text: str, attributes: NSDictionary) -> Self:
        self._text = as_text(text)
        del attributes
        return self


def as_text(value: object) -> str:
    """A text, which pyobjc makes an NSString of; nothing else is one, and no lone surrogate."""
    if not isinstance(value, str):
        raise TypeError(current.machine.fault(f"{value!r} is no text"))
    try:
        value.encode("utf-16")
    except UnicodeEncodeError:
        raise ValueError(current.machine.fault(f"{value!r} is no Unicode")) from None
    return value


def shared(owner: type[One]) -> One:
    kept: One = current.machine.shared.setdefault(owner.__name__, owner.alloc().init())
    return kept


def as_kind(value: Any, *kinds: type | None) -> Any:
    """The value, if it is an object of one of the classes, or None where that is among them."""
    if not isinstance(value, tuple(type(None) if kind is None else kind for kind in kinds)):
        raise TypeError(current.machine.fault(f"{value!r} is of another class"))
    return value


_THICKNESS: Final = 24.0  # points, of a menu bar today
_MOST: Final = 2**63 - 1


class ExitedError(BaseException):
    """Stands for the call of `exit` that AppKit makes: nothing of Python comes after it."""


class _OnMain(NSObject):
    """AppKit traps when another thread touches it."""

    _main_alone = True


# The application ------------------------------------------------------------------------------


class NSResponder(_OnMain):
    """What hears events."""


class NSEvent(_OnMain):
    """An event."""

    @classmethod
    def otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_(  # noqa: E501  (Apple's)
        cls,
        kind: int,
        place: Any,
        flags: int,
        when: float,
        window: int,
        context: object,
        subtype: int,
        first: int,
        second: int,
    ) -> Self:
        del flags, when, window, context, subtype, first, second
        if kind != current.machine.names.values["NSEventTypeApplicationDefined"]:
            raise ValueError(current.machine.fault(f"an event of type {kind} is made otherwise"))
        float(place.x), float(place.y)
        return cls.alloc().init()


class NSApplication(NSResponder):
    """The application and its loop."""

    _delegate: Any = None
    _stopped = False
    _policy: int | None = None

    @classmethod
    def sharedApplication(cls) -> "NSApplication":
        return shared(cls)

    def setActivationPolicy_(self, policy: int) -> bool:
        self._policy = int(policy)
        return True

    def setDelegate_(self, delegate: Any) -> None:
        """Tell one of what happens; it is not kept alive by that."""
        self._delegate = delegate

    def run(self) -> None:
        self._stopped = False
        machine = current.machine
        while not (self._stopped and machine.shared.pop("event", None)):
            machine.turn()

    def stop_(self, sender: object) -> None:
        del sender
        self._stopped = True

    def postEvent_atStart_(self, event: NSEvent, first: object) -> None:
        del first
        as_kind(event, NSEvent)
        current.machine.waiting.put(lambda: current.machine.shared.update(event=event))

    def terminate_(self, sender: object) -> None:
        """End the process: AppKit calls `exit`, and `run` never returns."""
        del sender
        will = responds(self._delegate, "applicationWillTerminate:")
        if will is not None:
            will(None)
        current.machine.at_exit()
        raise ExitedError


# AppKit: what is seen -------------------------------------------------------------------------


class NSFont(_OnMain):
    """A typeface in a size."""

    _size: float

    @classmethod
    def boldSystemFontOfSize_(cls, size: float) -> "NSFont":
        return cls.menuFontOfSize_(size)

    @classmethod
    def menuFontOfSize_(cls, size: float) -> "NSFont":
        made = cls.alloc().init()
        made._size = float(size) or 13.0
        return made

    def pointSize(self) -> float:
        return self._size


class NSImage(_OnMain):
    """A picture; `_data` is the file's, `_size` in points."""

    _template = False

    def initWithData_(self, data: NSData) -> Self:
        self._data = as_kind(data, NSData)._bytes
        with Image.open(io.BytesIO(self._data)) as picture:
            self._size = (float(picture.width), float(picture.height))
        return self

    def size(self) -> tuple[float, float]:
        return self._size

    def setSize_(self, size: tuple[float, float]) -> None:
        width, height = size
        self._size = (float(width), float(height))

    def setTemplate_(self, template: object) -> None:
        self._template = bool(template)


class NSView(NSResponder):
    """Something on the screen."""

    _hidden = False
    _tooltip: str | None = None

    def setHidden_(self, hidden: object) -> None:
        self._hidden = bool(hidden)

    def setToolTip_(self, text: str | None) -> None:
        self._tooltip = None if text is None else as_text(text)


class NSControl(NSView):
    """Something to click."""

    _target: Any = None
    _action: object = None

    def setTarget_(self, target: Any) -> None:
        self._target = target

    def setAction_(self, action: object) -> None:
        self._action = _action(action)


class NSButton(NSControl):
    """A button."""

    _image: NSImage | None = None

    def setImage_(self, image: NSImage | None) -> None:
        as_kind(image, NSImage, None)
        self._image = image


class NSStatusBarButton(NSButton):
    """That of a status item."""

    _hidden = False


class NSMenuItem(_OnMain):
    """A line of a menu."""

    _title = ""
    _separator = False
    _submenu: Any = None
    _target: Any = None
    _bold = False
    _state = 0
    _enabled = True
    _tag = 0
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

    def setSubmenu_(self, menu: "NSMenu") -> None:
        as_kind(menu, NSMenu)
        self._submenu = menu

    def setAction_(self, action: object) -> None:
        self._action = _action(action)

    def setTarget_(self, target: Any) -> None:
        self._target = target

    def setTag_(self, tag: int) -> None:
        if not 0 <= tag <= _MOST:
            raise ValueError(current.machine.fault(f"{tag} is no NSInteger"))
        self._tag = tag

    def tag(self) -> int:
        return self._tag

    def setRepresentedObject_(self, represented: object) -> None:
        self._represented = represented

    def representedObject(self) -> object:
        return self._represented

    def setState_(self, state: int) -> None:
        self._state = int(state)

    def setEnabled_(self, enabled: object) -> None:
        self._enabled = bool(enabled)

    def setAttributedTitle_(self, title: NSAttributedString) -> None:
        self._title = title._text
        self._bold = True


class NSMenu(_OnMain):
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

    def setAutoenablesItems_(self, enables: object) -> None:
        self._enables = bool(enables)

    def addItem_(self, item: NSMenuItem) -> None:
        as_kind(item, NSMenuItem)
        self._items.append(item)


class NSStatusItem(_OnMain):
    """A place in the menu bar."""

    _menu: NSMenu | None = None

    def button(self) -> NSStatusBarButton:
        if "_button" not in vars(self):
            self._button = NSStatusBarButton.alloc().init()
        return self._button

    def setMenu_(self, menu: NSMenu | None) -> None:
        as_kind(menu, NSMenu, None)
        self._menu = menu


class NSStatusBar(_OnMain):
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

    def thickness(self) -> float:
        return _THICKNESS


def _action(value: object) -> object:
    return as_kind(value.encode("ascii") if isinstance(value, str) else value, bytes, None)
