"""What can happen. The worker emits these; it does not know who listens.

Log, notifications, icon and metrics subscribe. No event carries the content
of a memory. Times are Unix seconds, delays seconds.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mem0tray.core.reasons import Reason

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True, slots=True)
class WorkerStarted(Event):
    """The worker begins; `destination` in the words that people see, empty for none.

    `warning` says what to know about the way there, if there is something.
    """

    destination: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class ServerChanged(Event):
    """Other settings of the server hold from now on; the fields are those of `WorkerStarted`.

    `same`: it is the one from before, under another key or port.
    """

    destination: str
    warning: str = ""
    same: bool = False


@dataclass(frozen=True, slots=True)
class OtherPort(Event):
    """The embedded server listens at `port`; `wanted`, the one of the settings, was not to be had.

    Or it was started by hand with another one.
    """

    wanted: int
    port: int


@dataclass(frozen=True, slots=True)
class WorkerStopped(Event):
    """The worker has left."""


@dataclass(frozen=True, slots=True)
class Accepted(Event):
    """`count` memories were taken into the ledger."""

    count: int


@dataclass(frozen=True, slots=True)
class Delivered(Event):
    """A fresh memory has reached the server."""

    project: str
    item_id: str


@dataclass(frozen=True, slots=True)
class AttemptFailed(Event):
    """A fresh memory failed for the `retries`th time in a row."""

    project: str
    item_id: str
    retries: int
    reason: str


@dataclass(frozen=True, slots=True)
class Held(Event):
    """Another worker has perhaps delivered this fresh memory: it waits for the user."""

    project: str
    item_id: str


@dataclass(frozen=True, slots=True)
class MovedToDlq(Event):
    """Five failures in a row."""

    project: str
    item_id: str
    retries: int


@dataclass(frozen=True, slots=True)
class AdoptedToDlq(Event):
    """Memories that `source` left behind are dead letters now."""

    count: int
    source: str


@dataclass(frozen=True, slots=True)
class DlqRecovered(Event):
    """A dead letter has reached the server, after `retries` (as in the file)."""

    project: str
    item_id: str
    retries: int


@dataclass(frozen=True, slots=True)
class DlqRetryFailed(Event):
    """A dead letter failed again; `retries` is the new count, `delay` the new wait."""

    project: str
    item_id: str
    retries: int
    delay: float


@dataclass(frozen=True, slots=True)
class InBackoff(Event):
    """A dead letter is in backoff for `delay` seconds."""

    project: str
    item_id: str
    delay: float


@dataclass(frozen=True, slots=True)
class MoreInBackoff(Event):
    """`count` further dead letters are in backoff as well."""

    count: int


@dataclass(frozen=True, slots=True)
class StateChanged(Event):
    """The worker's state: `starting healthy down paused` or `action needed`, and why.

    `told`: the reason is that of a `PartFailed` which came before.
    """

    state: str
    reason: Reason
    told: bool = False


@dataclass(frozen=True, slots=True)
class SlowedDown(Event):
    """The server asked for a break."""

    delay: float


@dataclass(frozen=True, slots=True)
class HandEdit(Event):
    """The user edited the DLQ file; counts of what that meant."""

    discarded: int = 0
    edited: int = 0
    forced: int = 0
    adopted: int = 0
    restored: int = 0


@dataclass(frozen=True, slots=True)
class UserAction(Event):
    """What a command or the menu did: `verb` is one of `files.receipts`, then how many.

    `backup` names the file from which it can be restored, if it removed something.
    """

    verb: str
    dead: int = 0
    waiting: int = 0
    backup: str = ""


@dataclass(frozen=True, slots=True)
class AlreadyDelivered(Event):
    """An item that stands in a file again is on the server already, and is taken out."""

    project: str
    item_id: str
    file: str


@dataclass(frozen=True, slots=True)
class DeliveredAfterDeletion(Event):
    """A delivery beat the deletion that came while its request was under way.

    `edited`: what was deleted is the old text of a memory that was edited.
    """

    project: str
    item_id: str
    edited: bool = False


@dataclass(frozen=True, slots=True)
class FileBroken(Event):
    """A file could not be read whole; what it held is kept under `kept_as`, empty for nothing."""

    file: str
    reason: str
    kept_as: str


@dataclass(frozen=True, slots=True)
class Quarantined(Event):
    """An item that no JSON program can load was set aside under `kept_as`."""

    file: str
    kept_as: str


@dataclass(frozen=True, slots=True)
class LedgerRebuilt(Event):
    """The ledger was missing, corrupt or an old copy."""

    reason: str


@dataclass(frozen=True, slots=True)
class SettingsChanged(Event):
    """The settings were read anew, and hold from now on."""


@dataclass(frozen=True, slots=True)
class FolderMade(Event):
    """The shared folder was not there, and the worker has made it."""

    folder: Path


@dataclass(frozen=True, slots=True)
class FolderChanged(Event):
    """The worker has left the shared folder `before` and serves `now` (both real paths)."""

    before: Path
    now: Path


@dataclass(frozen=True, slots=True)
class StatusWanted(Event):
    """A second start of the tray wants the first to show its status."""


@dataclass(frozen=True, slots=True)
class PartFailed(Event):
    """A part of the worker met an error; it goes on after `delay` seconds.

    Told once: what fails after it, for the same cause, is the same trouble.
    """

    part: str
    error: str
    delay: float


@dataclass(frozen=True, slots=True)
class PartRecovered(Event):
    """The trouble that `PartFailed` told of is over."""

    part: str


@dataclass(frozen=True, slots=True)
class AlertBegan(Event):
    """An alert, once an episode: `alert` is the setting that names its `limit`.

    `dlq_size`: more than `limit` dead letters for `minutes`. `max_age`: the
    oldest undelivered memory waits since `oldest`, longer than `limit` days.
    """

    alert: str
    limit: float
    minutes: float
    queue: int
    dlq: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class AlertOver(Event):
    """The episode of an alert has ended."""

    alert: str


@dataclass(frozen=True, slots=True)
class AlertCommandFailed(Event):
    """`alerts.command` could not be run, or failed."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotificationFailed(Event):
    """A notification could be shown in no way; `title` as in English."""

    title: str
    reason: str


Listener = Callable[[Event], None]


class Events:
    """Hands each event to every listener; a listener that fails harms nobody."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every event from now on, on the emitting thread."""
        with self._lock:
            self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        """Hand the event to every listener."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001  (whatever it is: it is theirs)
                _log.exception("A listener failed on %r", event)
