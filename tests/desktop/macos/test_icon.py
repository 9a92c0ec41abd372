"""The icon in the menu bar: ours and pystray's, on stand-ins that know the real names."""

import io
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from PIL import Image

from mem0tray.core.reasons import NONE
from mem0tray.desktop.tray import Tray
from mem0tray.desktop.tray.icon import IconLook, compose
from mem0tray.desktop.tray.menu import SEPARATOR, DeadLetter, MenuCommand, MenuEntry, Verb
from tests.desktop.macos.appkit import ExitedError
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


def test_the_icon_is_sharp_and_has_colours_in_trouble(user: User, tray: Tray) -> None:
    shown, see = _seen(lambda: user.icon)
    trouble, calm = IconLook("down", "red", "3"), IconLook("healthy")
    user.runs(tray, lambda: tray.show_look(trouble), see, lambda: tray.show_look(calm), see)
    pictures = [
        [Image.open(io.BytesIO(each._data._bytes)) for each in image._representations]
        for image in shown
    ]
    assert [[each.size for each in both] for both in pictures] == [[(18, 18), (36, 36)]] * 2
    assert {each._size for image in shown for each in (image, *image._representations)} == {
        (18, 18)
    }
    assert [image._template for image in shown] == [False, True]
    assert pictures[0][1].tobytes() == compose(trouble, 36).tobytes()
    stencil: Any = pictures[1][1].convert("RGBA")
    # The outline at the edge of the disc, and the tick in it, are holes; the disc is whole.
    assert [stencil.getpixel(each) for each in ((18, 0), (18, 13))] == [(0, 0, 0, 0)] * 2
    assert min(stencil.getpixel(each)[3] for each in ((18, 5), (18, 20), (5, 29))) > 240


def test_lines_are_grey_or_ticked_or_have_others_below(user: User, tray: Tray) -> None:
    seen, see = _seen(lambda: (user.menu(HOSTILE), [each._enabled for each in user.lines()]))
    user.runs(tray, lambda: tray.show_menu(MENU), see)
    assert seen == [(["✓ one", "two"], [True, False, True, True])]


def test_one_menu_is_there_for_life_and_filled_as_it_opens(user: User, tray: Tray) -> None:
    menus, see = _seen(lambda: user.items[0]._menu)
    user.at_open = lambda: tray.show_menu(MENU[:1])  # as a worker that has just learnt something
    seen, look = _seen(user.menu)
    user.runs(tray, see, lambda: tray.show_menu(MENU), see, look, look)
    assert menus[0] is menus[1]
    assert seen == [["Server down", "grey", "—", HOSTILE], ["Server down"]]


LETTERS = {name: DeadLetter(name, b"", "", 0.0, NONE) for name in "abc"}
NEW = {
    name: MenuEntry(
        name.upper(), entries=(MenuEntry("Retry", MenuCommand(Verb.RETRY, LETTERS[name])),)
    )
    for name in "abc"
}


def _letters(entries: Iterable[MenuEntry]) -> tuple[MenuEntry, ...]:
    return (MenuEntry("letters", entries=tuple(entries)),)


@pytest.mark.parametrize(
    ("now", "seen"),
    [
        ("bc", ["a", "B", "C"]),  # one was delivered
        ("cba", ["A", "B", "C"]),
        ("", ["a", "b", "c"]),
    ],
)
@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_an_open_menu_changes_its_words_alone(
    user: User, tray: Tray, clicked: list[MenuCommand], now: str, seen: list[str], chosen: int
) -> None:
    """A line stays under the pointer, and a click does what the line says."""
    before = [replace(NEW[name], label=name) for name in "abc"]
    shown, see = _seen(lambda: user.menu("letters"))
    kept, look = _seen(lambda: user.lines("letters"))
    user.runs(
        tray,
        lambda: tray.show_menu(_letters(before)),
        user.open_menu,
        look,
        lambda: tray.show_menu(_letters([NEW[name] for name in now])),
        see,
        look,
        lambda: user.click("letters", seen[chosen], "Retry"),
        see,
    )
    assert clicked == [MenuCommand(Verb.RETRY, LETTERS["abc"[chosen]])]
    assert (shown[0], kept[0]) == (seen, kept[1])
    assert shown[1] == [name.upper() for name in now]


@pytest.mark.parametrize("is_open", [True, False])
def test_a_switch_does_what_its_line_has_said(
    user: User, tray: Tray, clicked: list[MenuCommand], *, is_open: bool
) -> None:
    """As long as the menu is open that may change; a click may come just after it has closed."""
    off, on = (
        MenuEntry("Start", MenuCommand(Verb.AT_LOGIN, value=not each), checked=each)
        for each in (False, True)
    )
    lines: list[Any] = []
    user.runs(
        tray,
        lambda: tray.show_menu((off,)),
        user.open_menu,
        lambda: lines.append(user.line("Start")),
        (lambda: None) if is_open else user.close_menu,
        lambda: tray.show_menu((on,)),
        lambda: act(lines[0]._target, lines[0]._action, lines[0]),
    )
    assert clicked == [(on if is_open else off).command]
    assert lines[0]._state == is_open


def test_it_has_a_place_of_its_own_and_a_voice(
    user: User, tray: Tray, clicked: list[MenuCommand]
) -> None:
    """A second start of the bundle, which macOS makes none, does what a click on a panel does."""
    seen, see = _seen(
        lambda: (user.items[0]._autosaveName, user.items[0].button()._accessibilityLabel)
    )
    user.runs(
        tray,
        lambda: tray.show_title("mem0tray · Server down\n3 wait"),
        lambda: tray.show_menu(MENU),
        see,
        user.start_again,
    )
    assert seen == [("mem0tray", "mem0tray · Server down")]
    assert clicked == [RETRY]


@pytest.mark.parametrize(
    ("sights", "told"), [([False, False], 1), ([True], 0), ([False, True], 0)], ids=repr
)
def test_an_icon_that_the_bar_hides_is_noticed(
    user: User, tray: Tray, *, sights: list[bool], told: int
) -> None:
    """Not one that is covered for a moment."""
    steps: list[Callable[[], object]] = []
    for sight in sights:
        steps += [partial(user.see_icon, sight), user.wait]
    user.runs(tray, *steps, user.wait)
    assert len(user.hidden) == told


def test_it_is_not_in_the_dock_nor_put_to_a_nap(user: User, tray: Tray, mac: Machine) -> None:
    accessory = mac.names.values["NSApplicationActivationPolicyAccessory"]
    assert mac.shared["NSApplication"]._activationPolicy == accessory
    wanted = mac.names.values["NSActivityUserInitiatedAllowingIdleSystemSleep"]
    awake, see = _seen(lambda: [each._options for each in mac.shared["NSProcessInfo"]._activities])
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it(user: User, tray: Tray, number: int) -> None:
    reached: list[str] = []
    user.runs(tray, lambda: user.kill(number), lambda: reached.append("went on"))
    assert reached == []
    assert user.items == []


def test_the_system_ends_it_in_good_order(user: User, tray: Tray, mac: Machine) -> None:
    closed: list[str] = []
    user.ends = lambda: closed.append("closed")
    mac.at_exit = lambda: closed.append("exit")
    with pytest.raises(ExitedError):
        user.runs(tray, user.log_out)
    assert closed == ["closed", "exit"]
