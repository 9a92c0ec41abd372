"""A small program in the tray, with which the harness itself is tested."""

from typing import Any

from dbus_fast import Message
from PIL import Image

from mem0tray.desktop import tray
from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.session import bus_address
from mem0tray.desktop.tray import linux

COLOURS = {"red": (255, 0, 0, 255), "blue": (0, 0, 255, 255)}


def picture(colour: str) -> Image.Image:
    return Image.new("RGBA", (64, 64), COLOURS[colour])


def turn_blue(icon: Any) -> None:
    icon.icon = (picture("blue"),)
    icon.title = "now blue"


def notify(bus: SessionBus) -> None:
    name = "org.freedesktop.Notifications"
    shown = ["lab", 0, "", "the title", "the body", [], {}, -1]
    what = (name, "/org/freedesktop/Notifications", name, "Notify")
    bus.call(Message(*what, signature="susssasa{sv}i", body=shown))


def main() -> None:
    library = tray.pystray(ours=True)
    item, menu = library.MenuItem, library.Menu
    with SessionBus(bus_address()) as bus:
        icon = linux.icon_class(library, bus)("lab", (picture("red"),), "red_or_blue")
        icon.menu = menu(
            item("Turn_it blue", turn_blue),
            item("Never", turn_blue, enabled=False),
            menu.SEPARATOR,
            item(
                "More",
                menu(
                    item("Notify", lambda: notify(bus)),
                    item("Ticked", turn_blue, checked=lambda _: True),
                ),
            ),
            item("Quit", icon.stop),
        )
        icon.run()


if __name__ == "__main__":
    main()
