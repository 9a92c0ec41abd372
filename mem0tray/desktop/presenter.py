"""Keeps icon, tooltip and menu as the worker is, on a thread of its own.

A change of state shows at once. Deliveries change the tooltip alone, once a
second at most; a menu with other lines is built when there are any, and not
within ten seconds of the last time, unless the user has just clicked in it.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mem0tray import events
from mem0tray.desktop import icon, menu
from mem0tray.desktop.menu import Entry
from mem0tray.desktop.view import View
from mem0tray.errors import Mem0TrayError
from mem0tray.events import Event
from mem0tray.language import Language
from mem0tray.settings import Settings
from mem0tray.worker.state import STARTING

if TYPE_CHECKING:
    from mem0tray.desktop.tray import Tray

MENU_EVERY: Final = 10.0  # seconds
TITLE_EVERY: Final = 1.0
LOOK: Final = 30.0  # seconds between looks, should nothing happen
_STOP: Final = 2.0
_CALM: Final = (events.Accepted, events.Delivered, events.WaitingBackoff, events.MoreWait)


class Pace:
    """When what may be shown. Pure; times are monotonic seconds.

    `mends`: a menu of the same shape can be changed in place, and is so at once.
    """

    def __init__(self, *, mends: bool = False) -> None:
        self._mends = mends
        self._shown: tuple[Entry, ...] | None = None
        self._built = -MENU_EVERY
        self._forced = False

    def force(self) -> None:
        """The user has clicked: the menu is closed, and may change at once."""
        self._forced = True

    def takes_menu(self, entries: tuple[Entry, ...], now: float, *, lasts: bool = True) -> bool:
        """Whether this menu is to be built now; one that does not last is followed at once."""
        forced, self._forced = self._forced, False
        if entries == self._shown and not forced:
            return False
        if self._mends and self._shown and menu.shape(entries) == menu.shape(self._shown):
            self._shown = entries
            return True
        if not forced and now < self._built + MENU_EVERY:
            return False
        if lasts:
            self._built = now
        self._shown = entries
        return True

    def patience(self, entries: tuple[Entry, ...], now: float) -> float:
        """How long to wait, should nothing happen: a menu may be due."""
        if entries == self._shown:
            return LOOK
        return max(0.0, self._built + MENU_EVERY - now)


class Presenter:
    """Subscribe it to the events, and `start` it once the tray can be told things."""

    def __init__(
        self,
        tray: "Tray",
        gather: Callable[[], View],
        settings: Callable[[], Settings],
        language: Callable[[], Language],
        *,
        mends: bool = False,
    ) -> None:
        self._tray = tray
        self._gather = gather
        self._settings = settings
        self._language = language
        self._pace = Pace(mends=mends)
        self._guard = threading.Condition()
        self._urgent = True
        self._calm = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mem0tray-tray", daemon=True)

    def __call__(self, event: Event) -> None:
        """Something has happened; from any thread."""
        with self._guard:
            if isinstance(event, _CALM):
                self._calm = True
            else:
                self._urgent = True
            self._guard.notify()

    def clicked(self) -> None:
        """What the user has asked for is done: show it, check marks included."""
        self._pace.force()
        with self._guard:
            self._urgent = True
            self._guard.notify()

    def start(self) -> None:
        """Begin, with everything as it is now."""
        self._thread.start()

    def stop(self) -> None:
        """Leave."""
        with self._guard:
            self._stopping = True
            self._guard.notify()
        self._thread.join(_STOP)

    def _run(self) -> None:
        patience = 0.0
        while self._waited(patience):
            try:
                patience = self._show()
            except Mem0TrayError:  # the worker says what is wrong with its ledger
                patience = LOOK

    def _waited(self, patience: float) -> bool:
        """Wait until something is to be shown; False when we are to leave."""
        end = time.monotonic() + patience
        calm_end: float | None = None
        with self._guard:
            while not (self._stopping or self._urgent):
                now = time.monotonic()
                if self._calm and calm_end is None:
                    calm_end = now + TITLE_EVERY
                until = end if calm_end is None else min(end, calm_end)
                if until <= now:
                    break
                self._guard.wait(until - now)
            self._urgent = self._calm = False
            return not self._stopping

    def _show(self) -> float:
        """Show what has changed; how long to wait, should nothing happen."""
        view, language = self._gather(), self._language()
        investigate = self._settings().alerts.investigate
        self._tray.show_look(icon.look(view.state, view.dlq, investigate))
        self._tray.show_title(menu.tooltip(view, language))
        entries = menu.build(view, language, time.time())
        now = time.monotonic()
        # Nobody has opened yet what says "starting"; the next one comes within a moment.
        if self._pace.takes_menu(entries, now, lasts=view.state != STARTING):
            self._tray.show_menu(entries)
        return self._pace.patience(entries, now)
