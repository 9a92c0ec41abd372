"""A menu as panels read it over the bus (com.canonical.dbusmenu), as data. Pure.

A line keeps its id as long as it is in the menu: so an open menu stays open, and a click in it
still means what the user has read.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from mem0tray.core.text import one_line

Value = str | bool | int
ROOT: Final = 0
_LABEL: Final = 200  # characters; longer labels make a menu as wide as the screen
_NOTHING: Final = "?"  # for a text without anything to show
_SUBMENU: Final = {"children-display": "submenu"}


@dataclass(frozen=True, slots=True)
class MenuLine:
    """One line: what panels know of it, the lines below it, and what a click does."""

    id: int
    properties: Mapping[str, Value]
    below: tuple["MenuLine", ...] = ()
    click: Callable[[], object] | None = field(default=None, compare=False)

    def walk(self) -> Iterator["MenuLine"]:
        """This line and all below, depth first."""
        yield self
        for line in self.below:
            yield from line.walk()


EMPTY: Final = MenuLine(ROOT, _SUBMENU)


class LineIds:
    """Gives lines their ids: the same id to the same thing, and never one id to two things."""

    def __init__(self) -> None:
        self._ids: dict[object, int] = {}
        self._last = ROOT

    def read(self, menu: Any, separator: Any, click: Callable[[Any], object]) -> MenuLine:
        """Read the whole of pystray's menu; `click` is called with the item that was clicked.

        Two items at the same place are the same thing if they have the same `identity`,
        or, without that attribute, the same text.
        """
        kept: dict[object, int] = {}

        def below(menu: Any, above: int) -> Iterator[MenuLine]:
            seen: dict[object, int] = {}
            for item in menu or ():
                identity = getattr(item, "identity", None) or item.text
                seen[identity] = seen.get(identity, 0) + 1
                # Panels do not turn a line into a submenu: it then gets another id.
                key = (above, identity, seen[identity], bool(item.submenu))
                number = kept[key] = self._ids.get(key) or self._next()
                yield MenuLine(
                    number,
                    _properties(item, separator),
                    tuple(below(item.submenu, number)),
                    None if item is separator or item.submenu else partial(click, item),
                )

        root = MenuLine(ROOT, _SUBMENU, tuple(below(menu, ROOT)))
        self._ids = kept
        return root

    def _next(self) -> int:
        self._last += 1
        return self._last


def _properties(item: Any, separator: Any) -> dict[str, Value]:
    if item is separator:
        return {"type": "separator"}
    label = one_line(item.text, _LABEL) or _NOTHING
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


@dataclass(frozen=True, slots=True)
class MenuChange:
    """What a panel must be told, by ids: lines below which others are now, and properties.

    `below` has each line with other lines below it now: some panels read no further.
    """

    below: list[int]
    set: Mapping[int, Mapping[str, Value]]
    gone: Mapping[int, list[str]]


def change(before: MenuLine, after: MenuLine, *, ticks: bool = False) -> MenuChange:
    """From one menu to the next. `ticks`: tell them again, as the panel has set one itself."""
    old = {line.id: line for line in before.walk()}
    set_: dict[int, Mapping[str, Value]] = {}
    gone: dict[int, list[str]] = {}
    below: list[int] = []
    for line in after.walk():
        was = old.get(line.id)
        if was is None:
            continue
        if [each.id for each in was.below] != [each.id for each in line.below]:
            below.append(line.id)
        differs = {
            name: value
            for name, value in line.properties.items()
            if was.properties.get(name) != value or (ticks and name == "toggle-state")
        }
        if differs:
            set_[line.id] = differs
        if missing := [name for name in was.properties if name not in line.properties]:
            gone[line.id] = missing
    return MenuChange(below, set_, gone)
