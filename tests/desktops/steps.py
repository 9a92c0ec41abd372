"""What is tried on each desktop, as a person would: look, point, click.

Each step is a function of a `Trial`; it returns what was seen in a few words, and raises
AssertionError where something is not as it should be. They go from one to the next.
"""

import subprocess
import time
from collections.abc import Callable
from typing import Final

from tests.desktops.trial import HEALTHY, PROGRAM, Trial
from tests.support.processes import wait_until
from tests.support.sni import WATCHER, WATCHER_PATH

Step = Callable[[Trial], str]
_WHEEL, _TURNS = 5, 4  # the button of a turn towards the user; how often that makes a letter
_BY_BUTTON, _BY_MENU, _ASKED = "by its button", "by the menu", "asked about"


def icon(trial: Trial) -> str:
    trial.blank = trial.nested.wait_still(2.0)
    began = time.monotonic()
    trial.start()
    trial.icon = trial.eyes.wait_icon(trial.blank, HEALTHY).middle
    seconds = time.monotonic() - began
    wait_until(lambda: _listed(trial), what="the icon in the panel's list")
    trial.nested.wait_still()
    return f"at {trial.icon.x}, {trial.icon.y} after {seconds:.1f} s"


def _listed(trial: Trial) -> object:
    watcher = trial.nested.bus.properties(WATCHER, WATCHER_PATH, WATCHER)
    return watcher["RegisteredStatusNotifierItems"]


def tooltip(trial: Trial) -> str:
    before = trial.at_rest()
    trial.hover(trial.icon)
    trial.eyes.wait_text("Server healthy", before, 8)
    trial.keep_read("tooltip")
    return "says “Server healthy”"


def left_click(trial: Trial) -> str:
    trial.at_rest()
    opened = len(list(trial.nested.pages()))
    trial.activate()
    wait_until(lambda: len(list(trial.nested.pages())) > opened, 10, "a page opened")
    page = list(trial.nested.pages())[-1]
    assert page.endswith("window.html"), page
    return "opens the window" if trial.desk.clicks == 1 else "two open the window"


def notification(trial: Trial) -> str:
    trial.before = trial.at_rest()
    trial.refuse(_BY_BUTTON)
    place = trial.eyes.wait_text("Moved to DLQ", trial.before).middle
    trial.hover(place)  # so it stays; and some show their buttons only then
    trial.nested.wait_still(0.3)
    trial.shoot("notification")
    return "“Moved to DLQ”"


def button(trial: Trial) -> str:
    place = trial.eyes.wait_text("Try again", trial.before, 8).middle
    trial.server.clear_scripts()
    trial.nested.screen.mouse(*place)
    trial.server.wait_for(lambda: trial.server.count(_BY_BUTTON), 8, "delivered after the click")
    return "“Try again” delivers the memory"


def recovered(trial: Trial) -> str:
    if not trial.server.count(_BY_BUTTON):  # there was no button
        trial.server.clear_scripts()
        trial.command("retry", "--all")
    trial.eyes.wait_text("DLQ recovered", trial.before)
    trial.shoot("recovered")
    trial.wait_letters(0)
    return "“DLQ recovered”"


def menu(trial: Trial) -> str:
    trial.make_letter(_BY_MENU)
    before = trial.open_menu()
    trial.eyes.wait_text("Try all again now", before)
    trial.shoot("menu")
    trial.eyes.wait_text("1 not delivered", before)
    return "open, with state and counts"


def click(trial: Trial) -> str:
    trial.server.clear_scripts()
    trial.choose("Try all again now")
    with trial.told("DLQ recovered"):
        trial.server.wait_for(lambda: trial.server.count(_BY_MENU), 8, "delivered after the click")
        trial.wait_letters(0)
    return "“Try all again now” delivers the memory"


def _open_letter(trial: Trial) -> None:
    trial.open_menu()
    trial.choose("Memories not delivered", *(["500"] if trial.desk.nests else []))


def submenu(trial: Trial) -> str:
    trial.make_letter(_ASKED)
    _open_letter(trial)
    trial.nested.wait_still()
    trial.shoot("submenus")
    trial.eyes.wait_text("Copy ID", trial.before_menu)
    return "down to what can be done about a dead letter"


def copy(trial: Trial) -> str:
    (letter,) = trial.letters()
    trial.choose("Copy ID")
    trial.nested.wait_still(2.0)  # wl-paste takes the focus away, without which wl-copy fails
    wait_until(
        lambda: trial.pasted() == letter["id"], 10, "the id pasted", every=0.3,
        explain=lambda: f"instead {trial.pasted()!r}",
    )  # fmt: skip
    return "pasted by another program"


def dialog(trial: Trial) -> str:
    assert trial.letters(), "there is no dead letter"
    _open_letter(trial)
    trial.choose("Back up then delete")
    trial.eyes.wait_text("Back up and delete", trial.before_menu)
    trial.nested.wait_still()
    trial.shoot("dialog")
    trial.choose("Back up and delete")
    trial.wait_letters(0)
    return "asks, and deletes when told to"


def submenu_again(trial: Trial) -> str:
    for number, project in enumerate(("orchard", "meadow"), 1):
        with trial.told("Moved to DLQ"):
            trial.refuse(f"later {number}", project)
            trial.wait_letters(number)
        trial.open_menu()
        trial.choose("Memories not delivered")
        if not trial.desk.nests:  # all is one list, which may show no more than the first letter
            place = trial.eyes.wait_text("Try again now", trial.before_menu).middle
            for _ in range(_TURNS * (number - 1)):
                trial.nested.screen.mouse(*place, _WHEEL)
        trial.eyes.wait_text(project, trial.before_menu)
    return "shows the dead letter that has come since"


STEPS: Final[dict[str, Step]] = {
    "icon": icon,
    "tooltip": tooltip,
    "left click": left_click,
    "notification": notification,
    "its button": button,
    "recovered": recovered,
    "menu": menu,
    "a click in it": click,
    "submenus": submenu,
    "Copy ID": copy,
    "dialog": dialog,
    "submenu again": submenu_again,
}


# Where the panel shows no icons: the program says so once, and works ----------------------------

_LATE: Final = 90.0  # seconds: a panel may come late, so the notice does
_NOTICE: Final = "The icon is not shown"


def notice(trial: Trial) -> str:
    before = trial.at_rest()
    trial.start()
    place = trial.eyes.wait_text(_NOTICE, before, _LATE).middle
    trial.hover(place)
    trial.nested.wait_still(0.3)
    trial.shoot("notice")
    return f"“{_NOTICE}”"


def doctor(trial: Trial) -> str:
    done = subprocess.run(
        [PROGRAM, "doctor", "--no-notify"],
        env=trial.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "No panel here shows tray icons." in done.stdout, done.stdout + done.stderr
    assert "AppIndicator" in done.stdout, done.stdout
    return "names the extension that helps"


def delivery(trial: Trial) -> str:
    trial.add("without an icon")
    trial.server.wait_for(lambda: trial.server.count("without an icon"), 20, "delivered")
    return "delivers all the same"


def once(trial: Trial) -> str:
    before = trial.at_rest()
    trial.nested.end("mem0tray")
    trial.start()
    try:
        trial.eyes.wait_text(_NOTICE, before, _LATE)
    except AssertionError:
        return "is not said again"
    raise AssertionError("it was said again")


WITHOUT_PANEL: Final[dict[str, Step]] = {
    "notice": notice,
    "doctor": doctor,
    "delivery": delivery,
    "once": once,
}
