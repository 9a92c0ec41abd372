"""The icon on Windows, with stand-ins for pystray and for Windows."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from mem0tray.core.state import STARTING
from mem0tray.desktop import tray
from mem0tray.desktop.tray import Tray
from mem0tray.desktop.tray import windows as windows_icon
from mem0tray.desktop.tray.icon import IconLook, compose, look
from mem0tray.desktop.tray.menu import SEPARATOR, MenuCommand, MenuEntry, Verb

NIM_MODIFY, NIF_ICON = 1, 2
MOUSE_MOVES = 0x200


class User32:
    """As much of Windows' library as we use; `posted` and `timers` are what waits."""

    def __init__(self) -> None:
        self.size = 16
        self.posted: list[int] = []
        self.timers: set[int] = set()
        self.icons: list[tuple[Image.Image, tuple[int, int]]] = []

    def GetSystemMetrics(self, what: int) -> int:  # noqa: N802  (Windows' name, as the next ones)
        assert what == 49
        return self.size

    def PostMessageW(self, window: int, message: int, *_: int) -> None:  # noqa: N802
        assert window == 7
        self.posted.append(message)

    def SetTimer(self, _: int, number: int, after: int, none: None) -> None:  # noqa: N802
        assert (after, none) == (1000, None)
        self.timers.add(number)

    def KillTimer(self, _: int, number: int) -> None:  # noqa: N802
        self.timers.discard(number)

    def CreateIconFromResourceEx(  # noqa: N802
        self, data: bytes, length: int, is_icon: int, version: int, width: int, height: int, _: int
    ) -> int:
        assert (length, is_icon, version) == (len(data), 1, 0x30000)
        self.icons.append((Image.open(io.BytesIO(data)), (width, height)))
        return len(self.icons)


class Pystray:
    """As pystray's icon: `did` is what reached it. A taskbar may be `there`, but know no icon."""

    def __init__(self, _name: str, icon: Any, _title: str) -> None:
        self.icon = icon
        self.did: list[str] = []
        self.there = True
        self._hwnd, self._icon_handle = 7, 0
        self._message_handlers: dict[int, Any] = {}

    def stop(self) -> None:
        self.did.append("stop")

    def _show(self) -> None:
        self._tell("add")

    def _hide(self) -> None:
        self._tell("remove")

    def _tell(self, what: str) -> None:
        if not self.there:
            raise OSError(what)
        self.did.append(what)

    def _message(self, code: int, flags: int, **values: Any) -> None:
        del code, values
        raise OSError(flags)

    def _update_menu(self) -> None:
        self.did.append("menu")

    def _on_notify(self, _: int, lparam: int) -> None:
        self.did.append(f"notify {lparam:x}")

    def _mainloop(self) -> None:
        raise OSError("no such window")


def _pictures(shown: IconLook) -> tuple[Any, ...]:
    return tuple(compose(shown, size) for size in tray._ON_WINDOWS)


@pytest.fixture
def windows() -> User32:
    return User32()


@pytest.fixture
def icon(windows: User32) -> Any:
    made = windows_icon.icon_class(SimpleNamespace(Icon=Pystray), windows)
    return made("mem0tray", _pictures(IconLook("down")), "mem0tray")


def send(icon: Any, message: int, wparam: int = 0, lparam: int = 0) -> object:
    return icon._message_handlers[message](wparam, lparam)


def take_posted(icon: Any, windows: User32) -> None:
    while windows.posted:
        send(icon, windows.posted.pop(0))


def test_the_icon_is_put_there_by_the_thread_of_its_window(icon: Any, windows: User32) -> None:
    icon._message(NIM_MODIFY, NIF_ICON)  # to a taskbar that does not know it
    assert len(windows.posted) == 1
    icon._show()
    assert (icon.did, len(windows.posted)) == ([], 1)
    take_posted(icon, windows)
    assert icon.did == ["remove", "add"]


def test_a_taskbar_that_comes_later_gets_the_icon(icon: Any, windows: User32) -> None:
    icon.there = False
    icon._show()
    take_posted(icon, windows)
    send(icon, windows_icon.WM_TIMER, 1)
    assert windows.timers == {1}
    icon.there = True
    send(icon, windows_icon.WM_TIMER, 1)
    assert (icon.did, windows.timers) == (["remove", "add"], set())


