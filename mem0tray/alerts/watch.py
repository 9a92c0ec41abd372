"""Looking at what waits: the episodes of both alerts, and the command that hears of them.

The tray's notifier looks on its thread, `mem0tray run` on its main one.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mem0tray.alerts import alert_command, episodes
from mem0tray.alerts.episodes import Alerts
from mem0tray.config.settings import Settings
from mem0tray.core import events
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.events import Events
from mem0tray.system.threads import SYSTEM, Clock

if TYPE_CHECKING:
    from mem0tray.ledger.waiting import Counts

LOOK: Final = 30.0  # seconds between two looks


class AlertWatch:
    """Watches both alerts. `counts` may raise Mem0TrayError; `told` remembers across a restart."""

    def __init__(
        self,
        events: Events,
        settings: Callable[[], Settings],
        counts: Callable[[], "Counts"],
        told: Path,
        clock: Clock = SYSTEM,
    ) -> None:
        self._clock = clock
        self._events = events
        self._settings = settings
        self._counts = counts
        self._told = told
        self._alerts = Alerts(episodes.load_told(told))
        self.due = 0.0  # when to look again, monotonic

    def look(self) -> "Counts | None":
        """Emit the alerts that begin or end, and run the command; return what waits, if known."""
        now, settings = self._clock.now(), self._settings()
        self.due = now + LOOK
        try:
            counts = self._counts()
        except Mem0TrayError:  # the worker reports the trouble with its ledger
            return None
        found = self._alerts.look(counts, settings.alerts, now, self._clock.wall())
        next_look = self._alerts.next_look(settings.alerts)
        if next_look is not None:
            self.due = min(self.due, max(next_look, now))
        if found:
            episodes.save_told(self._told, self._alerts.told)
        for event in found:
            self._events.emit(event)
            if isinstance(event, events.AlertBegan) and settings.alerts.command.strip():
                text = episodes.describe(event)
                alert_command.start(settings.alerts.command, text, self._command_failed)
        return counts

    def _command_failed(self, reason: str) -> None:
        self._events.emit(events.AlertCommandFailed(reason))
