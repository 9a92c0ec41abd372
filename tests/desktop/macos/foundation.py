"""Foundation, as far as mem0tray, pystray and pyobjc's own helpers use it; see `kit`."""

import threading
import weakref
from typing import Any, Self, TypeVar

from tests.desktop.macos.runtime import NSObject, current

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
        self._attributes = attributes._values
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
