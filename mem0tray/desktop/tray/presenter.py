"""Keeps icon, tooltip and menu in step with the worker, on a thread of its own.

A change of state shows at once, deliveries within a second. A menu with other lines waits ten
seconds after the last one, unless the user has just clicked in it: some panels close an open menu.
"""

import logging
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.events import Event
from mem0tray.core.language import Language
from mem0tray.core.state import STARTING
from mem0tray.desktop.tray import icon, menu
from mem0tray.desktop.tray.menu import MenuEntry, View
from mem0tray.system.threads import SYSTEM, Clock

if TYPE_CHECKING:
    from mem0tray.desktop.tray import Tray

MENU_EVERY: Final = 10.0  # seconds
TITLE_EVERY: Final = 1.0
LOOK: Final = 300.0  # seconds between looks when no event comes
_STOP: Final = 2.0
_CALM: Final = (events.Accepted, events.Delivered, events.InBackoff, events.MoreInBackoff)
_log: Final = logging.getLogger(__name__)


class Presenter:
    """Subscribe it to the events, and `start` it once the tray can be changed."""

    def __init__(
        self,
        tray: "Tray",
        gather: Callable[[], View],
        settings: Callable[[], Settings],
        language: Callable[[], Language],
        *,
        nests: bool = True,
        clock: Clock = SYSTEM,
    ) -> None:
        self._tray = tray
        self._clock = clock
        self._gather = gather
        self._settings = settings
        self._language = language
        self._nests = nests
        self._shown: tuple[MenuEntry, ...] | None = None
        self._guard = threading.Condition()  # guards the rest; times are monotonic
        self._due = -math.inf  # when to look next
        self._menu_due = -math.inf  # from when on a menu with other lines may be shown
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mem0tray-tray", daemon=True)

    def __call__(self, event: Event) -> None:
        self._look_in(TITLE_EVERY if isinstance(event, _CALM) else 0.0)

    def clicked(self) -> None:
        """Show the effects of a click at once: the menu is closed."""
        with self._guard:
            self._menu_due = -math.inf
        self._look_in(0.0)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._look_in(0.0)
        if self._thread.is_alive():
            self._thread.join(_STOP)

    def _look_in(self, seconds: float) -> None:
        with self._guard:
            self._due = min(self._due, self._clock.now() + seconds)
            self._guard.notify()

    def _run(self) -> None:
        while self._waited():
            try:
                self._show()
            except Mem0TrayError:  # the worker says what is wrong with its ledger
                continue
            except Exception:  # noqa: BLE001  (whatever it is: the next look may succeed)
                _log.exception("The tray could not be brought up to date")

    def _waited(self) -> bool:
        with self._guard:
            while not self._stopping and (left := self._due - self._clock.now()) > 0:
                self._clock.wait(self._guard, left)
            self._due = self._clock.now() + LOOK
            return not self._stopping

    def _show(self) -> None:
        view, language, wall = self._gather(), self._language(), self._clock.wall()
        self._tray.show_look(icon.look(view.state, view.dlq, self._settings().alerts.investigate))
        self._tray.show_title(menu.tooltip(view, language, wall))
        entries = menu.build(view, language, wall, nests=self._nests)
        if entries == self._shown:
            return
        mends = self._shown is not None and menu.shape(entries) == menu.shape(self._shown)
        with self._guard:
            now = self._clock.now()
            if not mends and now < self._menu_due:
                self._due = min(self._due, self._menu_due)
                return
            # Nobody has opened the menu that says "starting"; the next one comes in a moment.
            if not mends and view.state != STARTING:
                self._menu_due = now + MENU_EVERY
        self._shown = entries
        self._tray.show_menu(entries)
