"""The icon in the menu bar: ours and pystray's, on stand-ins that know the real names."""

import io
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from mem0tray.desktop.tray import Tray
from mem0tray.desktop.tray.icon import IconLook, compose
from mem0tray.desktop.tray.menu import SEPARATOR, MenuCommand, MenuEntry, Verb
from tests.desktop.macos.runtime import Machine, act
from tests.desktop.macos.user import User

RETRY, PAUSE = MenuCommand(Verb.RETRY_ALL), MenuCommand(Verb.PAUSE)
HOSTILE = "“a” & <b>\n%@ \\ ' \" \u202e 🙂"
MENU = (
    MenuEntry("Server down", RETRY, default=True),
    MenuEntry("grey", RETRY, enabled=False),
    SEPARATOR,
    MenuEntry(
        HOSTILE,
        entries=(
            MenuEntry("one", RETRY, checked=True, radio=True),
            MenuEntry("two", PAUSE, checked=False, radio=True),
        ),
    ),
)


@pytest.fixture
def clicked() -> list[MenuCommand]:
    return []


@pytest.fixture
def tray(user: User, clicked: list[MenuCommand]) -> Tray:
    del user
    return Tray(clicked.append, None)


def _seen(look: Callable[[], object]) -> tuple[list[Any], Callable[[], object]]:
    seen: list[Any] = []
    return seen, lambda: seen.append(look())


def test_the_icon_is_sharp_and_in_colour(user: User, tray: Tray) -> None:
    shown, see = _seen(lambda: user.icon)
    user.runs(tray, see, lambda: tray.show_look(IconLook("down", "red", "3")), see)
    assert shown[0] is not shown[1]
    assert [(each._size, each._template) for each in shown] == [((22, 22), False)] * 2
    with Image.open(io.BytesIO(shown[1]._data)) as read:
        assert read.tobytes() == compose(IconLook("down", "red", "3"), 44).tobytes()


def test_the_menu_is_shown(user: User, tray: Tray) -> None:
    seen, see = _seen(lambda: (user.menu(), user.menu(HOSTILE)))
    looks, look = _seen(
        lambda: (
            [user.line(each)._bold for each in ("Server down", "grey")]
            + [user.line(each)._enabled for each in ("Server down", "grey")]
        )
    )
    user.runs(tray, lambda: tray.show_menu(MENU), see, look)
    assert seen == [(["Server down", "grey", "—", HOSTILE], ["✓ one", "two"])]
    assert looks == [[True, False, True, False]]


def test_a_menu_that_is_open_stays_as_it_is(
    user: User, tray: Tray, clicked: list[MenuCommand]
) -> None:
    letters = [MenuEntry(name, MenuCommand(Verb.RETRY, value=name)) for name in "abc"]
    before, after = (*MENU, *letters), (*MENU, *letters[1:])
    seen, see = _seen(lambda: user.menu()[len(MENU) :])
    is_kept, look = _seen(lambda: user.line("b") in user.items[0]._menu._items)
    user.runs(
        tray,
        lambda: tray.show_menu(before),
        user.open_menu,
        lambda: user.pass_over(HOSTILE),
        lambda: tray.show_menu(after),
        look,
        lambda: user.click("b"),
        see,
        user.open_menu,
        lambda: tray.show_menu(before),
        see,
        user.close_menu,
        see,
    )
    assert clicked == [letters[1].command]
    assert (is_kept, seen) == ([True], [["b", "c"], ["b", "c"], ["a", "b", "c"]])


def test_a_click_that_comes_after_the_new_menu_does_what_its_line_said(
    user: User, tray: Tray, clicked: list[MenuCommand]
) -> None:
    lines: list[Any] = []
    user.runs(
        tray,
        lambda: tray.show_menu(MENU),
        lambda: lines.append(user.line(HOSTILE, "two")),
        lambda: tray.show_menu(MENU[:2]),
        lambda: act(lines[0]._target, lines[0]._action, lines[0]),
    )
    assert clicked == [PAUSE]


def test_it_is_not_in_the_dock_nor_put_to_a_nap(user: User, tray: Tray, mac: Machine) -> None:
    accessory = mac.names.values["NSApplicationActivationPolicyAccessory"]
    assert mac.shared["NSApplication"]._policy == accessory
    wanted = mac.names.values["NSActivityUserInitiatedAllowingIdleSystemSleep"]
    awake, see = _seen(lambda: [each.options for each in mac.shared["NSProcessInfo"]._activities])
    user.runs(tray, see)
    assert awake == [[wanted]]


def test_other_threads_touch_nothing(user: User, tray: Tray) -> None:
    def work() -> None:
        tray.show_title("one")
        tray.show_menu(MENU)
        tray.show_look(IconLook("down"))
        tray.show_title("two")

    def ask() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    seen, see = _seen(lambda: (user.tooltip, len(user.menu())))
    user.runs(tray, ask, see)
    assert seen == [("two", 4)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it(user: User, tray: Tray, number: int) -> None:
    reached: list[str] = []
    user.runs(tray, lambda: user.kill(number), lambda: reached.append("went on"))
    assert reached == []
    assert user.items == []


@pytest.mark.parametrize("end", ["log out", "Ctrl-C"])
def test_the_system_ends_it_in_good_order(user: User, tray: Tray, mac: Machine, end: str) -> None:
    closed: list[str] = []
    user.ends = lambda: closed.append("closed")
    mac.at_exit = lambda: closed.append("exit")
    user.runs(tray, user.log_out if end == "log out" else lambda: user.kill(signal.SIGINT))
    assert closed == ["closed", "exit"]
