"""A tray without a panel: icons register here, and a test looks at them and clicks.

`TrayHost` is a StatusNotifierWatcher with a host; `TrayItem` is an icon with its menu (dbusmenu),
read anew at each question.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from dbus_fast import Message, MessageType, Variant
from PIL import Image

from tests.support.bus import PROPERTIES, Bus, BusError
from tests.support.processes import PATIENCE

WATCHER: Final = "org.kde.StatusNotifierWatcher"
WATCHER_PATH: Final = "/StatusNotifierWatcher"
ITEM: Final = "org.kde.StatusNotifierItem"
MENU: Final = "com.canonical.dbusmenu"
SIZE: Final = 44  # pixels: one of those that panels are given
_TRIES: Final = 5  # a menu may be made anew, with other ids, between looking and clicking
Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Entry:
    """One line of a menu; `checked` is None where there is nothing to check."""

    id: int
    label: str
    enabled: bool
    visible: bool
    checked: bool | None
    separator: bool
    children: tuple["Entry", ...]

    @property
    def labels(self) -> list[str]:
        """What a person reads in this submenu, from top to bottom; "-" is a separator."""
        return ["-" if each.separator else each.label for each in self.children if each.visible]

    def find(self, *labels: str) -> "Entry":
        """Find an entry by the labels on the way to it; AssertionError when it is not there."""
        entry = self
        for label in labels:
            found = [each for each in entry.children if each.visible and each.label == label]
            assert len(found) == 1, f"{len(found)} entries {label!r} in {entry.labels}"
            entry = found[0]
        return entry


class TrayItem:
    """One icon in the tray. What is asked after it has gone raises BusError."""

    def __init__(self, bus: Bus, owner: str, path: str, service: str) -> None:
        self._bus, self.owner, self.path, self.service = bus, owner, path, service
        self.signals: list[tuple[str, list[Any]]] = []  # each with its arguments, in order
        self.gone = False

    # What there is to see -------------------------------------------------------------

    def properties(self) -> dict[str, Any]:
        """Read all that the item says of itself: Id, Title, Status, IconName, Menu, ..."""
        return self._bus.properties(self.owner, self.path, ITEM)

    @property
    def title(self) -> str:
        return str(self.properties().get("Title", ""))

    @property
    def tooltip(self) -> str:
        """The tooltip's text, or what panels show when there is none: the title."""
        shown = self.properties()
        tooltip: Sequence[Any] = shown.get("ToolTip") or ()  # icon, pixmaps, title, text
        text = "\n".join(part for part in tooltip[2:4] if part)
        return text or str(shown.get("Title", ""))

    @property
    def status(self) -> str:
        return str(self.properties().get("Status", ""))

    def icon(self, size: int = SIZE) -> Image.Image:
        pixmaps = self.properties()["IconPixmap"]
        return _rgba(max(pixmaps, key=lambda pixmap: (pixmap[0] == size, pixmap[0])))

    @property
    def sizes(self) -> list[int]:
        """The sizes in pixels in which the picture comes, those of the attention icon after."""
        shown = self.properties()
        return [each[0] for name in ("IconPixmap", "AttentionIconPixmap") for each in shown[name]]

    def colour(self) -> tuple[int, ...]:
        """Read the colour in the middle of the icon: red, green, blue, alpha."""
        picture = self.icon()
        pixel = picture.getpixel((picture.width // 2, picture.height // 2))
        assert isinstance(pixel, tuple)
        return pixel

    def menu(self) -> Entry:
        """Read the whole menu; the entry that is returned is the menu itself."""
        _, root = self.ask_menu("GetLayout", "iias", 0, -1, [])
        return _entry(root)

    # What a person does -----------------------------------------------------------------

    def click(self, *labels: str) -> None:
        for _ in range(_TRIES - 1):
            try:
                return self._click(labels)
            except BusError as error:
                if "does not refer to a menu item" not in str(error):
                    raise
        return self._click(labels)

    def _click(self, labels: Sequence[str]) -> None:
        entry = self.menu().find(*labels)
        assert entry.enabled, f"{entry.label!r} is disabled"
        self.ask_menu("Event", "isvu", entry.id, "clicked", Variant("i", 0), 0)

    def call(self, member: str, signature: str, *body: Any) -> list[Any]:
        return self._bus.call(self.owner, self.path, ITEM, member, signature, body)

    def ask_menu(self, member: str, signature: str, *body: Any) -> list[Any]:
        path = str(self.properties()["Menu"])
        return self._bus.call(self.owner, path, MENU, member, signature, body)

    def events(self, *events: tuple[int, str]) -> list[int]:
        """Tell of several events at once: ids, and what happened; the ids that are not there."""
        whole = [[number, kind, Variant("i", 0), 0] for number, kind in events]
        (missing,) = self.ask_menu("EventGroup", "a(isvu)", whole)
        return list(missing)

    # Waiting ----------------------------------------------------------------------------

    def wait_for(
        self, look: Callable[[], Seen | None], timeout: float = PATIENCE, what: str = ""
    ) -> Seen:
        """Look until something true is found, again after each signal; AssertionError if late."""

        def patient() -> Seen | None:
            try:
                return look()
            except (BusError, AssertionError):  # in the middle of a change
                return None

        return self._bus.wait_for(patient, timeout, what, explain=self.describe)

    def wait_label(self, *labels: str, timeout: float = PATIENCE) -> Entry:
        return self.wait_for(lambda: self.menu().find(*labels), timeout, f"entry {labels}")

    def wait_gone(self, timeout: float = PATIENCE) -> None:
        self._bus.wait_for(lambda: self.gone, timeout, "the icon gone")

    def describe(self) -> str:
        if self.gone:
            return "the icon is gone"
        try:
            shown = {n: v for n, v in self.properties().items() if not n.endswith("Pixmap")}
            return f"{shown}\nmenu: {self.menu()}\nsignals: {self.signals[-10:]}"
        except BusError as error:
            return f"the icon does not answer: {error}"


class TrayHost:
    """The tray itself: there is one on a bus, and only where no panel has one."""

    def __init__(self, address: str) -> None:
        self._bus = Bus(address)
        self.items: list[TrayItem] = []  # the icons that are there, in order of arrival
        self._bus.handle(self._receive)
        for interface in (ITEM, MENU):
            self._bus.listen(f"type='signal',interface='{interface}'")
        self._bus.own(WATCHER)
        self._bus.emit(WATCHER_PATH, WATCHER, "StatusNotifierHostRegistered")

    def close(self) -> None:
        self._bus.close()

    def wait_item(self, timeout: float = PATIENCE) -> TrayItem:
        """Wait for an icon; the one that came last."""
        return self._bus.wait_for(
            lambda: self.items[-1] if self.items else None, timeout, "an icon in the tray"
        )

    # On the connection's thread ---------------------------------------------------------

    def _receive(self, message: Message) -> Message | bool | None:
        if message.message_type is MessageType.SIGNAL:
            self._note(message)
            return None
        if message.path != WATCHER_PATH:
            return None
        if message.interface == PROPERTIES:
            return _property(message)
        if message.member == "RegisterStatusNotifierItem":
            self._register(message.sender or "", str(message.body[0]))
        return Message.new_method_return(message)

    def _register(self, sender: str, service: str) -> None:
        """`service` is an object's path, or the name of the bus of somebody with the usual path."""
        path = service if service.startswith("/") else "/StatusNotifierItem"
        if all((item.owner, item.path) != (sender, path) for item in self.items):
            self.items.append(TrayItem(self._bus, sender, path, service))

    def _note(self, message: Message) -> None:
        if message.member == "NameOwnerChanged":
            name, _, successor = message.body
            for item in self.items:
                item.gone |= name in (item.owner, item.service) and not successor
            self.items = [item for item in self.items if not item.gone]
        for item in self.items:
            if item.owner == message.sender:
                item.signals.append((str(message.member), list(message.body)))


def _property(message: Message) -> Message:
    values = {"IsStatusNotifierHostRegistered": Variant("b", True)}  # noqa: FBT003  (a value, no switch)
    if message.member == "GetAll":
        return Message.new_method_return(message, "a{sv}", [values])
    return Message.new_method_return(message, "v", [values[message.body[1]]])


def _rgba(pixmap: Sequence[Any]) -> Image.Image:
    width, height, argb = pixmap
    picture = Image.frombytes("RGBA", (width, height), bytes(argb))
    alpha, red, green, blue = picture.split()
    return Image.merge("RGBA", (red, green, blue, alpha))


def _entry(node: Sequence[Any]) -> Entry:
    number, shown, children = node
    return Entry(
        id=int(number),
        label=_without_mnemonics(str(shown.get("label", ""))),
        enabled=bool(shown.get("enabled", True)),
        visible=bool(shown.get("visible", True)),
        checked=shown.get("toggle-state") == 1 if shown.get("toggle-type") else None,
        separator=shown.get("type") == "separator",
        children=tuple(_entry(child) for child in children),
    )


def _without_mnemonics(label: str) -> str:
    return label.replace("__", "\0").replace("_", "").replace("\0", "_")
