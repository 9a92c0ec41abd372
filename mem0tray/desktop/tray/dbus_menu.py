"""The menu on the bus: `com.canonical.dbusmenu`, which panels draw themselves."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from dbus_fast import DBusError, Message, Variant
from dbus_fast.service import ServiceInterface

from mem0tray.core.text import one_line
from mem0tray.desktop.bus import SessionBus, constant, method

Value = str | bool | int
ROOT: Final = 0
_LABEL: Final = 200  # characters; longer labels make a menu as wide as the screen
_SUBMENU: Final = {"children-display": "submenu"}
INTERFACE: Final = "com.canonical.dbusmenu"
PATH: Final = "/MenuBar"
_ERROR: Final = f"{INTERFACE}.Error"
_WHOLE: Final = -1  # as a depth
_SIGNATURES: Final[dict[type, str]] = {str: "s", bool: "b", int: "i"}
Properties = dict[str, Variant]
Node = list[Any]  # id, properties, children as variants


@dataclass(frozen=True, slots=True)
class MenuLine:
    """One line: what panels know of it, the lines below it, and what a click does."""

    id: int
    properties: Mapping[str, Value]
    below: tuple["MenuLine", ...] = ()
    click: Callable[[], object] | None = field(default=None, compare=False)

    def walk(self) -> Iterator["MenuLine"]:
        yield self
        for line in self.below:
            yield from line.walk()


EMPTY: Final = MenuLine(ROOT, _SUBMENU)


class LineIds:
    """Gives lines their ids, never one to two things: a click means what the user has read."""

    def __init__(self) -> None:
        self._ids: dict[object, int] = {}
        self._last = ROOT

    def read(self, menu: Any, separator: Any, click: Callable[[Any], object]) -> MenuLine:
        """Read pystray's menu; items at one place with the same `identity` or text are one."""
        kept: dict[object, int] = {}

        def below(menu: Any, above: int) -> Iterator[MenuLine]:
            seen: dict[object, int] = {}
            for item in menu or ():
                identity = getattr(item, "identity", None) or item.text
                seen[identity] = seen.get(identity, 0) + 1
                properties = _properties(item, separator)
                # Panels do not turn a line into a submenu: it then gets another id.
                key = (above, identity, seen[identity], *properties)
                if key not in self._ids:
                    self._last += 1
                number = kept[key] = self._ids.get(key, self._last)
                yield MenuLine(
                    number,
                    properties,
                    tuple(below(item.submenu, number)),
                    None if item is separator or item.submenu else partial(click, item),
                )

        root = MenuLine(ROOT, _SUBMENU, tuple(below(menu, ROOT)))
        self._ids = kept
        return root


def _properties(item: Any, separator: Any) -> dict[str, Value]:
    if item is separator:
        return {"type": "separator"}
    label = one_line(item.text, _LABEL) or "?"
    found: dict[str, Value] = {
        "label": label.replace("_", "__"),  # a single one would mark a key
        "enabled": bool(item.enabled),
    }
    if item.submenu:
        return found | _SUBMENU
    if item.checked is not None:
        found["toggle-type"] = "radio" if item.radio else "checkmark"
        found["toggle-state"] = int(item.checked)
    return found


def change(before: MenuLine, after: MenuLine) -> tuple[list[int], dict[int, Mapping[str, Value]]]:
    """Return the ids of lines with other lines below, and what differs.

    Each tick differs: a panel changes it by itself, at the click.
    """
    old = {line.id: line for line in before.walk()}
    below: list[int] = []
    differing: dict[int, Mapping[str, Value]] = {}
    for line in after.walk():
        was = old.get(line.id)
        if was is None:
            continue
        if [each.id for each in was.below] != [each.id for each in line.below]:
            below.append(line.id)  # each of them, as some panels read no further
        differs = {
            name: value
            for name, value in line.properties.items()
            if was.properties.get(name) != value or name == "toggle-state"
        }
        if differs:
            differing[line.id] = differs
    return below, differing


