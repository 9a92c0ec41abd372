"""The tray application on a real panel, with a real mouse; each test leaves a screenshot."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from mem0tray.desktop.tray.icon import IconLook
from tests.desktop.panel import (
    BADGES,
    BASES,
    LINES,
    QUIT,
    RETRY_ALL,
    Panel,
)
from tests.support.http1 import Answer
from tests.support.processes import wait_until
from tests.support.shapes import entries, waiting
from tests.support.tray import HEALTHY, Tray
from tests.support.variants import variants

if TYPE_CHECKING:
    from collections.abc import Callable

ONE: Final = IconLook("healthy", "amber", "1")


@pytest.fixture
def panel(tray: Tray, tmp_path: Path) -> Panel:
    return Panel(tray, tmp_path)


@pytest.mark.parametrize(("number", "colour", "text"), variants(BADGES))
def test_every_look(panel: Panel, tray: Tray, number: int, colour: str | None, text: str) -> None:
    """A person can tell each base from the others, with each badge."""
    tray.home.write_dlq([waiting(f"letter {n}") for n in range(number)])
    tray.start()
    changes: dict[str, Callable[[], object]] = {
        "healthy": lambda: None,
        "down": lambda: setattr(tray.server, "health", Answer(503)),
        "paused": lambda: tray.home.ok("pause"),
        "action-needed": lambda: tray.home.configure("[sync]\ntimeout = 'soon'\n"),
    }
    for base in BASES:
        changes[base]()
        panel.wait_look(IconLook(base, colour, text))
        panel.shoot(f"{base}-{number}")


def test_the_mouse_over_the_icon_shows_a_tooltip(panel: Panel, tray: Tray) -> None:
    tray.home.write_dlq([waiting("letter", "alpha")])
    tray.start()
    panel.screen.point(*panel.wait_look(ONE))
    panel.screen.wait_window(lambda window: window.kind == "TOOLTIP", what="a tooltip")
    panel.shoot("tooltip")


def test_a_click_in_the_menu_delivers_the_memory(panel: Panel, tray: Tray) -> None:
    dunst = tray.desktop.dunst()
    tray.home.write_dlq([waiting("letter", "alpha")])
    tray.start()
    menu = panel.open_menu(ONE)
    panel.shoot("menu")
    tray.desktop.screen.mouse(*menu.row(RETRY_ALL, LINES))
    tray.server.wait_for(lambda: tray.server.count("letter"))
    panel.wait_look(HEALTHY)
    wait_until(lambda: "DLQ recovered" in dunst.out, 20.0, "DLQ recovered")
    panel.wait_notification()
    panel.shoot("delivered")


def test_an_open_menu_stays_open(panel: Panel, tray: Tray) -> None:
    tray.server.latency = 0.2
    tray.home.write_dlq([waiting("letter", "alpha")])
    tray.start(env={"MEM0TRAY_SYNC_CONCURRENCY": "1"})
    menu = panel.open_menu(ONE)
    panel.screen.point(*menu.row(QUIT, LINES))  # off the icon, whose tooltip would come
    tray.home.write_queue(entries(40))
    tray.server.wait_for(lambda: tray.server.has_saves(6))
    tray.server.health = Answer(503)
    tray.home.wait(lambda: tray.home.state()[0] == "down", what="down")
    tray.server.health = Answer(body={"status": "ok"})
    tray.server.wait_for(lambda: tray.server.has_saves(12))
    assert [each.id for each in panel.screen.menus()] == [menu.id]
    panel.shoot("held-open")
    tray.desktop.screen.mouse(*menu.row(RETRY_ALL, LINES))
    tray.server.wait_for(lambda: tray.server.count("letter"))
