"""XFCE: its panel, window manager and notification daemon, on X11."""

from typing import Final

from tests.desktops.desk import NOTIFICATIONS, Desk, groundwork
from tests.desktops.nested import Nested
from tests.support.sni import WATCHER

_NOTIFYD: Final = "/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd"
_CHANNELS: Final = "xfce4/xfconf/xfce-perchannel-xml"
_PANEL: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="double" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="30"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/><value type="int" value="2"/><value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="applicationsmenu"/>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="systray"/>
  </property>
</channel>
"""


def _start(nested: Nested) -> None:
    nested.configure(f"{_CHANNELS}/xfce4-panel.xml", _PANEL)
    _start_manager(nested)
    _start_notifications(nested)
    _start_panel(nested)


def _start_manager(nested: Nested) -> None:
    nested.start(["xfwm4"], "window manager")


def _start_notifications(nested: Nested) -> None:
    nested.start([_NOTIFYD], "notification daemon")
    nested.wait_owner(NOTIFICATIONS)


def _start_panel(nested: Nested) -> None:
    nested.start(["xfce4-panel", "--disable-wm-check"], "panel")
    nested.wait_owner(WATCHER)
    nested.screen.wait_window(lambda window: window.program == "Xfce4-panel", what="the panel")


DESK: Final = Desk(
    name="xfce",
    title="XFCE 4.20",
    packages=("xfce4-panel", "xfwm4", "xfce4-notifyd", "xfconf", "zenity"),
    marks={"XDG_CURRENT_DESKTOP": "XFCE", "XDG_SESSION_TYPE": "x11"},
    start=_start,
    parts={
        "panel": _start_panel,
        "notification daemon": _start_notifications,
        **groundwork(_start),
    },
)
