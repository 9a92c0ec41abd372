"""What the tray hands to pystray, and what Windows takes of it."""

import sys
from typing import Any

import pytest

from mem0tray.core.state import STARTING
from mem0tray.desktop import tray as tray_module
from mem0tray.desktop.tray import Tray
from mem0tray.desktop.tray.icon import IconLook, compose, look
from mem0tray.desktop.tray.menu import SEPARATOR, MenuCommand, MenuEntry, Verb

RETRY, QUIT = MenuCommand(Verb.RETRY_ALL), MenuCommand(Verb.QUIT)


class Panel:
    """A tray of Windows on pystray's dummy; `clicked` are the commands, `told` what was set."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        library = tray_module.pystray(ours=True)
        self.told: list[tuple[str, Any]] = []
        told = self.told

        class Icon(library.Icon):  # type: ignore[misc,name-defined]  # pystray has no types
            def __setattr__(self, name: str, value: Any) -> None:
                told.append((name, value))
                super().__setattr__(name, value)

            def _update_menu(self) -> None:
                pass

        patch.setattr(sys, "platform", "win32")
        patch.setattr(tray_module, "pystray", lambda **_: library)
        patch.setattr(tray_module, "_icon_class", lambda *_: Icon)
        self.clicked: list[MenuCommand] = []
        self.tray = Tray(self.clicked.append, None)
        self.icon: Any = self.tray._icon

    def items(self, *entries: MenuEntry) -> tuple[Any, ...]:
        self.tray.show_menu(entries)
        return tuple(self.icon.menu.items)

    def set_to(self, name: str) -> list[Any]:
        return [value for each, value in self.told if each == name]


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch) -> Panel:
    return Panel(monkeypatch)


def _pictures(shown: IconLook) -> tuple[Any, ...]:
    return tuple(compose(shown, size) for size in tray_module._ON_WINDOWS)


def test_looks_and_titles_are_set_once(panel: Panel) -> None:
    panel.tray.show_look(look(STARTING, 0, 0))
    for title in ("one", "one", "two"):
        panel.tray.show_look(IconLook("down", "red", "9+"))
        panel.tray.show_title(title)
    assert panel.set_to("icon") == [_pictures(IconLook("down", "red", "9+"))]
    assert panel.set_to("title") == ["one", "two"]
    assert panel.set_to("_icon")[0] == _pictures(look(STARTING, 0, 0)), "shown at the start"


def test_a_click_hands_its_command_over_unless_the_item_is_disabled(panel: Panel) -> None:
    entries = (MenuEntry("state", enabled=False), MenuEntry("grey", RETRY, enabled=False))
    for item in panel.items(*entries, MenuEntry("a", RETRY), MenuEntry("b", QUIT)):
        item(panel.icon)
    assert panel.clicked == [RETRY, QUIT]


def test_an_item_is_known_by_what_it_does(panel: Panel) -> None:
    first, second, other, state = panel.items(
        MenuEntry("a", RETRY), MenuEntry("b", RETRY, enabled=False), MenuEntry("a", QUIT),
        MenuEntry("c"),
    )  # fmt: skip
    assert first.identity == second.identity
    assert len({first.identity, other.identity, state.identity}) == 3


def test_windows_underlines_nothing(panel: Panel) -> None:
    """An ampersand alone would underline what follows: in submenus as well."""
    item, line, more = panel.items(
        MenuEntry("a & b_c", RETRY), SEPARATOR, MenuEntry("&", entries=(MenuEntry("&&", RETRY),))
    )
    assert (item.text, more.text) == ("a && b_c", "&&")
    assert more.submenu.items[0].text == "&&&&"
    assert line is tray_module.pystray(ours=True).Menu.SEPARATOR


def test_windows_takes_no_longer_tooltip(panel: Panel) -> None:
    panel.tray.show_title("😀" * 100)
    panel.tray.show_title("😀" * 101)
    (title,) = panel.set_to("title")
    assert 120 <= len(title.encode("utf-16-le")) // 2 <= 127
    assert title.startswith("😀" * 60)
