"""MATE: its panel with the indicator of notification icons, window manager and daemon, on X11."""

from typing import Final

from tests.desktops.desk import NOTIFICATIONS, Desk, groundwork
from tests.desktops.nested import Nested
from tests.support.sni import WATCHER


def _start(nested: Nested) -> None:
    nested.start(["marco"], "window manager")
    _start_notifications(nested)
    _start_panel(nested)


def _start_notifications(nested: Nested) -> None:
    program = "/usr/libexec/mate-notification-daemon/mate-notification-daemon"
    nested.start([program], "notification daemon")
    nested.wait_owner(NOTIFICATIONS)


def _start_panel(nested: Nested) -> None:
    nested.start(["mate-panel"], "panel")
    nested.wait_owner(WATCHER)
    nested.screen.wait_window(lambda window: window.program == "Mate-panel", what="the panel")


DESK: Final = Desk(
    name="mate",
    title="MATE 1.26",
    packages=(
        "mate-panel",
        "mate-settings-daemon-common",
        "mate-notification-daemon",
        "marco",
        "zenity",
    ),
    marks={"XDG_CURRENT_DESKTOP": "MATE", "XDG_SESSION_TYPE": "x11"},
    start=_start,
    parts={
        "panel": _start_panel,
        "notification daemon": _start_notifications,
        **groundwork(_start),
    },
)
