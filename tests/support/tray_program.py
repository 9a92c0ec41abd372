"""A small program in the tray, with which the harness itself is tested."""

import pystray
from PIL import Image

COLOURS = {"red": (255, 0, 0, 255), "blue": (0, 0, 255, 255)}


def picture(colour: str) -> Image.Image:
    """The icon in one colour."""
    return Image.new("RGBA", (64, 64), COLOURS[colour])


def turn_blue(icon: pystray.Icon) -> None:
    """Show that a click has arrived."""
    icon.icon = picture("blue")
    icon.title = "now blue"


def main() -> None:
    """Stand in the tray until Quit is clicked."""
    icon = pystray.Icon("lab", picture("red"), "red_or_blue")
    icon.menu = pystray.Menu(
        pystray.MenuItem("Turn_it blue", turn_blue),
        pystray.MenuItem("Never", turn_blue, enabled=False),
        pystray.Menu.SEPARATOR,
        pystray.MenuItem(
            "More",
            pystray.Menu(
                pystray.MenuItem("Notify", lambda: icon.notify("the body", "the title")),
                pystray.MenuItem("Ticked", turn_blue, checked=lambda _: True),
            ),
        ),
        pystray.MenuItem("Quit", icon.stop),
    )
    icon.run()


if __name__ == "__main__":
    main()