@pytest.mark.parametrize(
    ("size", "width"), [(16, 16), (20, 20), (24, 24), (28, 32), (32, 32), (96, 64)]
)
def test_the_picture_is_the_one_that_was_drawn_for_that_size(
    icon: Any, windows: User32, size: int, width: int
) -> None:
    windows.size = size
    icon._assert_icon_handle()
    ((picture, asked),) = windows.icons
    assert asked == (width, width)
    assert picture.tobytes() == compose(IconLook("down"), width).tobytes()
    icon._assert_icon_handle()
    assert len(windows.icons) == 1


def test_a_menu_that_is_open_stays_as_it_is(icon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def while_open(icon: Any, _: int, lparam: int) -> None:
        if lparam != MOUSE_MOVES:
            icon._on_notify(0, MOUSE_MOVES)  # the window hears on
            icon._on_notify(0, windows_icon.WM_RBUTTONUP)  # and opens no second one
        icon._update_menu()
        icon.did.append(f"until here {lparam:x}")

    monkeypatch.setattr(Pystray, "_on_notify", while_open)
    icon._on_notify(0, windows_icon.WM_RBUTTONUP)
    assert icon.did == ["until here 200", "until here 205", "menu"]
    icon._update_menu()
    assert icon.did[-2:] == ["menu", "menu"]


def test_a_session_may_end_or_go_on(icon: Any) -> None:
    icon.at_end = lambda: icon.did.append("all is ended")
    assert send(icon, windows_icon.WM_QUERYENDSESSION)
    send(icon, windows_icon.WM_ENDSESSION, 0)
    assert icon.did == []
    send(icon, windows_icon.WM_ENDSESSION, 1)
    assert icon.did == ["all is ended", "stop"]


def test_taskkill_ends_it_in_order(icon: Any) -> None:
    send(icon, windows_icon.WM_CLOSE)
    icon._mainloop()
    assert icon.did == ["stop"]


RETRY, QUIT = MenuCommand(Verb.RETRY_ALL), MenuCommand(Verb.QUIT)


class Icon:
    """Stand in for pystray's icon; `told` is what was set, in its order."""

    def __init__(self, _name: str, picture: Any, _title: str) -> None:
        vars(self)["told"] = [("icon", picture)]

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)["told"].append((name, value))


class Panel:
    """A tray of Windows; `clicked` are the commands."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        tray.pystray(ours=True)  # before it looks for a backend, of which this is none
        patch.setattr(sys, "platform", "win32")
        patch.setattr(tray, "_icon_class", lambda *_: Icon)
        self.clicked: list[MenuCommand] = []
        self.tray = Tray(self.clicked.append, None)

    def items(self, *entries: MenuEntry) -> tuple[Any, ...]:
        self.tray.show_menu(entries)
        return tuple(self.set_to("menu")[-1].items)

    def set_to(self, name: str) -> list[Any]:
        return [value for each, value in self.tray._icon.told if each == name]


@pytest.fixture
def panel(monkeypatch: pytest.MonkeyPatch) -> Panel:
    return Panel(monkeypatch)


def test_looks_and_titles_are_set_once(panel: Panel) -> None:
    panel.tray.show_look(look(STARTING, 0, 0))
    for title in ("one", "one", "two"):
        panel.tray.show_look(IconLook("down", "red", "9+"))
        panel.tray.show_title(title)
    looks = (look(STARTING, 0, 0), IconLook("down", "red", "9+"))
    assert panel.set_to("icon") == [_pictures(each) for each in looks]
    assert panel.set_to("title") == ["one", "two"]


def test_a_click_hands_its_command_over_unless_the_item_is_disabled(panel: Panel) -> None:
    entries = (MenuEntry("state", enabled=False), MenuEntry("grey", RETRY, enabled=False))
    for item in panel.items(*entries, MenuEntry("a", RETRY), MenuEntry("b", QUIT)):
        item(None)
    assert panel.clicked == [RETRY, QUIT]


def test_windows_underlines_nothing(panel: Panel) -> None:
    item, line, more = panel.items(
        MenuEntry("a & b_c", RETRY), SEPARATOR, MenuEntry("&", entries=(MenuEntry("&&", RETRY),))
    )
    assert (item.text, more.text) == ("a && b_c", "&&")
    assert more.submenu.items[0].text == "&&&&"
    assert line is tray.pystray(ours=True).Menu.SEPARATOR


def test_windows_takes_no_longer_tooltip(panel: Panel) -> None:
    panel.tray.show_title("😀" * 100)
    panel.tray.show_title("😀" * 101)
    (title,) = panel.set_to("title")
    assert 120 <= len(title.encode("utf-16-le")) // 2 <= 127
    assert title.startswith("😀" * 60)
