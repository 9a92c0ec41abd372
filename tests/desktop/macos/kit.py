"""AppKit and Foundation as modules, and what of them is held against the real names.

What is not here raises. What is here must be among the names that pyobjc's wheels tell
(`wrong`): they list a selector where pyobjc must be told more than Objective-C itself says.
The others stand in `PLAIN`, which is short so that a person can look them up: each is in
Apple's documentation of its class, and all but `button` in the headers of GNUstep too.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import pytest

from tests.desktop.macos import appkit, runtime, services, views
from tests.desktop.macos.names import Names
from tests.desktop.macos.runtime import Machine, ObjCClass, Selector, current

PLAIN: Final = {
    "NSObject": {"alloc", "init"},
    "NSProcessInfo": {"processInfo", "beginActivityWithOptions:reason:"},
    "NSBundle": {"mainBundle", "bundleIdentifier"},
    "NSSet": {"setWithArray:"},
    "NSError": {"localizedDescription"},
    "NSApplication": {"sharedApplication", "run", "stop:", "setDelegate:"},
    "NSStatusBar": {"systemStatusBar", "statusItemWithLength:", "removeStatusItem:"},
    "NSStatusItem": {"button", "menu", "setMenu:", "setAutosaveName:"},
    "NSView": {"setToolTip:", "window"},
    "NSButton": {"image", "setImage:", "setKeyEquivalent:", "performClick:"},
    "NSWindow": {
        *("occlusionState", "setLevel:", "makeKeyAndOrderFront:", "orderOut:"),
        "endSheet:",
    },
    "NSAlert": {
        *("setMessageText:", "setInformativeText:", "setAlertStyle:", "setIcon:", "window"),
        *("addButtonWithTitle:", "buttons"),
    },
    "NSImage": {"addRepresentation:", "representations"},
    "NSImageRep": {"pixelsWide"},
    "NSBitmapImageRep": {"imageRepWithData:"},
    "NSMenu": {
        *("addItem:", "setDelegate:", "delegate", "removeAllItems", "numberOfItems"),
        *("itemAtIndex:", "performActionForItemAtIndex:"),
    },
    "NSMenuItem": {
        "submenu",
        *("separatorItem", "setTitle:", "setSubmenu:", "setTarget:", "setState:"),
        *("setRepresentedObject:", "representedObject"),
    },
    "UNNotificationContent": {"categoryIdentifier"},
    "UNMutableNotificationContent": {"setTitle:", "setBody:", "setCategoryIdentifier:"},
    "UNNotificationRequest": {"requestWithIdentifier:content:trigger:", "content"},
    "UNNotification": {"request"},
    "UNNotificationResponse": {"notification", "actionIdentifier"},
    "UNNotificationAction": {"actionWithIdentifier:title:options:"},
    "UNNotificationCategory": {"categoryWithIdentifier:actions:intentIdentifiers:options:"},
    "UNUserNotificationCenter": {
        *("currentNotificationCenter", "setDelegate:", "setNotificationCategories:"),
        "removeDeliveredNotificationsWithIdentifiers:",
    },
    "SMAppService": {"mainAppService", "status"},
}
# Classes of which the wheels tell nothing; they are in Apple's documentation too.
_UNTOLD: Final = {"UNNotificationContent", "UNMutableNotificationContent"}
_FRAMEWORKS: Final = ("Foundation", "AppKit", "ServiceManagement", "UserNotifications")
_MODULES: Final = ("objc", "PyObjCTools", "pystray", *_FRAMEWORKS)
STAND_INS: Final = {
    name: each
    for module in (appkit, services, views)
    for name, each in vars(module).items()
    if isinstance(each, ObjCClass) and name.startswith(("NS", "SM", "UN"))
}


def wrong(names: Names) -> list[str]:
    """What these modules have and macOS has not, as far as the wheels and `PLAIN` tell."""
    found: list[str] = []
    for name, each in STAND_INS.items():
        if name not in names.selectors and name not in _UNTOLD:
            found.append(f"no class {name}")
        for selector in _selectors(each):
            listed = names.has(each.lineage, selector)
            plain = selector in PLAIN.get(name, ())
            if not listed and not plain:
                found.append(f"{name} has no selector {selector}")
            if listed and plain:
                found.append(f"{name} {selector} need not be in PLAIN")
    return found


def _selectors(each: Any) -> list[str]:
    return [
        key.replace("_", ":")
        for key, value in vars(each).items()
        if not key.startswith("_") and (callable(value) or isinstance(value, classmethod))
    ]


def put_in_place(patch: pytest.MonkeyPatch, machine: Machine) -> None:
    """Be a Mac to whatever is imported from here on: with pyobjc's own helpers, from its wheels."""
    patch.setattr(sys, "platform", "darwin")
    patch.setattr(current, "machine", machine, raising=False)
    for name in there():
        patch.delitem(sys.modules, name)
    package = {"__path__": [str(machine.names.modules / "objc")]}
    within = {
        "selector": Selector,
        "ivar": object,
        **dict.fromkeys(("_C_ID", "_C_NSBOOL", "_C_SEL", "_C_NSUInteger"), b"@"),
        **dict.fromkeys(("_closurePointer", "_makeClosure"), None),
    }
    _put(patch, "objc", package)
    _put(patch, "objc._objc", within)
    from objc import _descriptors

    machs = {"_signalmapping": machine.signals, "handle_signal": lambda _: None}
    _put(patch, "objc._machsignals", machs)
    objc = {name: getattr(_descriptors, name) for name in _descriptors.__all__}
    vars(sys.modules["objc"]).update(
        objc,
        super=super,
        error=RuntimeError,
        BadPrototypeError=runtime.BadPrototypeError,
        _machsignals=sys.modules["objc._machsignals"],
    )
    _put(patch, "PyObjCTools", {"__path__": [str(machine.names.modules / "PyObjCTools")]})
    for name in _FRAMEWORKS:
        _put(patch, name, {"__getattr__": _getter(machine, name)})


def there() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in _MODULES]


def _put(patch: pytest.MonkeyPatch, name: str, contents: dict[str, Any]) -> None:
    module = ModuleType(name)
    vars(module).update(contents)
    patch.setitem(sys.modules, name, module)


def _getter(machine: Machine, module: str) -> Callable[[str], Any]:
    """What a module of a framework has under a name: no more than the real one."""

    def get(name: str) -> Any:
        if name in STAND_INS:
            return STAND_INS[name]
        if name in machine.names.values:
            return machine.names.values[name]
        if name in machine.names.selectors or name in machine.names.functions:
            return _Unused(name)
        text = f"module {module} has no {name}"
        if not name.startswith("__"):
            machine.fault(text)
        raise AttributeError(text)

    return get


class _Unused:
    """Something of macOS that is imported, and that nothing here stands in for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_: object) -> Any:
        raise NotImplementedError(current.machine.fault(f"nothing here stands in for {self._name}"))

    def __getattr__(self, name: str) -> Any:
        return self()
