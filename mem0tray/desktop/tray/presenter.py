"""Keeps icon, tooltip and menu in step with the worker, on a thread of its own.

A change of state shows at once. Deliveries change only the tooltip, at most once a second; a menu
with other lines is built when needed, but not within ten seconds of the last one, unless the user
has just clicked in it.
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
    from mem0tray.desktop.tray.tray import Tray

MENU_EVERY: Final = 10.0  # seconds
AFTER_CLICK: Final = 2.0  # seconds in which the worker follows a click
TITLE_EVERY: Final = 1.0
LOOK: Final = 300.0  # seconds between looks when no event comes
_STOP: Final = 2.0
_CALM: Final = (events.Accepted, events.Delivered, events.InBackoff, events.MoreInBackoff)
_log: Final = logging.getLogger(__name__)


class MenuPace:
    """Decides when a menu may be shown. Pure; times are monotonic seconds.

    `mends`: a menu of the same shape can be changed in place, and is changed at once.
    """

    def __init__(self, *, mends: bool = False) -> None:
        self._mends = mends
        self._shown: tuple[MenuEntry, ...] | None = None
        self._built = -math.inf
        self._redraw = False
        self._follows_until = -math.inf

    def clicked(self, now: float) -> None:
        """Note that the menu is closed: it is drawn anew, and effects of the click show at once."""
        self._redraw = True  # the desktop has changed the tick, whatever came of the click
        self._follows_until = now + AFTER_CLICK

    def takes_menu(self, entries: tuple[MenuEntry, ...], now: float, *, lasts: bool = True) -> bool:
        """Whether to show this menu now; another follows at once if it does not last."""
        redraw, self._redraw = self._redraw, False
        changed = entries != self._shown
        if changed and self._can_mend(entries):
            self._shown = entries
            return True
        if not redraw and not (changed and now >= self._due(now)):
            return False
        if changed:
            self._follows_until = -math.inf
        if lasts:
            self._built = now
        self._shown = entries
        return True

    def _can_mend(self, entries: tuple[MenuEntry, ...]) -> bool:
        shown = self._shown
        return self._mends and shown is not None and menu.shape(entries) == menu.shape(shown)

    def _due(self, now: float) -> float:
        return now if now < self._follows_until else self._built + MENU_EVERY

    def patience(self, entries: tuple[MenuEntry, ...], now: float) -> float:
        """Seconds to wait if nothing happens: a menu may be due."""
        if entries == self._shown:
            return LOOK
        return max(0.0, self._due(now) - now)


class Presenter:
    """Subscribe it to the events, and `start` it once the tray can be told things.

    `mends` and `nests` as for `menu.build`.
    """

    def __init__(
        self,
        tray: "Tray",
        gather: Callable[[], View],
        settings: Callable[[], Settings],
        language: Callable[[], Language],
        *,
        mends: bool = False,
        nests: bool = True,
        clock: Clock = SYSTEM,
    ) -> None:
        self._tray = tray
        self._clock = clock
        self._gather = gather
        self._settings = settings
        self._language = language
        self._mends = mends
        self._nests = nests
        self._pace = MenuPace(mends=mends)
        self._guard = threading.Condition()
        self._urgent = True
        self._calm = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="mem0tray-tray", daemon=True)

    def __call__(self, event: Event) -> None:
        """Note that something has happened; from any thread."""
        with self._guard:
            if isinstance(event, _CALM):
                self._calm = True
            else:
                self._urgent = True
            self._guard.notify()

    def clicked(self) -> None:
        """Show that the user's wish is done, check marks included."""
        with self._guard:
            self._pace.clicked(self._clock.now())
            self._urgent = True
            self._guard.notify()

    def start(self) -> None:
        """Start the thread, which shows everything as it is now."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        with self._guard:
            self._stopping = True
            self._guard.notify()
        if self._thread.is_alive():
            self._thread.join(_STOP)

    def _run(self) -> None:
        patience = 0.0
        while self._waited(patience):
            try:
                patience = self._show()
            except Mem0TrayError:  # the worker says what is wrong with its ledger
                patience = LOOK
            except Exception:  # noqa: BLE001  (whatever it is: the next look may succeed)
                _log.exception("The tray could not be brought up to date")
                patience = LOOK

    def _waited(self, patience: float) -> bool:
        """Wait until there is something to show; False when we are to leave."""
        end = self._clock.now() + patience
        calm_end: float | None = None
        with self._guard:
            while not (self._stopping or self._urgent):
                now = self._clock.now()
                if self._calm and calm_end is None:
                    calm_end = now + TITLE_EVERY
                until = end if calm_end is None else min(end, calm_end)
                if until <= now:
                    break
                self._clock.wait(self._guard, until - now)
            self._urgent = self._calm = False
            return not self._stopping

    def _show(self) -> float:
        """Show what has changed; return the seconds to wait if nothing happens."""
        view, language = self._gather(), self._language()
        investigate = self._settings().alerts.investigate
        self._tray.show_look(icon.look(view.state, view.dlq, investigate))
        wall = self._clock.wall()
        self._tray.show_title(menu.tooltip(view, language, wall))
        entries = menu.build(view, language, wall, mends=self._mends, nests=self._nests)
        now = self._clock.now()
        # Nobody has opened the menu that says "starting"; the next one comes in a moment.
        if self._pace.takes_menu(entries, now, lasts=view.state != STARTING):
            self._tray.show_menu(entries)
        return self._pace.patience(entries, now)