class DBusMenu(ServiceInterface):
    """Answers panels; calls `clicked` and `at_open` on the bus's thread, which return at once."""

    Version = constant("Version", "u", lambda _: 3)
    Status = constant("Status", "s", lambda _: "normal")
    TextDirection = constant("TextDirection", "s", lambda _: "ltr")
    IconThemePath = constant("IconThemePath", "as", lambda _: [])

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
        self._outdated: set[int] = set()  # lines with other lines below than at first

    def show(self, menu: Any, separator: Any, click: Callable[[Any], object]) -> None:
        """Show this menu of pystray's, and send panels what has changed. From any thread."""
        with self._guard:
            before, self._root = self._root, self._ids.read(menu, separator, click)
            self._lines = {line.id: line for line in self._root.walk()}
            below, differing = change(before, self._root)
            self._outdated = (self._outdated | {*below}) & self._lines.keys()
            self._revision += bool(below)
            for number in below:
                self._emit("LayoutUpdated", "ui", self._revision, number)
            if differing:
                updated = [[number, _variants(values)] for number, values in differing.items()]
                self._emit("ItemsPropertiesUpdated", "a(ia{sv})a(ias)", updated, [])

    def _emit(self, signal: str, signature: str, *body: object) -> None:
        self._bus.send(Message.new_signal(PATH, INTERFACE, signal, signature, list(body)))

    @method("i", "i", "as", gives="u(ia{sv}av)")
    def GetLayout(self, parent: int, depth: int, names: list[str]) -> list[Any]:
        return [self._revision, _node(self._line(parent), depth, names)]

    @method("ai", "as", gives="a(ia{sv})")
    def GetGroupProperties(self, ids: list[int], names: list[str]) -> list[tuple[int, Properties]]:
        lines = self._lines
        wanted = [lines[number] for number in (ids or lines) if number in lines]
        return [(line.id, _variants(line.properties, names)) for line in wanted]

    @method("i", "s", "v", "u")
    def Event(self, number: int, kind: str, data: Variant, time: int) -> None:
        self._note([(number, kind, data, time)])

    @method("a(isvu)", gives="ai")
    def EventGroup(self, events: list[Any]) -> list[int]:
        return self._note(events)

    @method("i", gives="b")
    def AboutToShow(self, number: int) -> bool:
        """Return whether to read the lines below again before they open.

        Plasma ignores the signal of a change after it has read a submenu by itself.
        """
        return bool(self._opening([number])[0])

    @method("ai", gives="aiai")
    def AboutToShowGroup(self, ids: list[int]) -> list[list[int]]:
        return self._opening(ids)

    def _note(self, events: Sequence[Sequence[Any]]) -> list[int]:
        missing = self._missing([number for number, *_ in events])
        for number, kind, *_ in events:
            line = self._lines.get(number, EMPTY)
            # A panel may click a disabled line.
            if kind == "clicked" and line.click is not None and line.properties["enabled"]:
                self._clicked(line.click)
        return missing

    def _opening(self, ids: list[int]) -> list[list[int]]:
        missing = self._missing(ids)
        if ROOT in ids:
            self.at_open()
        return [[number for number in ids if number in self._outdated], missing]

    def _missing(self, ids: list[int]) -> list[int]:
        """Return the ids of lines that are gone. Raises DBusError if all are."""
        missing = [number for number in ids if number not in self._lines]
        if missing and missing == ids:
            self._line(missing[0])
        return missing

    def _line(self, number: int) -> MenuLine:
        if number not in self._lines:
            raise DBusError(_ERROR, f"The id {number} does not refer to a menu item.")
        return self._lines[number]


def _node(line: MenuLine, depth: int, names: list[str]) -> Node:
    deeper = depth if depth == _WHOLE else depth - 1
    below = [] if depth == 0 else line.below
    children = [Variant("(ia{sv}av)", _node(each, deeper, names)) for each in below]
    return [line.id, _variants(line.properties, names), children]


def _variants(values: Mapping[str, Value], names: Sequence[str] = ()) -> Properties:
    """Return these properties as the bus takes them; all when no name is given."""
    return {
        name: Variant(_SIGNATURES[type(value)], value)
        for name, value in values.items()
        if not names or name in names
    }
