"""The icon on the bus: `org.kde.StatusNotifierItem`, which panels show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Final

from dbus_fast import PropertyAccess
from dbus_fast.annotations import (
    DBusBool,
    DBusInt32,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property
from PIL import Image

from mem0tray.desktop.tray import dbus_menu
from mem0tray.desktop.tray import icon as icons
from mem0tray.desktop.tray.icon import IconLook

SIZES: Final = (16, 22, 24, 32, 44, 48, 64)  # pixels; for panels, also at twice the density
_CACHED: Final = 8  # looks, 43 kB each

Pixmap = list[int | bytes]  # width, height, the bytes row by row
INTERFACE: Final = "org.kde.StatusNotifierItem"
PATH: Final = "/StatusNotifierItem"
ACTIVE: Final = "Active"
PASSIVE: Final = "Passive"
NEEDS_ATTENTION: Final = "NeedsAttention"
# Some panels take a tooltip for markup: these characters look similar, and mean nothing.
_PLAIN: Final = str.maketrans({"<": "‹", ">": "›", "&": "＆"})
Pixmaps = Annotated[list[Pixmap], DBusSignature("a(iiay)")]
ToolTips = Annotated[list[Any], DBusSignature("(sa(iiay)ss)")]


@lru_cache(_CACHED)
def of_look(look: IconLook) -> tuple[Image.Image, ...]:
    """The icon in each size, each drawn for it."""
    return tuple(icons.compose(look, size) for size in SIZES)


def of_pictures(pictures: Sequence[Image.Image]) -> list[Pixmap]:
    """RGBA pictures in the form of the bus."""
    return [[picture.width, picture.height, _argb(picture)] for picture in pictures]


def _argb(picture: Image.Image) -> bytes:
    red, green, blue, alpha = picture.split()
    return Image.merge("RGBA", (alpha, red, green, blue)).tobytes()


@dataclass(slots=True)
class ItemFace:
    """What an item shows now; whoever changes it emits the item's signals.

    `tooltip` has lines, the first of which is its title.
    """

    name: str
    tooltip: str = ""
    status: str = PASSIVE
    pixmaps: list[Pixmap] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ItemCalls:
    """What a panel may ask for; called on the bus's thread, and must return at once."""

    activate: Callable[[], object]
    token: Callable[[str], object]


class StatusNotifierItem(ServiceInterface):
    """Answers panels with `face`, and hands clicks to `calls`."""

    def __init__(self, face: ItemFace, calls: ItemCalls) -> None:
        super().__init__(INTERFACE)
        self._face = face
        self._calls = calls

    # What it says of itself ------------------------------------------------------------------

    @dbus_property(access=PropertyAccess.READ)
    def Category(self) -> DBusStr:
        """The icon of a program, not of a device."""
        return "ApplicationStatus"

    @dbus_property(access=PropertyAccess.READ)
    def Id(self) -> DBusStr:
        """The name by which panels remember it."""
        return self._face.name

    @dbus_property(access=PropertyAccess.READ)
    def Title(self) -> DBusStr:
        """The name that people read."""
        return self._face.name

    @dbus_property(access=PropertyAccess.READ)
    def Status(self) -> DBusStr:
        """Whether it is shown, and asks for attention."""
        return self._face.status

    @dbus_property(access=PropertyAccess.READ)
    def WindowId(self) -> DBusInt32:
        """0: no window belongs to it."""
        return 0

    @dbus_property(access=PropertyAccess.READ)
    def IconName(self) -> DBusStr:
        """Empty: it has a picture of its own, not one of the theme's."""
        return ""

    @dbus_property(access=PropertyAccess.READ)
    def IconThemePath(self) -> DBusStr:
        """Empty, like the name."""
        return ""

    @dbus_property(access=PropertyAccess.READ)
    def IconPixmap(self) -> Pixmaps:
        """The picture, in each size."""
        return self._face.pixmaps

    @dbus_property(access=PropertyAccess.READ)
    def IconAccessibleDesc(self) -> DBusStr:
        """The words read out to people who do not see the picture."""
        return self._face.tooltip.partition("\n")[0]

    @dbus_property(access=PropertyAccess.READ)
    def OverlayIconName(self) -> DBusStr:
        """Empty: the badge is part of the picture."""
        return ""

    @dbus_property(access=PropertyAccess.READ)
    def OverlayIconPixmap(self) -> Pixmaps:
        """Empty, like the name."""
        return []

    @dbus_property(access=PropertyAccess.READ)
    def AttentionIconName(self) -> DBusStr:
        """Empty, like `IconName`."""
        return ""

    @dbus_property(access=PropertyAccess.READ)
    def AttentionIconPixmap(self) -> Pixmaps:
        """The same picture while it asks for attention, none at other times."""
        return self._face.pixmaps if self._face.status == NEEDS_ATTENTION else []

    @dbus_property(access=PropertyAccess.READ)
    def AttentionAccessibleDesc(self) -> DBusStr:
        """The same words as `IconAccessibleDesc`."""
        return self._face.tooltip.partition("\n")[0]

    @dbus_property(access=PropertyAccess.READ)
    def AttentionMovieName(self) -> DBusStr:
        """Empty: nothing moves."""
        return ""

    @dbus_property(access=PropertyAccess.READ)
    def ToolTip(self) -> ToolTips:
        """The tooltip: a picture (none), its title, and its text."""
        title, _, text = self._face.tooltip.translate(_PLAIN).partition("\n")
        return ["", [], title, text]

    @dbus_property(access=PropertyAccess.READ)
    def ItemIsMenu(self) -> DBusBool:
        """False: a left click does something other than opening the menu."""
        return False

    @dbus_property(access=PropertyAccess.READ)
    def Menu(self) -> DBusObjectPath:
        """The menu's path on the bus."""
        return dbus_menu.PATH

    # What the user does with it ----------------------------------------------------------------

    @dbus_method()
    def Activate(self, x: DBusInt32, y: DBusInt32) -> None:
        """Do what the menu's default item does, for a left click."""
        del x, y
        self._calls.activate()

    @dbus_method()
    def SecondaryActivate(self, x: DBusInt32, y: DBusInt32) -> None:
        """Do the same for a middle click, even where a left click opens the menu."""
        del x, y
        self._calls.activate()

    @dbus_method()
    def ContextMenu(self, x: DBusInt32, y: DBusInt32) -> None:
        """Do nothing: panels draw our menu, and those that cannot show none."""

    @dbus_method()
    def Scroll(self, delta: DBusInt32, orientation: DBusStr) -> None:
        """Do nothing when the wheel turns."""

    @dbus_method()
    def ProvideXdgActivationToken(self, token: DBusStr) -> None:
        """Take the right to bring to the front what the next click opens."""
        self._calls.token(token)
