"""Cinnamon, which is window manager, panel and notification daemon in one, on X11."""

from typing import Final

from tests.desktops.desk import NOTIFICATIONS, Desk, groundwork
from tests.desktops.nested import Nested
from tests.support.sni import WATCHER

_WATCHER: Final = "/usr/lib/x86_64-linux-gnu/xapps/xapp-sn-watcher"


def _start(nested: Nested) -> None:
    nested.start(["cinnamon"], "panel")
    nested.wait_owner(NOTIFICATIONS)
    nested.start([_WATCHER], "watcher")
    nested.wait_owner(WATCHER)
    nested.wait_still(3.0)


DESK: Final = Desk(
    name="cinnamon",
    title="Cinnamon 6.4",
    packages=("cinnamon", "xapp-sn-watcher", "libgl1-mesa-dri", "zenity", "xclip"),
    marks={"XDG_CURRENT_DESKTOP": "X-Cinnamon", "XDG_SESSION_TYPE": "x11"},
    start=_start,
    parts={"panel": _start, **groundwork(_start)},
)
