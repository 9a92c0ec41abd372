"""What AppKit makes of icon, menu and alert, on a real Mac with a login at its screen.

python -m tests.desktop.macos.real
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from mem0tray.desktop import macos
from mem0tray.desktop.dialogs import Dialogs
from mem0tray.desktop.tray import Tray
from mem0tray.desktop.tray.icon import IconLook
from mem0tray.desktop.tray.menu import MenuCommand, MenuEntry, Verb

OPEN, QUIT = MenuCommand(Verb.OPEN), MenuCommand(Verb.QUIT)
ENTRIES = (
    MenuEntry("Open", OPEN),
    MenuEntry("Sub", entries=(MenuEntry("Below", OPEN, checked=True),)),
    MenuEntry("Quit", QUIT),
)
QUESTION = ("Delete this memory?", "text", "Back up and delete", "Cancel")


def steps(tray: Tray, clicked: list[MenuCommand], pool: ThreadPoolExecutor) -> Iterator[str]:
    """Do one thing after the other, and name each; AppKit's loop goes on in between."""
    tray.show_title("mem0tray · Server healthy\nsecond line")
    tray.show_look(IconLook("healthy"))
    tray.show_menu(ENTRIES)
    yield "shown"
    item: Any = tray._icon._item
    button, shown = item.button(), item.menu()
    picture = button.image()
    assert [each.pixelsWide() for each in picture.representations()] == [18, 36]
    assert picture.isTemplate()
    assert button.accessibilityLabel() == "mem0tray · Server healthy"
    shown.delegate().menuNeedsUpdate_(shown)
    assert titles(shown) == ["Open", "Sub", "Quit"]
    assert titles(shown.itemAtIndex_(1).submenu()) == ["Below"]
    yield "filled"
    tray.show_menu(tuple(replace(entry, label=f"{entry.label}!") for entry in ENTRIES))
    yield "changed"
    assert titles(shown) == ["Open!", "Sub!", "Quit!"]
    shown.performActionForItemAtIndex_(2)
    yield "clicked"
    assert clicked == [QUIT]
    answer: Future[bool] = pool.submit(Dialogs().ask, *QUESTION)
    yield "asked"
    (alert,) = macos._shown
    assert [each.hasDestructiveAction() for each in alert.buttons()] == [True, False]
    assert not answer.done()
    alert.buttons()[1].performClick_(None)
    yield "answered"
    assert answer.result(5.0) is False
    assert not macos._shown


def titles(menu: Any) -> list[str]:
    return [str(menu.itemAtIndex_(place).title()) for place in range(menu.numberOfItems())]


def look(wait: float, say: Callable[[str], object]) -> bool:
    """Run an icon, with `wait` seconds between two steps; return whether all was as it must be."""
    from PyObjCTools import AppHelper

    clicked: list[MenuCommand] = []
    done: list[bool] = []
    tray = Tray(clicked.append, None)
    with ThreadPoolExecutor(1) as pool:
        rest = steps(tray, clicked, pool)

        def go_on() -> None:
            try:
                say(next(rest))
            except StopIteration:
                done.append(True)
            except Exception as error:
                say(repr(error))
                macos._shown.clear()
                tray.stop()
                raise
            else:
                AppHelper.callLater(wait, go_on)
                return
            tray.stop()

        tray.run(lambda: AppHelper.callLater(wait, go_on), lambda: None)
    return bool(done)


if __name__ == "__main__":
    raise SystemExit(not look(1.0, lambda said: sys.stdout.write(f"{said}\n")))
