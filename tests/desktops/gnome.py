"""GNOME Shell on Wayland, in a window of the X server: with the extension for icons, and bare."""

from functools import partial
from pathlib import Path
from typing import Final

from tests.desktops import wayland, without_panel
from tests.desktops.desk import NOTIFICATIONS, Desk, groundwork
from tests.desktops.nested import SESSION_BUS, SIZE, START, Nested
from tests.support.processes import wait_until
from tests.support.sni import WATCHER

_SOCKET: Final = "wayland-gnome"
_EXTENSION: Final = "ubuntu-appindicators@ubuntu.com"
_PACKAGES: Final = (
    "gnome-shell",
    "gnome-session",
    "xwayland",
    "libgl1-mesa-dri",
    "libglib2.0-bin",
    "dbus-x11",
    "zenity",
    "wl-clipboard",
)
_MARKS: Final = {
    "XDG_CURRENT_DESKTOP": "GNOME",
    "XDG_SESSION_TYPE": "wayland",
    "XDG_SESSION_DESKTOP": "gnome",
}
_SETTINGS: Final = (
    "org.gnome.shell welcome-dialog-last-shown-version 99",
    "org.gnome.desktop.interface enable-animations false",
    "org.gnome.desktop.session idle-delay 0",
)
_SOMEWHERE: Final = (600, 600)
_STARTED: Final = "GNOME Shell started at"


def _start(nested: Nested, extension: str) -> None:
    for setting in _SETTINGS:
        _set(nested, *setting.split())
    _set(nested, "org.gnome.shell", "enabled-extensions", f"[{extension!r}]")
    warned = Path(nested.env["XDG_DATA_HOME"], "gnome-shell", "lock-warning-shown")
    warned.parent.mkdir(parents=True, exist_ok=True)
    warned.touch()  # that the screen cannot be locked without its display manager
    _start_shell(nested)
    if extension:
        nested.wait_owner(WATCHER)
    # Before, a key would interrupt the start for good, and icons wait for its end.
    shell = nested.processes["shell"]
    wait_until(lambda: _STARTED in shell.err, START, "the shell", explain=nested.errors)
    nested.wait_still(2.0)
    nested.screen.keys("Escape")  # out of the overview, which every session begins with
    # What the shell has to say of itself goes after some seconds in which somebody is there.
    nested.screen.point(*_SOMEWHERE)
    nested.wait_still(6.0)


def _set(nested: Nested, schema: str, key: str, value: str) -> None:
    nested.start(["gsettings", "set", schema, key, value], "settings").wait(START)


def _start_shell(nested: Nested) -> None:
    width, height = SIZE
    command = ["gnome-shell", "--nested", "--wayland", f"--wayland-display={_SOCKET}"]
    size = {"MUTTER_DEBUG_DUMMY_MODE_SPECS": f"{width}x{height}"}
    wayland.start(nested, command, "shell", _SOCKET, size)
    nested.wait_owner(NOTIFICATIONS)


_start_extended: Final = partial(_start, extension=_EXTENSION)
DESK: Final = Desk(
    name="gnome",
    title="GNOME 48, Wayland, with the extension",
    packages=(*_PACKAGES, "gnome-shell-extension-appindicator"),
    marks=_MARKS,
    start=_start_extended,
    parts={"shell": _start_extended, SESSION_BUS: groundwork(_start_extended)[SESSION_BUS]},
    lacks={
        "tooltip": "the extension shows nobody's",
        "recovered": "good news stands in GNOME's list of notifications, without a banner",
    },
    clicks=2,
    nests=False,
)
BARE: Final = Desk(
    name="gnome-none",
    title="GNOME 48, Wayland, without it",
    packages=_PACKAGES,
    marks=_MARKS,
    start=partial(_start, extension=""),
    steps=without_panel.STEPS,
)
