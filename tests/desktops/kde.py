"""KDE Plasma on Wayland: KWin in a window of the X server, with its own Xwayland."""

from typing import Final

from tests.desktops import wayland
from tests.desktops.desk import NOTIFICATIONS, Desk, groundwork
from tests.desktops.nested import SIZE, Nested
from tests.support.sni import WATCHER

_SOCKET: Final = "wayland-kde"
_SETTINGS: Final = {
    "kdeglobals": "[KDE]\nAnimationDurationFactor=0\n",
    "kscreenlockerrc": "[Daemon]\nAutolock=false\nLockOnResume=false\n",
}


def _start(nested: Nested) -> None:
    for name, text in _SETTINGS.items():
        nested.configure(name, text)
    _start_compositor(nested)
    _start_watcher(nested)
    _start_panel(nested)


def _start_compositor(nested: Nested) -> None:
    width, height = SIZE
    command = ["kwin_wayland", "--x11-display", nested.display, "--socket", _SOCKET]
    command += [f"--width={width}", f"--height={height}", "--xwayland"]
    command += ["--no-lockscreen", "--no-global-shortcuts"]
    wayland.start(nested, command, "compositor", _SOCKET, {"QT_QPA_PLATFORM": ""})


def _start_watcher(nested: Nested) -> None:
    nested.start(["kded6"], "watcher")
    nested.wait_owner(WATCHER)


def _start_panel(nested: Nested) -> None:
    nested.start(["plasmashell", "--no-respawn"], "panel")
    nested.wait_owner(NOTIFICATIONS)


DESK: Final = Desk(
    name="kde",
    title="KDE Plasma 6.3, Wayland",
    packages=(
        "plasma-workspace",
        "plasma-desktop",
        "plasma-integration",
        "kwin-wayland",
        "xwayland",
        "breeze",
        "breeze-icon-theme",
        "libgl1-mesa-dri",
        "dbus-x11",
        "kdialog",
        "wl-clipboard",
    ),
    marks={
        "XDG_CURRENT_DESKTOP": "KDE",
        "XDG_SESSION_TYPE": "wayland",
        "XDG_SESSION_DESKTOP": "KDE",
        "XDG_MENU_PREFIX": "plasma-",
        "KDE_FULL_SESSION": "true",
        "KDE_SESSION_VERSION": "6",
        "KWIN_COMPOSE": "Q",
        "QT_QUICK_BACKEND": "software",
        "QT_QPA_PLATFORM": "wayland",
    },
    start=_start,
    answer_by=("Return",),
    parts={
        "panel": _start_panel,
        "watcher": _start_watcher,
        "compositor": _start,
        **groundwork(_start),
    },
)
