"""The icon for panels of the older kind (XEmbed), in a process of its own.

pystray's own way for these holds a connection to the X server, and waits without end for one that
has gone: so it runs outside the worker's process. A click shows the status; such a panel draws no
menu.

    python -m mem0tray.desktop.tray.xembed_icon

Standard input has a JSON object a line: `base`, `badge` and `text` of the look, and the
`title`. Each click is a line on standard output. It ends with its input, or its panel.
"""

import json
import os
import select
import sys
from collections.abc import Iterator
from typing import Any, Final

from PIL import Image

from mem0tray.core.text import one_line
from mem0tray.desktop.tray import icon as icons
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.system.paths import APP as NAME

CLICK: Final = "click"
_TITLE: Final = 200  # characters
_INPUT: Final = 0
_AT_ONCE: Final = 65_536  # bytes
_PLANES: Final = 0xFFFFFFFF  # all
_GREY: Final = (46, 52, 54)


def line(look: IconLook, title: str) -> str:
    """The line that tells the process to show this, short enough for a pipe to take it whole."""
    name = one_line(title.partition("\n")[0], _TITLE)
    return json.dumps({"base": look.base, "badge": look.badge, "text": look.text, "title": name})


class ParentsLines:
    """The lines on standard input; the process ends with it."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self) -> str:
        """Wait for input; return its last whole line, empty if there is none yet."""
        data = os.read(_INPUT, _AT_ONCE)
        if not data:
            os._exit(0)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return whole[-1].decode() if whole else ""


def main() -> None:
    """Show what the input says, until the input ends."""
    told = ParentsLines()
    first = ""
    while not first:
        first = told.take()
    icon = _icon(told)
    _show(icon, first)
    icon.run(setup=lambda _: None)


def _icon(told: ParentsLines) -> Any:  # noqa: C901 - a class is made in it, once the backend is chosen
    os.environ["PYSTRAY_BACKEND"] = "xorg"
    import pystray
    from Xlib import X
    from Xlib.error import XError

    class Icon(pystray.Icon):  # type: ignore[misc]  # pystray has no types
        """pystray's, which forgets to ask for clicks, and that parts of a picture are transparent.

        One thread does all of it: the X library loses requests that two threads make at once.
        """

        _icon_data: Any  # the picture that is drawn

        def _create_window(self) -> Any:
            window = super()._create_window()
            wanted = X.ExposureMask | X.StructureNotifyMask | X.ButtonPressMask
            window.change_attributes(event_mask=wanted)
            return window

        def _events(self) -> Iterator[Any]:
            self.visible = True
            while True:
                while self._display.pending_events():  # raises once the display has gone
                    yield self._display.next_event()
                ready, _, _ = select.select([self._display, _INPUT], [], [])
                if _INPUT in ready and (text := told.take()):
                    _show(self, text)

        def _dock_window(self) -> None:
            # pystray asks for docking at every change: a panel that is just docking us may lose us.
            if self._systray_manager is None:
                super()._dock_window()

        def _on_destroy_notify(self, event: Any) -> None:
            if self._systray_manager is None or event.window.id == self._systray_manager.id:
                os._exit(0)  # the panel has gone; our parent looks for another

        def _assert_icon_data(self, width: int, height: int) -> None:
            if self._icon_data and self._icon_data.size == (width, height):
                return
            drawn = icons.compose(self.look, min(width, height))
            picture = self._background(width, height)
            picture.paste(drawn, ((width - drawn.width) // 2, (height - drawn.height) // 2), drawn)
            picture.tostring = picture.tobytes  # the X library still uses this name
            self._icon_data = picture

        def _background(self, width: int, height: int) -> Any:
            """The panel's background behind the icon."""
            try:
                self._window.change_attributes(background_pixmap=X.ParentRelative)
                self._window.clear_area(0, 0, width, height)
                found = self._window.get_image(0, 0, width, height, X.ZPixmap, _PLANES)
                return Image.frombytes("RGB", (width, height), found.data, "raw", "BGRX")
            except (XError, ValueError):  # of another depth than our window, or unreadable
                return Image.new("RGB", (width, height), _GREY)

    return Icon(NAME, menu=pystray.Menu(pystray.MenuItem(CLICK, _clicked, default=True)))


def _clicked() -> None:
    sys.stdout.write(f"{CLICK}\n")
    sys.stdout.flush()


def _show(icon: Any, text: str) -> None:
    told = json.loads(text)
    icon.look = IconLook(told["base"], told["badge"], told["text"])
    icon.icon = icons.compose(icon.look, icons.SMALLEST)  # it is drawn at the size it gets
    icon.title = told["title"]


if __name__ == "__main__":
    main()
