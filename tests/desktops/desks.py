"""The desktops, by name, in the order in which they are tried."""

from typing import Final

from tests.desktops import cinnamon, gnome, kde, lxqt, mate, sway, xfce
from tests.desktops.desk import Desk

_ALL: Final = (
    xfce.DESK,
    mate.DESK,
    lxqt.DESK,
    sway.DESK,
    cinnamon.DESK,
    kde.DESK,
    gnome.DESK,
    gnome.BARE,
)
DESKS: Final[dict[str, Desk]] = {each.name: each for each in _ALL}
# What every desktop needs: a screen, buses, mouse and keyboard, a font, and who reads the screen.
PACKAGES: Final = (
    "xvfb",
    "xauth",
    "hsetroot",
    "xdotool",
    "wl-clipboard",
    "dbus",
    "iproute2",
    "util-linux",
    "fonts-dejavu-core",
    "adwaita-icon-theme",
    "hicolor-icon-theme",
    "tesseract-ocr",
)
