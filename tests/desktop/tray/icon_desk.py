"""A bus, a panel to ask, and an icon of ours on it; callbacks run on a thread of the desk."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mem0tray.desktop import tray
from mem0tray.desktop.bus import SessionBus
from mem0tray.desktop.tray import linux
from mem0tray.system.threads import WakeUp
from tests.support.processes import wait_until
from tests.support.session import session
from tests.support.sni import TrayHost, TrayItem


class IconDesk:
    """One icon named `lab`; `menu` and `MenuItem` are pystray's."""

    def __init__(self, address: str, ended: Callable[[], None]) -> None:
        self.address, self.end_bus = address, ended
        self.library = tray.pystray(ours=True)
        self.MenuItem = self.library.MenuItem
        self.bus = SessionBus(address)
        self.bus.connect()
        self.icon = linux.icon_class(self.library, self.bus)("lab", (picture("red"),), "lab")
        self.host = TrayHost(address)
        self.ran: list[str] = []  # the thread of each callback that `note` was given to
        self._thread = threading.Thread(target=self.icon.run, name="desk", daemon=True)

    def menu(self, *items: Any) -> None:
        self.icon.menu = self.library.Menu(*items)

    def note(self) -> None:
        self.ran.append(threading.current_thread().name)

    def start(self) -> TrayItem:
        self._thread.start()
        return self.host.wait_item()

    def wait_ran(self, number: int = 1) -> None:
        """Wait until so many callbacks have run; more would be seen after a further click."""
        wait_until(lambda: len(self.ran) >= number, what=f"{number} callbacks")
        assert len(self.ran) == number

    def ended(self) -> bool:
        self._thread.join(10)
        return not self._thread.is_alive()

    def close(self) -> None:
        self.icon.stop()
        self.bus.close()
        self.host.close()


def picture(colour: str, size: int = 32) -> Image.Image:
    return Image.new("RGBA", (size, size), colour)


@contextlib.contextmanager
def icon_desk(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[IconDesk]:
    """Set one up; the signals of this process stay Python's, and nothing is told twice."""
    patch.setattr(linux, "Bell", WakeUp)
    patch.setattr(linux, "_AGAIN", 3600.0)
    patch.setattr(linux, "_LISTENS", 0.0)
    patch.setattr(os, "environ", os.environ.copy())
    with session(folder) as found:
        desk = IconDesk(found.environ["DBUS_SESSION_BUS_ADDRESS"], found.bus.kill)
        try:
            yield desk
        finally:
            with contextlib.suppress(Exception):  # the bus may be gone
                desk.close()
