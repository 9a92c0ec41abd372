"""Objective-C as Python sees it through pyobjc, and no more lenient than that.

A class here answers to the selectors that it has, with as many arguments as they have colons,
on the main thread. A property that macOS has needs no method: what is set (`setTitle:`), or
an object made with (`initWithTitle:`), is kept as `_title`. Everything else raises, and is
remembered as a fault: code that swallows what its libraries raise would hide it.
"""

import inspect
import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import MethodType
from typing import Any, Final, Self

from tests.desktop.macos.names import Names

Work = Callable[[], object]
_OURS: Final = "tests.desktop.macos."  # where the frameworks' classes are


class BadPrototypeError(Exception):
    """A method takes other arguments than its selector has colons."""


@dataclass
class Machine:
    """The Mac: what it knows, its main thread, and what waits for that."""

    names: Names
    main: int = field(default_factory=threading.get_ident)
    faults: list[str] = field(default_factory=list)
    waiting: "queue.SimpleQueue[Work]" = field(default_factory=queue.SimpleQueue)
    shared: dict[str, Any] = field(default_factory=dict)  # of each class the one that all share
    signals: dict[int, Callable[[int], object] | None] = field(default_factory=dict)
    at_exit: Work = lambda: None  # looks at what there is when AppKit calls `exit`
    ready: Callable[[], bool] = lambda: True  # whether whoever sits here may begin
    later: list[Work] = field(default_factory=list)  # what is to be done after a time
    alerts: list[Any] = field(default_factory=list)  # on the screen
    bundle: str | None = None  # the identifier of the process's
    refuses: str = ""  # why it does not show or change what it is asked to
    idle: Iterator[Work] = field(default_factory=lambda: iter(()))  # what is done, when none waits

    def turn(self) -> None:
        """Do one thing on the main thread: what waits there, else what the user does next."""
        idle = next(self.idle, None) if self.waiting.empty() and self.ready() else None
        try:
            (idle or self.waiting.get())()
        except Exception as error:
            self.fault(repr(error))  # pystray would only log it
            raise

    def fault(self, text: str) -> str:
        self.faults.append(text)
        return text


class Current:
    """The Mac that a test has made; there is one at a time."""

    machine: Machine


current: Final = Current()


def _selector(name: str) -> str:
    return name.replace("_", ":")


def _check_arity(function: Callable[..., Any], selector: str) -> None:
    colons, takes = selector.count(":"), len(inspect.signature(function).parameters) - 1
    if takes != colons:
        raise BadPrototypeError(
            f"{selector} has {colons} arguments, {function.__qualname__} takes {takes}"
        )


class ObjCClass(type):
    """Makes selectors of methods; of a class and of its objects alike."""

    def __new__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> type:
        # The frameworks' own answer in one way alone; a subclass of ours has Python's means too.
        framework = space["__module__"].startswith(_OURS)
        for key, value in [*space.items()]:
            function = value.__func__ if isinstance(value, classmethod) else value
            if key.startswith("_") or not inspect.isfunction(function):
                continue
            if framework or key.endswith("_"):
                _check_arity(function, _selector(key))
            if framework:
                wrapped = _answering(function, _selector(key))
                space[key] = classmethod(wrapped) if isinstance(value, classmethod) else wrapped
        return super().__new__(cls, name, bases, space)

    def __getattr__(cls, name: str) -> Any:
        """Make an object, and keep what it is made of: `setWithArray:`."""
        _, made, labels = name.partition("With")
        if not made or not cls.has(name):
            raise _unknown(cls, name)
        return MethodType(_keeping(labels, lambda _: cls.alloc().init(), name), cls)

    def has(cls, name: str) -> bool:
        """Whether macOS has this selector."""
        known = current.machine.names.has(cls.lineage, _selector(name))
        return known and not name.startswith("_")

    @property
    def lineage(cls) -> Iterator[str]:
        return (each.__name__ for each in cls.__mro__ if isinstance(each, ObjCClass))


def _unknown(owner: ObjCClass, name: str) -> AttributeError:
    text = f"{owner.__name__} has no selector {_selector(name)}"
    if name.startswith("_"):
        return AttributeError(text)  # Python asks for some
    if owner.has(name):
        text = f"{owner.__name__} has {_selector(name)}, which nothing here stands in for"
    return AttributeError(current.machine.fault(text))


def _answering(function: Callable[..., Any], selector: str) -> Callable[..., Any]:
    colons = selector.count(":")

    def answer(self: Any, *arguments: Any) -> Any:
        owner: Any = self if isinstance(self, type) else type(self)
        if len(arguments) != colons:
            text = f"{owner.__name__} {selector} needs {colons} arguments, got {len(arguments)}"
            raise TypeError(current.machine.fault(text))
        if owner._main_alone and threading.get_ident() != current.machine.main:
            text = f"{owner.__name__} {selector} was called beside the main thread"
            raise RuntimeError(current.machine.fault(text))
        return function(self, *arguments)

    answer.__name__ = function.__name__
    return answer


