"""The names that macOS has: classes, selectors, constants, functions; read from pyobjc's wheels.

pyobjc is what Python speaks to macOS with. Its wheels install nowhere else, but they are
archives: the modules of Python in them say how AppKit and Foundation call what they have.
They are fetched once, at the versions that a Mac would get, and kept in `.cache`:

    python -m tests.desktop.macos.names
"""

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

ROOT: Final = Path(__file__).resolve().parents[3]
_PINS: Final = ROOT / "packaging" / "constraints.txt"
_MORE: Final = ("Cocoa", "Quartz", "ServiceManagement", "UserNotifications")
_WHEELS: Final = ("pyobjc-core", *(f"pyobjc-framework-{name}" for name in _MORE))
# Any Mac's do: the modules of Python in them are the same.
_FOR: Final = ("--platform", "macosx_11_0_universal2", "--python-version", "3.13")
_FRAMEWORKS: Final = (
    *("CoreFoundation", "Foundation", "AppKit", "Quartz/CoreGraphics"),
    *("ServiceManagement", "UserNotifications"),
)
_PATIENCE: Final = 50.0  # seconds for a download
_LISTED: Final = re.compile(r"\$([A-Za-z_]\w*)(?:@([^$]*))?")

# The wheels list a selector where pyobjc must be told more than Objective-C itself says. These
# are the others that we use, few enough for a person to look up: each is in Apple's documentation
# of its class, and all but `button` in the headers of GNUstep too.
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
    # Of these two classes the wheels tell nothing.
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


class NoNamesError(Exception):
    """The wheels are not there and cannot be had; the text says why."""


def folder() -> Path:
    """The folder with the wheels' modules; downloads them where it is not there yet.

    Raises NoNamesError.
    """
    pins = _pins()
    kept = ROOT / ".cache" / "-".join(["pyobjc", *sorted({pin.split("==")[1] for pin in pins})])
    kept.parent.mkdir(exist_ok=True)
    with (kept.parent / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one of several processes of pytest fetches them
        if not kept.is_dir():
            _fetch(pins, kept)
    return kept


def _pins() -> list[str]:
    lines = _PINS.read_text(encoding="utf-8").splitlines()
    names = {name.lower() for name in _WHEELS}  # as uv writes them
    return [line.split()[0] for line in lines if line.partition("==")[0] in names]


def _fetch(pins: list[str], kept: Path) -> None:
    sys.stderr.write(f"Downloading what macOS calls its things: {', '.join(pins)} (7 MB).\n")
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        wheels, modules = Path(scratch, "wheels"), Path(scratch, "modules")
        pip = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
        options = ["--quiet", "--no-deps", "--only-binary=:all:", *_FOR, "--dest", str(wheels)]
        try:
            subprocess.run(
                [*pip, "download", *options, *pins],
                check=True,
                timeout=_PATIENCE,
                capture_output=True,
                text=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            last = str(getattr(error, "stderr", None) or error).strip().rpartition("\n")[2]
            raise NoNamesError(f"{' and '.join(pins)} cannot be downloaded: {last}") from error
        for wheel in wheels.iterdir():
            with zipfile.ZipFile(wheel) as archive:
                inside = [name for name in archive.namelist() if name.endswith(".py")]
                archive.extractall(modules, inside)
        shutil.move(modules, kept)


@dataclass
class Names:
    """What the frameworks have. A selector has its colons: `performSelector:withObject:`."""

    modules: Path
    values: dict[str, Any] = field(default_factory=dict)  # constants, numbers, structures
    functions: set[str] = field(default_factory=set)
    selectors: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by class

    def told_in(self, framework: str) -> str:
        return (self.modules / framework / "__init__.py").read_text(encoding="utf-8")

    def has(self, classes: Iterator[str], selector: str) -> bool:
        return any(selector in self.selectors.get(each, ()) for each in classes)


@cache
def names() -> Names:
    """All that the wheels and `PLAIN` tell. Raises NoNamesError.

    What a constant of text is only a Mac knows: here it is its own name.
    """
    found = Names(folder())
    for framework in _FRAMEWORKS:
        _read(found, framework)
    for name, selectors in PLAIN.items():
        found.selectors[name] |= selectors
    return found


def _read(found: Names, framework: str) -> None:
    path = found.modules / framework / "_metadata.py"
    told: dict[str, Any] = {}
    with patch.dict(sys.modules, objc=_listener(found)):
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), told)  # noqa: S102
    for name, encoding in _LISTED.findall(told["constants"]):
        found.values[name] = 0.0 if encoding in ("d", "f") else name
    for name, value in _LISTED.findall(told["enums"]):
        found.values[name] = float(value) if "." in value else int(value)
    found.values.update(told["misc"])
    found.functions.update(told.get("functions", {}))
    for name, other in told.get("aliases", {}).items():
        if other in found.values:
            found.values[name] = found.values[other]


def _listener(found: Names) -> ModuleType:
    """A module in place of `objc` that hears what it is told about selectors."""

    def of_selector(owner: bytes, selector: bytes, _: Any) -> None:
        found.selectors[owner.decode()].add(selector.decode())

    def of_initialiser(owner: str, selector: bytes) -> None:
        found.selectors[owner].add(selector.decode())

    def structure(name: str, _: bytes, fields: list[str]) -> type:
        return make_dataclass(
            name.rpartition(".")[2], [(each, Any, field(default=0)) for each in fields]
        )

    told = {
        "arch": "arm64",
        "registerMetaDataForSelector": of_selector,
        "registerNewKeywordsFromSelector": of_initialiser,
        "registerNewKeywords": lambda *_: None,
        "createStructType": structure,
        "createOpaquePointerType": lambda name, _: name,
        "informal_protocol": lambda name, methods: (name, methods),
        "selector": lambda *_, **__: None,
        "_updatingMetadata": lambda _: None,
    }
    module = ModuleType("objc")
    vars(module).update(told)
    return module


if __name__ == "__main__":
    try:
        folder()
    except NoNamesError as error:
        raise SystemExit(str(error)) from error
