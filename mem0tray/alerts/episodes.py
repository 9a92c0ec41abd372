"""Alerts: too many dead letters for too long, or a memory that waits too long.

An episode begins when a limit is passed, is told once, and ends when the limit is kept again. Pure,
but for the file that remembers which have been told, so that a restart does not tell them again.
`now` is monotonic and measures `alerts.after`; `wall` (Unix seconds) measures ages.
"""

import json
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mem0tray.config.settings import AlertSettings
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.events import AlertBegan, AlertOver, Event
from mem0tray.core.text import one_line, plural
from mem0tray.files import atomic, document, private_folders
from mem0tray.system import regular_file

if TYPE_CHECKING:
    from mem0tray.ledger.waiting import Counts

SIZE: Final = "dlq_size"
AGE: Final = "max_age"
_DAY: Final = 86_400.0
_MINUTE: Final = 60.0


class Alerts:
    """Both alerts. `told` names those whose episode has been told already."""

    def __init__(self, told: Iterable[str] = ()) -> None:
        self._told = set(told)
        self._since: float | None = None

    @property
    def told(self) -> frozenset[str]:
        """The alerts that were told and are not over yet."""
        return frozenset(self._told)

    def look(
        self, counts: "Counts", settings: AlertSettings, now: float, wall: float
    ) -> list[Event]:
        """The alerts that begin or end, as things stand now."""
        found = [
            self._size(counts, settings, now),
            self._age(counts, settings, wall),
        ]
        return [event for event in found if event is not None]

    def next_look(self, settings: AlertSettings) -> float | None:
        """When an alert is due if nothing changes, monotonic; None: not without a change."""
        if self._since is None or SIZE in self._told:
            return None
        return self._since + settings.after * _MINUTE

    def _size(self, counts: "Counts", settings: AlertSettings, now: float) -> Event | None:
        if counts.dlq <= settings.dlq_size:
            self._since = None
            return self._over(SIZE)
        if self._since is None:
            self._since = now
        if now - self._since < settings.after * _MINUTE:
            return None
        return self._begin(SIZE, settings.dlq_size, settings, counts)

    def _age(self, counts: "Counts", settings: AlertSettings, wall: float) -> Event | None:
        if counts.oldest is None or wall - counts.oldest <= settings.max_age * _DAY:
            return self._over(AGE)
        return self._begin(AGE, settings.max_age, settings, counts)

    def _begin(
        self, alert: str, limit: float, settings: AlertSettings, counts: "Counts"
    ) -> Event | None:
        if alert in self._told:
            return None
        self._told.add(alert)
        return AlertBegan(alert, limit, settings.after, counts.queue, counts.dlq, counts.oldest)

    def _over(self, alert: str) -> Event | None:
        if alert not in self._told:
            return None
        self._told.remove(alert)
        return AlertOver(alert)


def describe(alert: AlertBegan) -> str:
    """The text for `alerts.command`: lines in English, as for other programs; no content."""
    if alert.alert == SIZE:
        what = f"{plural(alert.dlq, 'dead letter')}: more than {alert.limit:,.0f}"
        what += f" for {plural(alert.minutes, 'minute')}."
    else:
        what = f"The oldest undelivered memory is older than {plural(alert.limit, 'day')}."
    oldest = "–" if alert.oldest is None else document.local_iso(alert.oldest)
    return "\n".join(
        [
            f"mem0tray on {one_line(socket.gethostname(), 80)}: {what}",
            "",
            f"Dead letters:   {alert.dlq:,}",
            f"In the queue:   {alert.queue:,}",
            f"Oldest waiting: {oldest}",
            "",
            "Why: mem0tray diagnose",
            "Which: mem0tray list",
            "",
        ]
    )


def load_told(path: Path) -> frozenset[str]:
    """The alerts that were told before a restart; none when the file cannot be read."""
    try:
        value = json.loads(regular_file.read_bytes(path))
    except (OSError, ValueError, RecursionError):
        return frozenset()
    told = value.get("told") if isinstance(value, dict) else None
    return frozenset(name for name in (SIZE, AGE) if isinstance(told, list) and name in told)


def save_told(path: Path, told: Iterable[str]) -> None:
    """Remember which alerts were told. A full disk costs no more than a repeated alert."""
    try:
        private_folders.make_private_folder(path.parent)
        atomic.replace(path, json.dumps({"told": sorted(told)}).encode())
    except (OSError, Mem0TrayError):
        return
