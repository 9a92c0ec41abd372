"""LXQt: its panel and notification daemon, with openbox, on X11."""

from typing import Final

from tests.desktops.desk import NOTIFICATIONS, Desk, groundwork
from tests.desktops.nested import Nested
from tests.support.sni import WATCHER

_PANEL: Final = """\
[General]
iconTheme=Adwaita
panels=panel1

[panel1]
alignment=-1
desktop=0
hidable=false
iconSize=22
lineCount=1
panelSize=32
plugins=mainmenu, spacer, statusnotifier
position=Top
width=100
width-percent=true

[mainmenu]
alignment=Left
type=mainmenu

[spacer]
alignment=Left
type=spacer
expandable=true

[statusnotifier]
alignment=Right
type=statusnotifier
"""
_SETTINGS: Final = """\
[General]
theme=Clearlooks
icon_theme=Adwaita

[Qt]
font="Sans,10,-1,5,50,0,0,0,0,0"
style=Fusion
"""


def _start(nested: Nested) -> None:
    nested.configure("lxqt/panel.conf", _PANEL)
    nested.configure("lxqt/lxqt.conf", _SETTINGS)
    nested.start(["openbox", "--sm-disable"], "window manager")
    _start_notifications(nested)
    _start_panel(nested)


def _start_notifications(nested: Nested) -> None:
    nested.start(["lxqt-notificationd"], "notification daemon")
    nested.wait_owner(NOTIFICATIONS)


def _start_panel(nested: Nested) -> None:
    nested.start(["lxqt-panel"], "panel")
    nested.wait_owner(WATCHER)
    nested.screen.wait_window(lambda window: window.program == "lxqt-panel", what="the panel")


DESK: Final = Desk(
    name="lxqt",
    title="LXQt 2.1",
    packages=(
        "lxqt-panel",
        "lxqt-notificationd",
        "lxqt-themes",
        "lxqt-qtplugin",
        "openbox",
        "kdialog",  # Qt's, as the desktop is: it would be preferred to zenity
    ),
    marks={
        "XDG_CURRENT_DESKTOP": "LXQt",
        "XDG_SESSION_TYPE": "x11",
        "QT_QPA_PLATFORMTHEME": "lxqt",
    },
    start=_start,
    answer_by=("Return",),
    parts={
        "panel": _start_panel,
        "notification daemon": _start_notifications,
        **groundwork(_start),
    },
)
