"""The icon in the panel, with a stand-in for pystray."""

import sys
import tempfile
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from mem0tray.core.state import STARTING
from mem0tray.desktop import tray as tray_module
from mem0tray.desktop.tray import Tray
from mem0tray.desktop.tray.icon import IconLook, compose, look
from mem0tray.desktop.tray.menu import MenuCommand, MenuEntry, Verb

RETRY = MenuCommand(Verb.RETRY_ALL)


class Item(SimpleNamespace):
    """As pystray's MenuItem: a text, an action (a callable or a menu), and options."""

    def __init__(self, text: str, action: Any, **options: Any) -> None:
        super().__init__(text=text, action=action, **options)


class Menu:
    """As pystray's Menu."""

    SEPARATOR = object()

    def __init__(self, *items: Any) -> None:
        self.items = items


class Icon:
    """As pystray's Icon: it writes down what is set."""

    told: list[tuple[str, Any]]

    def __init__(self, name: str, icon: Image.Image, title: str) -> None:
        object.__setattr__(self, "told", [])
        self.made = (name, icon, title)
        self.shown: list[tuple[str, str]] = []

    def __setattr__(self, name: str, value: Any) -> None:
        self.told.append((name, value))
        object.__setattr__(self, name, value)

    def run(self, setup: Callable[[Any], None]) -> None:
        setup(self)

    def stop(self) -> None:
        self.told.append(("stop", None))


class Panel:
    """A tray, its icon, and the commands that it handed over."""

    def __init__(self) -> None:
        self.clicked: list[MenuCommand] = []
        self.tray = Tray(self.clicked.append, None)
        self.icon: Any = self.tray._icon
        self.icon.told.clear()

    def items(self, *entries: MenuEntry) -> tuple[Any, ...]:
        self.tray.show_menu(entries)
        return tuple(self.icon.menu.items)

    def told(self, name: str) -> list[Any]:
        return [value for each, value in self.icon.told if each == name]


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for pystray; `tempfile` and the environment are put back afterwards."""
    module: Any = ModuleType("pystray")
    module.Icon, module.Menu, module.MenuItem = Icon, Menu, Item
    monkeypatch.setitem(sys.modules, "pystray", module)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(tray_module, "_icon_class", lambda library, _bus: library.Icon)
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    monkeypatch.setenv("PYSTRAY_BACKEND", "of the user")


@pytest.fixture
def panel() -> Panel:
    return Panel()


# Icon and tooltip -------------------------------------------------------------------------


def test_it_shows_at_once_that_it_starts(panel: Panel) -> None:
    pictures = tuple(compose(look(STARTING, 0, 0), size) for size in tray_module._ON_WINDOWS)
    assert panel.icon.made == ("mem0tray", pictures, "mem0tray")


def test_a_look_is_set_once(panel: Panel) -> None:
    panel.tray.show_look(look(STARTING, 0, 0))
    for _ in range(3):
        panel.tray.show_look(IconLook("down", "red", "9+"))
    assert panel.told("icon") == [
        tuple(compose(IconLook("down", "red", "9+"), size) for size in tray_module._ON_WINDOWS)
    ]


def test_a_title_is_set_once(panel: Panel) -> None:
    for title in ("one", "one", "two", "two", "one"):
        panel.tray.show_title(title)
    assert panel.told("title") == ["one", "two", "one"]


# The menu ----------------------------------------------------------------------------------


def test_a_disabled_item_does_nothing(panel: Panel) -> None:
    for item in panel.items(
        MenuEntry("state", enabled=False), MenuEntry("grey", RETRY, enabled=False)
    ):
        item.action()
    assert panel.clicked == []


def test_an_item_is_known_by_what_it_does(panel: Panel) -> None:
    first, second, other, state = panel.items(
        MenuEntry("a", RETRY),
        MenuEntry("b", RETRY, enabled=False),
        MenuEntry("a", MenuCommand(Verb.QUIT)),
        MenuEntry("c"),
    )
    assert first.identity == second.identity
    assert len({first.identity, other.identity, state.identity}) == 3


# Other systems -------------------------------------------------------------------------------


def test_windows_underlines_nothing(panel: Panel) -> None:
    """An ampersand alone would underline what follows: in submenus as well."""
    item, more = panel.items(
        MenuEntry("a & b_c", RETRY), MenuEntry("&", entries=(MenuEntry("&&", RETRY),))
    )
    assert item.text == "a && b_c"
    assert more.text == "&&"
    assert more.action.items[0].text == "&&&&"


def test_windows_takes_no_longer_tooltip(panel: Panel) -> None:
    panel.tray.show_title("😀" * 100)
    panel.tray.show_title("😀" * 101)
    (title,) = panel.told("title")
    assert 120 <= len(title.encode("utf-16-le")) // 2 <= 127
    assert title.startswith("😀" * 60)
