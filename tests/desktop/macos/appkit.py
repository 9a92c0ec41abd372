"""Foundation and AppKit, as far as mem0tray, pystray and pyobjc use them; see `kit`."""

import io
import threading
import weakref
from pathlib import Path
from typing import Any, Self, TypeVar

from PIL import Image

from tests.desktop.macos.runtime import NSObject, as_kind, as_text, current, plain, responds

One = TypeVar("One", bound=NSObject)


NSAutoreleasePool = plain("NSAutoreleasePool")


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
        as_text(reason)
        activity = NSObject._made(_options=int(options))  # which goes on while somebody holds it
        vars(self).setdefault("_activities", weakref.WeakSet()).add(activity)
        return activity


class NSData(NSObject):
    """Bytes. pyobjc makes one of anything like bytes."""

    def __new__(cls, value: bytes = b"") -> Self:
        return cls.dataWithBytes_length_(value, len(value))

    @classmethod
    def dataWithBytes_length_(cls, value: bytes, length: int) -> Self:
        return cls._made(_bytes=bytes(memoryview(value))[:length])


def shared(owner: type[One]) -> One:
    kept: One = current.machine.shared.setdefault(owner.__name__, owner.alloc().init())
    return kept


class ExitedError(BaseException):
    """Stands for the call of `exit` that AppKit makes: nothing of Python comes after it."""


class OnMain(NSObject):
    """AppKit traps when another thread touches it."""

    _main_alone = True


# The application ------------------------------------------------------------------------------


class NSResponder(OnMain):
    """What hears events."""


NSEvent = plain("NSEvent", OnMain)


class NSApplication(NSResponder):
    """The application and its loop."""

    @classmethod
    def sharedApplication(cls) -> "NSApplication":
        return shared(cls)

    def stop_(self, sender: object) -> None:
        del sender
        self._stopped = True

    def run(self) -> None:
        self._stopped = False
        machine = current.machine
        while not (self._stopped and machine.shared.pop("event", None)):
            machine.turn()

    def postEvent_atStart_(self, event: Any, first: object) -> None:
        del first
        kind = as_kind("NSEvent", event)._type
        if kind != current.machine.names.values["NSEventTypeApplicationDefined"]:
            raise ValueError(current.machine.fault(f"an event of type {kind} is made otherwise"))
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
    """One of the pictures of an image; `_data` is that of its file, `_size` in points."""

    def pixelsWide(self) -> int:
        with Image.open(io.BytesIO(self._data._bytes)) as picture:
            return picture.width


NSBitmapImageRep = plain("NSBitmapImageRep", NSImageRep)


class NSImage(OnMain):
    """A picture in several densities; `_size` in points."""

    def initWithContentsOfFile_(self, path: str) -> Self | None:
        return self if Path(as_text(path)).is_file() else None

    def addRepresentation_(self, picture: NSImageRep) -> None:
        pictures = vars(self).setdefault("_representations", [])
        pictures.append(as_kind("NSImageRep", picture))
