"""sway with waybar and mako, on Wayland, in a window of the X server."""

from typing import Final

from tests.desktops.desk import NOTIFICATIONS, Desk, groundwork
from tests.desktops.nested import SESSION_BUS, SIZE, Nested
from tests.support.processes import wait_until
from tests.support.sni import WATCHER

_SWAY: Final = """\
output * resolution {width}x{height} bg #3a5a6a solid_color
default_border none
exec env | grep -E '^(SWAYSOCK|WAYLAND_DISPLAY|DISPLAY)=' > $HOME/joined
for_window [title=".*"] floating enable
"""
_WAYBAR: Final = """\
{"layer": "top", "position": "top", "height": 30, "modules-left": ["sway/workspaces"],
 "modules-right": ["tray"], "tray": {"icon-size": 20, "spacing": 10}}
"""
_START: Final = 30.0


def _start(nested: Nested) -> None:
    width, height = SIZE
    nested.configure("sway/config", _SWAY.format(width=width, height=height))
    nested.configure("waybar/config", _WAYBAR)
    _start_compositor(nested)
    _start_notifications(nested)
    _start_panel(nested)


def _start_compositor(nested: Nested) -> None:
    joined = nested.folder / "home" / "joined"
    joined.unlink(missing_ok=True)
    outer = {"DISPLAY": nested.display, "WLR_BACKENDS": "x11", "WLR_RENDERER": "pixman"}
    nested.start(["sway"], "compositor", outer)
    wait_until(lambda: joined.exists() and joined.read_text(), _START, "sway")
    lines = joined.read_text(encoding="utf-8").splitlines()
    nested.env |= dict(line.split("=", 1) for line in lines)


def _start_notifications(nested: Nested) -> None:
    nested.start(["mako"], "notification daemon")
    nested.wait_owner(NOTIFICATIONS)


def _start_panel(nested: Nested) -> None:
    nested.start(["waybar"], "panel")
    nested.wait_owner(WATCHER)


DESK: Final = Desk(
    name="sway",
    title="sway 1.10 + waybar + mako",
    packages=("sway", "waybar", "mako-notifier", "xwayland", "zenity"),
    marks={"XDG_CURRENT_DESKTOP": "sway", "XDG_SESSION_TYPE": "wayland"},
    start=_start,
    lacks={"its button": "mako shows no buttons; a click on the notification shows the status"},
    parts={
        "panel": _start_panel,
        "notification daemon": _start_notifications,
        "compositor": _start,
        SESSION_BUS: groundwork(_start)[SESSION_BUS],
    },
)
