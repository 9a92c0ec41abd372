"""What the tray application shows, over the bus: icon, tooltip, menu."""

from typing import Final

import pytest

from mem0tray.desktop.tray import icon
from mem0tray.desktop.tray.icon import IconLook
from tests.support.http1 import Answer
from tests.support.shapes import entries, waiting
from tests.support.tray import HEALTHY, Tray, letter_path, wait_look, wait_tooltip
from tests.support.variants import variants

ONE_DEAD: Final = IconLook("healthy", "amber", "1")


# Icon and tooltip ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "look"),
    variants(
        [
            (1, ONE_DEAD),
            (10, IconLook("healthy", "red", "9+")),
            (0, HEALTHY),
            (5, IconLook("healthy", "amber", "5")),
            (6, IconLook("healthy", "red", "6")),
        ],
        quick=2,
    ),
)
def test_the_badge_counts_dead_letters(tray: Tray, number: int, look: IconLook) -> None:
    tray.home.write_dlq([waiting(f"letter {n}") for n in range(number)])
    tray.shown(look)


def test_the_icon_follows_the_state(tray: Tray) -> None:
    tray.home.write_dlq([waiting("letter")])
    _, item = tray.shown(ONE_DEAD)
    wait_tooltip(item, "Server healthy")
    tray.server.health = Answer(503)
    wait_look(item, IconLook("down", "amber", "1"))
    wait_tooltip(item, "Server down")
    tray.home.ok("pause")
    wait_look(item, IconLook("paused", "amber", "1"))
    wait_tooltip(item, "Paused")
    assert item.status == "Active"
    tray.home.configure("[sync]\ntimeout = 'soon'\n")
    wait_look(item, IconLook("action-needed", "amber", "1"))
    item.wait_for(lambda: item.status == "NeedsAttention", what="attention")
    wait_tooltip(item, "Action needed", "sync.timeout")


def test_the_tooltip_tells_state_destination_and_counts(tray: Tray) -> None:
    _, item = tray.shown()
    tray.home.ok("add", "--project", "alpha", "first")
    host = tray.server.netloc
    wait_tooltip(item, f"Server healthy · {host}", "0 memories waiting · 0 not delivered")
    wait_tooltip(item, "Last delivery: ")
    tray.home.ok("pause")
    wait_tooltip(item, f"Paused · {host}")
    tray.home.write_dlq([waiting(f"letter {n}") for n in range(2)])
    tray.home.write_queue(entries(3))
    wait_tooltip(item, "3 memories waiting · 2 not delivered")


def test_the_icon_comes_in_every_size(tray: Tray) -> None:
    tray.home.write_dlq([waiting("letter")])
    _, item = tray.shown(ONE_DEAD)
    assert item.sizes == [16, 22, 24, 32, 44, 48, 64]
    for size in item.sizes:
        assert item.icon(size) == icon.compose(ONE_DEAD, size)


# The menu --------------------------------------------------------------------------------


def test_the_whole_menu(tray: Tray) -> None:
    """Every line of the menu stands in its order, with what can be clicked and what is ticked."""
    tray.home.write_dlq([waiting("letter", "alpha")])
    _, item = tray.shown(ONE_DEAD)
    menu = item.menu()
    assert menu.labels == [
        f"Server healthy · {tray.server.netloc}",
        "0 memories waiting · 1 not delivered",
        "-",
        "Try all again now",
        "Memories not delivered",
        "-",
        "Show status",
        "Open DLQ file",
        "Open log",
        "Restore last deletion",
        "-",
        "Pause",
        "Notifications",
        "Start at login",
        "Settings…",
        "-",
        "Quit",
    ]
    letter = menu.find(*letter_path(item, "alpha"))
    assert letter.labels == ["Try again now", "Back up then delete…", "Copy ID", "Diagnose"]
    assert menu.find("Pause").labels == ["30 minutes", "1 hour", "Until resumed", "Resume"]
    assert menu.find("Notifications").labels == ["All", "Problems only", "None"]
    assert [each.label for each in menu.walk() if not each.enabled] == [
        "Restore last deletion",
        "Resume",
    ]
    assert [each.label for each in menu.walk() if each.checked] == ["All"]


def test_nothing_to_retry_is_disabled(tray: Tray) -> None:
    _, item = tray.shown()
    menu = item.menu()
    assert not menu.find("Try all again now").enabled
    assert not menu.find("Memories not delivered").enabled


def test_disabled_items_do_nothing(tray: Tray) -> None:
    tray.home.ok("pause", "600")
    _, item = tray.shown(IconLook("paused"))
    until = tray.home.json("status")["paused_until"]
    paths = (("Try all again now",), ("Pause", "30 minutes"), ("Pause", "Until resumed"))
    item.wait_for(
        lambda: not any(item.menu().find(*path).enabled for path in paths), what="all disabled"
    )
    for path in paths:
        item.click(*path, even_disabled=True)
    item.click("Notifications", "None")  # clicks are carried out in order: this is the last
    tray.home.wait(tray.home.config.exists, what="the last click")
    assert tray.home.json("status")["paused_until"] == until
