"""The menu on the bus: `com.canonical.dbusmenu`, which panels draw themselves."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

from dbus_fast import DBusError, PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusBool,
    DBusInt32,
    DBusSignature,
    DBusStr,
    DBusUInt32,
    DBusVariant,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from mem0tray.desktop.bus.session_bus import SessionBus
from mem0tray.desktop.tray.menu_lines import EMPTY, LineIds, MenuLine, Value, change

INTERFACE: Final = "com.canonical.dbusmenu"
PATH: Final = "/MenuBar"
_ERROR: Final = f"{INTERFACE}.Error"
_WHOLE: Final = -1  # as a depth
_SIGNATURES: Final[dict[type, str]] = {str: "s", bool: "b", int: "i"}
_log: Final = logging.getLogger(__name__)

Ids = Annotated[list[int], DBusSignature("ai")]
Names = Annotated[list[str], DBusSignature("as")]
Properties = dict[str, Variant]
Node = list[Any]  # id, properties, children as variants


class DBusMenu(ServiceInterface):
    """Answers panels; calls `clicked` and `at_open` on the bus's thread, which return at once."""

    def __init__(self, bus: SessionBus, clicked: Callable[[Callable[[], object]], object]) -> None:
        super().__init__(INTERFACE)
        self._bus = bus
        self._clicked = clicked
        self.at_open: Callable[[], object] = lambda: None
        self._ids = LineIds()
        self._guard = threading.Lock()  # guards changes: each answer sees one whole menu
        self._root = EMPTY
        self._lines = {EMPTY.id: EMPTY}
        self._revision = 1
        self._ticked = False
        self._outdated: set[int] = set()  # lines with other lines below than at first

    def show(self, menu: Any, separator: Any, click: Callable[[Any], object]) -> None:
        """Show this menu of pystray's; panels are told what has changed. From any thread."""
        with self._guard:
            before, self._root = self._root, self._ids.read(menu, separator, click)
            self._lines = {line.id: line for line in self._root.walk()}
            ticks, self._ticked = self._ticked, False
            told = change(before, self._root, ticks=ticks)
            self._outdated = (self._outdated | {*told.below}) & self._lines.keys()
            self._revision += bool(told.below)
            for number in told.below:
                self._bus.emit(PATH, INTERFACE, "LayoutUpdated", "ui", [self._revision, number])
            if told.set or told.gone:
                updated = [[number, _variants(values)] for number, values in told.set.items()]
                gone = [[number, names] for number, names in told.gone.items()]
                self._bus.emit(
                    PATH, INTERFACE, "ItemsPropertiesUpdated", "a(ia{sv})a(ias)", [updated, gone]
                )

    # What panels ask -----------------------------------------------------------------------

    @dbus_property(access=PropertyAccess.READ)
    def Version(self) -> DBusUInt32:
        """The version of the protocol."""
        return 3

    @dbus_property(access=PropertyAccess.READ)
    def TextDirection(self) -> DBusStr:
        """Left to right, as all our languages are written."""
        return "ltr"

    @dbus_property(access=PropertyAccess.READ)
    def Status(self) -> DBusStr:
        """Normal: nothing in the menu asks for attention by itself."""
        return "normal"

    @dbus_property(access=PropertyAccess.READ)
    def IconThemePath(self) -> Names:
        """Nothing: no line has an icon."""
        return []

    @dbus_method()
    def GetLayout(
        self, parent: DBusInt32, depth: DBusInt32, names: Names
    ) -> Annotated[tuple[int, Node], DBusSignature("u(ia{sv}av)")]:
        """Give the lines below one line, down to so many levels."""
        return self._revision, _node(self._line(parent), depth, names)

    @dbus_method()
    def GetGroupProperties(
        self, ids: Ids, names: Names
    ) -> Annotated[list[tuple[int, Properties]], DBusSignature("a(ia{sv})")]:
        """Give the properties of some lines, or of all; lines that are gone are left out."""
        lines = self._lines
        wanted = [lines[number] for number in (ids or lines) if number in lines]
        return [(line.id, _named(line, names)) for line in wanted]

    @dbus_method()
    def GetProperty(self, number: DBusInt32, name: DBusStr) -> DBusVariant:
        """Give one property of a line."""
        found = self._line(number).properties.get(name)
        if found is None:
            raise DBusError(_ERROR, f"The line {number} has no property {name!r}.")
        return _variant(found)

    @dbus_method()
    def Event(self, number: DBusInt32, kind: DBusStr, data: DBusVariant, time: DBusUInt32) -> None:
        """Note what happened to a line: only a click counts."""
        del data, time
        self._happened(self._line(number), kind)

    @dbus_method()
    def EventGroup(self, events: Annotated[list[Any], DBusSignature("a(isvu)")]) -> Ids:
        """Note several things in order; return the ids of lines that are gone."""
        missing = []
        for number, kind, *_ in events:
            line = self._lines.get(number)
            if line is None:
                missing.append(number)
            else:
                self._happened(line, kind)
        if events and len(missing) == len(events):
            raise _gone(missing)
        return missing

    @dbus_method()
    def AboutToShow(self, number: DBusInt32) -> DBusBool:
        """Say whether to read the lines below again before they open.

        Plasma ignores the signal of a change after it has read a submenu by itself.
        """
        if self._line(number) is self._root:
            self.at_open()
        return number in self._outdated

    @dbus_method()
    def AboutToShowGroup(
        self, ids: Ids
    ) -> Annotated[tuple[list[int], list[int]], DBusSignature("aiai")]:
        """Say which lines must be read again, and which are gone."""
        missing = [number for number in ids if number not in self._lines]
        if ids and len(missing) == len(ids):
            raise _gone(missing)
        return [number for number in ids if number in self._outdated], missing

    # ----------------------------------------------------------------------------------------

    def _line(self, number: int) -> MenuLine:
        line = self._lines.get(number)
        if line is None:
            raise _gone([number])
        return line

    def _happened(self, line: MenuLine, kind: str) -> None:
        # A panel may click a disabled line.
        if kind != "clicked" or line.click is None or not line.properties.get("enabled"):
            return
        self._ticked |= "toggle-type" in line.properties
        self._clicked(line.click)


def _gone(numbers: Iterable[int]) -> DBusError:
    shown = ", ".join(map(str, numbers))
    return DBusError(_ERROR, f"The id {shown} does not refer to a menu item.")


def _node(line: MenuLine, depth: int, names: list[str]) -> Node:
    deeper = depth if depth == _WHOLE else depth - 1
    below = [] if depth == 0 else line.below
    children = [Variant("(ia{sv}av)", _node(each, deeper, names)) for each in below]
    return [line.id, _named(line, names), children]


def _named(line: MenuLine, names: list[str]) -> Properties:
    """These properties of the line; all when no name is given."""
    return _variants(
        {name: value for name, value in line.properties.items() if not names or name in names}
    )


def _variants(values: Any) -> Properties:
    return {name: _variant(value) for name, value in values.items()}


def _variant(value: Value) -> Variant:
    return Variant(_SIGNATURES[type(value)], value)