def as_text(value: object) -> str:
    """A text, which pyobjc makes an NSString of; nothing else is one, and no lone surrogate."""
    if not isinstance(value, str):
        raise TypeError(current.machine.fault(f"{value!r} is no text"))
    try:
        value.encode("utf-16")
    except UnicodeEncodeError:
        raise ValueError(current.machine.fault(f"{value!r} is no Unicode")) from None
    return value


def as_kind(kind: str, value: Any) -> Any:
    """The value, if it is an object of the class."""
    if not isinstance(type(value), ObjCClass) or kind not in type(value).lineage:
        raise TypeError(current.machine.fault(f"{value!r} is no {kind}"))
    return value


_TEXTS: Final = {
    *("title", "messageText", "informativeText", "toolTip", "accessibilityLabel", "autosaveName"),
    *("keyEquivalent", "action", "body", "identifier", "categoryIdentifier"),
}
_OBJECTS: Final = {
    "image": "NSImage",
    "icon": "NSImage",
    "submenu": "NSMenu",
    "data": "NSData",
    "content": "UNNotificationContent",
    "notificationCategories": "NSSet",
}


def _keeping(labels: str, owner: Callable[[Any], Any], name: str) -> Callable[..., Any]:
    """A method that keeps its arguments under their labels, and returns the owner of these."""

    def keep(self: Any, *values: Any) -> Any:
        made = owner(self)
        for label, value in zip(labels.removesuffix("_").split("_"), values, strict=True):
            attribute = label[0].lower() + label[1:]
            if attribute in _TEXTS:
                as_text(value)
            elif attribute in _OBJECTS:
                as_kind(_OBJECTS[attribute], value)
            setattr(made, f"_{attribute}", value)
        return made

    return _answering(keep, _selector(name))


class NSObject(metaclass=ObjCClass):
    """What every object can."""

    _main_alone = False  # whether no other thread may touch it

    @classmethod
    def alloc(cls) -> Self:
        return object.__new__(cls)

    def __new__(cls, *arguments: Any) -> Self:
        raise TypeError(current.machine.fault(f"{cls.__name__}{arguments!r}: use alloc().init()"))

    def init(self) -> Self:
        return self

    @classmethod
    def _made(cls, **attributes: Any) -> Self:
        made = cls.alloc().init()
        vars(made).update(attributes)
        return made

    def performSelectorOnMainThread_withObject_waitUntilDone_(
        self, selector: object, argument: object, wait: object
    ) -> None:
        if wait:
            raise NotImplementedError(current.machine.fault("nothing here waits"))
        current.machine.waiting.put(lambda: _send(self, selector, argument))

    def performSelector_withObject_afterDelay_(
        self, selector: object, argument: object, delay: float
    ) -> None:
        assert delay > 0
        current.machine.later.append(lambda: _send(self, selector, argument))

    def __getattr__(self, name: str) -> Any:
        """Keep or give a property for which no stand-in has a way of its own."""
        owner = type(self)
        kinds = ("initWith", "set", "is")
        kind = next((each for each in kinds if re.match(f"{each}[A-Z]", name)), "")
        labels = name.removeprefix(kind)
        attribute = f"_{labels[:1].lower()}{labels[1:]}"
        if owner.has(name) and kind in ("initWith", "set"):
            return MethodType(_keeping(labels, lambda made: made, name), self)
        if owner.has(name) and hasattr(self, attribute):
            return MethodType(_answering(lambda self: getattr(self, attribute), name), self)
        raise _unknown(owner, name)

    def __setattr__(self, name: str, value: object) -> None:
        """Keep an attribute; those of the frameworks take none."""
        if not name.startswith("_") and type(self).__module__.startswith(_OURS):
            text = f"{type(self).__name__} takes no attribute {name}"
            raise AttributeError(current.machine.fault(text))
        object.__setattr__(self, name, value)


def responds(target: Any, selector: str) -> Callable[..., Any] | None:
    """The method of an object that answers to a selector, by that name alone."""
    name = selector.replace(":", "_")
    if not any(name in vars(owner) for owner in type(target).__mro__):
        return None
    method: Callable[..., Any] = getattr(target, name)
    return method


def act(target: Any, action: str, sender: object) -> None:
    method = responds(target, action)
    if method is None:
        text = f"-[{type(target).__name__} {action}]: unrecognized selector"
        raise AttributeError(current.machine.fault(text))
    method(sender)


def _send(target: Any, selector: Any, argument: object) -> None:
    """As many arguments as it takes: Objective-C hands one over in any case."""
    method: Any = selector if callable(selector) else responds(target, selector)
    method(*[argument][: method.__name__.count("_")])


def plain(name: str, above: Any = NSObject) -> Any:
    """A class that has nothing but what is kept in its objects."""
    return ObjCClass(name, (above,), {"__module__": __name__})
