"""The tray application on a real panel, with a real mouse; each test leaves a screenshot."""

from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageChops

from mem0tray.desktop import icon
from mem0tray.desktop.icon import Look
from tests.support.http1 import Answer
from tests.support.processes import wait_until
from tests.support.screen import Point, Window
from tests.support.shapes import entries, waiting
from tests.support.tray import HEALTHY, Tray

LINES: Final = 12  # of the menu that are no separators
RETRY_ALL, LETTERS, PAUSE, NOTIFICATIONS = 1, 2, 7, 8
LETTER_LINES: Final = 4
RETRY, DELETE = 0, 1
SHOWN: Final = 24  # pixels of the icon on the panel
WHERE: Final = (0, 0, 64, 32)  # the icon is somewhere here
BASES: Final = ("healthy", "down", "paused", "action-needed")
BADGES: Final = ((0, None, ""), (1, "amber", "1"), (6, "red", "6"), (10, "red", "9+"))


class Panel:
    """The application on a panel that is there first."""

    def __init__(self, tray: Tray, folder: Path) -> None:
        self.tray, self.screen, self.folder = tray, tray.desktop.screen, folder
        self.tray.desktop.panel()

    def wait_look(self, look: Look) -> Point:
        """Wait until the panel shows this look; the middle of the icon."""
        found: list[Point] = []

        def seen() -> bool:
            place = find(self.screen.picture().crop(WHERE), look)
            found.extend([place] if place else [])
            return bool(found)

        wait_until(seen, 10, f"{look} on the panel", explain=self.screen.describe)
        return found[-1]

    def shoot(self, name: str) -> None:
        """Save a screenshot."""
        self.screen.screenshot(self.folder / f"{name}.png")

    def open_menu(self, look: Look) -> Window:
        """Click the icon; its menu."""
        self.tray.desktop.mouse(*self.wait_look(look))
        return self.screen.wait_menu()

    def open_below(self, menu: Window, line: int, lines: int) -> Window:
        """Point at a line that has a submenu; the submenu."""
        before = self.screen.menus()
        self.tray.desktop.mouse(*row(menu, line, lines))
        return self.screen.wait_window(
            lambda window: window.kind.endswith("MENU") and window not in before, what="a submenu"
        )
