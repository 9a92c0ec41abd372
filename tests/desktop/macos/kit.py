"""AppKit and Foundation as modules, and what of them is held against the real names.

What is not here raises, and what is here must be among the names that macOS has (`wrong`).
"""

import sys
from collections.abc import Callable
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, Final

import pytest

from tests.desktop.macos import appkit, runtime, services, views
from tests.desktop.macos.runtime import Machine, ObjCClass

_FRAMEWORKS: Final = ("Foundation", "AppKit", "ServiceManagement", "UserNotifications")
_MODULES: Final = ("objc", "PyObjCTools", "pystray", *_FRAMEWORKS)
STAND_INS: Final = {
    name: each
    for module in (appkit, services, views)
    for name, each in vars(module).items()
    if isinstance(each, ObjCClass) and name.startswith(("NS", "SM", "UN"))
}


def wrong() -> list[str]:
    """What these modules have and macOS has not, as far as the wheels and `PLAIN` tell."""
    real = runtime.current.machine.names.selectors
    return [name for name in STAND_INS if name not in real] + [
        f"{name} {key}"
        for name, each in STAND_INS.items()
        for key, value in vars(each).items()
        if isinstance(value, FunctionType | classmethod) and key[0] != "_" and not each.has(key)
    ]


def put_in_place(patch: pytest.MonkeyPatch, machine: Machine) -> None:
    """Be a Mac to whatever is imported from here on: with pyobjc's own helpers, from its wheels."""
    patch.setattr(sys, "platform", "darwin")
    patch.setattr(runtime.current, "machine", machine, raising=False)
    for name in there():
        patch.delitem(sys.modules, name)
    package = {"__path__": [str(machine.names.modules / "objc")]}
    within = {
        "selector": lambda function, **_: function,
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
            return partial(_unused, machine, name)
        text = f"module {module} has no {name}"
        if not name.startswith("__"):
            machine.fault(text)
        raise AttributeError(text)

    return get


def _unused(machine: Machine, name: str, *_: object) -> None:
    raise NotImplementedError(machine.fault(f"nothing here stands in for {name}"))
