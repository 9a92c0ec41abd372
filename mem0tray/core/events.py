"""What can happen, without the content of a memory. Times are Unix seconds, delays seconds."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.core.reasons import NONE, Reason

_log: Final = logging.getLogger(__name__)


class Event(Struct, frozen=True):
    """The base of all events."""


class OfMemory(Event, frozen=True):
    """The base of those about one memory."""

    project: str
    item_id: str


class WorkerStarted(Event, frozen=True):
    """`destination` is in the words that people see, empty for none; `warning` is about the way."""

    destination: str
    warning: str = ""


class ServerChanged(Event, frozen=True):
    """Another server, or another way to it; fields as in `WorkerStarted`."""

    destination: str
    warning: str = ""


class OtherPort(Event, frozen=True):
    """The embedded server listens at another port than the settings want."""

    wanted: int
    port: int


class LeftInFlight(Event, frozen=True):
    """A former worker ended while it was sending: nobody asks about that for `delay` seconds."""

    delay: float


class WorkerStopped(Event, frozen=True):
    """The worker has stopped."""


class Accepted(Event, frozen=True):
    count: int


class Delivered(OfMemory, frozen=True):
    """A fresh memory has reached the server; `elsewhere`: that one, if another is chosen by now."""

    elsewhere: str = ""


class AttemptFailed(OfMemory, frozen=True):
    retries: int
    reason: str


class NotTaken(OfMemory, frozen=True):
    """A healthy server did not take a memory, and nothing is counted; emitted for the first one."""

    reason: str


class Held(OfMemory, frozen=True):
    """Another worker has perhaps delivered this fresh memory: it waits for the user."""


class PerhapsTaken(Event, frozen=True):
    """Another worker took `count` fresh memories, perhaps: the server is asked once it has gone."""

    count: int


class MovedToDlq(OfMemory, frozen=True):
    """A fresh memory was set aside after `retries` failures; `reason`: of the last, if known."""

    retries: int
    reason: Reason = NONE


class AdoptedToDlq(Event, frozen=True):
    count: int
    source: str


class DlqRecovered(OfMemory, frozen=True):
    """A dead letter has reached the server, after `retries` failed retries (as in the file)."""

    retries: int
    elsewhere: str = ""


class DlqRetryFailed(OfMemory, frozen=True):
    retries: int
    delay: float
    reason: str


class InBackoff(OfMemory, frozen=True):
    delay: float


class StateChanged(Event, frozen=True):
    """The worker has a new state; `told`: the reason is that of a `PartFailed` before."""

    state: str
    reason: Reason
    told: bool = False


class SlowedDown(Event, frozen=True):
    delay: float


class HandEdit(Event, frozen=True):
    """The user edited the DLQ file; counts of what that meant."""

    discarded: int = 0
    edited: int = 0
    forced: int = 0
    adopted: int = 0
    restored: int = 0


class UserAction(Event, frozen=True):
    """A command or the menu did `verb`, one of `files.orders`; `backup`: where to restore from."""

    verb: str
    dead: int = 0
    fresh: int = 0
    backup: str = ""


class AlreadyDelivered(OfMemory, frozen=True):
    """An item that stands in a file again is on the server already, and is taken out again."""

    file: str


class DeliveredAfterDeletion(OfMemory, frozen=True):
    """A delivery beat the deletion, or the edit, that came while its request was under way."""

    edited: bool = False


class FileBroken(Event, frozen=True):
    """A file could not be read whole; what it held is kept under `kept_as`, empty for nothing."""

    file: str
    reason: str
    kept_as: str


class Quarantined(Event, frozen=True):
    """An item that no JSON program can load is in quarantine as `kept_as`, and `why` if known."""

    file: str
    kept_as: str
    why: str = ""


class NoteLeftOut(Event, frozen=True):
    """A note of Claude Code, or a folder of them, cannot be taken in; `path` as its folder's."""

    path: str
    why: str


class LedgerRebuilt(Event, frozen=True):
    reason: str


class HomeMoved(Event, frozen=True):
    """The ledger was copied from another computer, which may have sent what waits here."""

    waiting: int


class SettingsChanged(Event, frozen=True):
    """The settings were read again, and are now in force."""


class FolderMade(Event, frozen=True):
    folder: Path


class FolderChanged(Event, frozen=True):
    """The worker has left the shared folder `before` and serves `now` (both real paths)."""

    before: Path
    now: Path


class StatusWanted(Event, frozen=True):
    """A second start of the tray wants the first to show its status."""


class PartFailed(Event, frozen=True):
    """A part failed, emitted once for a cause; it tries again after `delay` seconds, if finite."""

    part: str
    error: str
    delay: float


class PartRecovered(Event, frozen=True):
    part: str


class AlertBegan(Event, frozen=True):
    """An alert began, once an episode: `alert` is the setting that names its `limit`."""

    alert: str
    limit: float
    minutes: float
    queue: int
    dlq: int
    oldest: float | None


class AlertOver(Event, frozen=True):
    alert: str


class AlertCommandFailed(Event, frozen=True):
    reason: str


class NotificationFailed(Event, frozen=True):
    """A notification could not be shown in any way; `title` is the English one."""

    title: str
    reason: str


Listener = Callable[[Event], None]


class Events:
    """Hands each event to every listener; a listener that fails harms nobody."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every event from now on, on the emitting thread."""
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001  (the listener's own error)
                _log.exception("A listener failed on %r", event)
