"""A program that shows an icon in the tray, and does nothing else."""

from PIL import Image

from mem0tray.desktop import tray
from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.session import bus_address
from mem0tray.desktop.tray import linux


def main() -> None:
    library = tray.pystray(ours=True)
    red = Image.new("RGBA", (64, 64), "red")
    with SessionBus(bus_address()) as bus:
        icon = linux.icon_class(library, bus)("lab", (red,), "red")
        icon.menu = library.Menu(library.MenuItem("Quit", icon.stop))
        icon.run()


if __name__ == "__main__":
    main()
