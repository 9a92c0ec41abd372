"""Foundation and AppKit, as far as mem0tray, pystray and pyobjc use them; see `kit`."""

import io
import threading
import weakref
from pathlib import Path
from typing import Any, Self, TypeVar

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


class ExitedError(BaseException):
    """Stands for the call of `exit` that AppKit makes: nothing of Python comes after it."""


class OnMain(NSObject):
    """AppKit traps when another thread touches it."""

    _main_alone = True


# The application ------------------------------------------------------------------------------


class NSResponder(OnMain):
    """What hears events."""


class NSEvent(OnMain):
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


# Pictures -------------------------------------------------------------------------------------


class NSImageRep(OnMain):
    """One of the pictures of an image; `_data` is its file's, `_size` in points."""

    _data: bytes
    _size: tuple[float, float]

    def setSize_(self, size: tuple[float, float]) -> None:
        self._size = as_size(size)

    def pixelsWide(self) -> int:
        with Image.open(io.BytesIO(self._data)) as picture:
            return picture.width


class NSBitmapImageRep(NSImageRep):
    """A picture of pixels."""

    @classmethod
    def imageRepWithData_(cls, data: NSData) -> Self:
        made = cls.alloc().init()
        made._data = as_kind(data, NSData)._bytes
        with Image.open(io.BytesIO(made._data)) as picture:
            made._size = as_size(picture.size)
        return made


class NSImage(OnMain):
    """A picture in several densities; `_size` in points."""

    _template = False
    _size = (0.0, 0.0)

    def initWithSize_(self, size: tuple[float, float]) -> Self:
        self._size = as_size(size)
        self._pictures: list[NSImageRep] = []
        return self

    def initWithContentsOfFile_(self, path: str) -> Self | None:
        return self if Path(as_text(path)).is_file() else None

    def addRepresentation_(self, picture: NSImageRep) -> None:
        self._pictures.append(as_kind(picture, NSImageRep))

    def representations(self) -> list[NSImageRep]:
        return list(self._pictures)

    def isTemplate(self) -> bool:
        return self._template

    def setTemplate_(self, template: object) -> None:
        self._template = bool(template)


def as_size(size: tuple[float, float]) -> tuple[float, float]:
    width, height = size
    return float(width), float(height)
