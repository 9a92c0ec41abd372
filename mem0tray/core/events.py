"""What can happen. The worker emits these; it does not know who listens.

Log, notifications, icon and metrics subscribe. No event carries the content
of a memory. Times are Unix seconds, delays seconds.

Events are frozen structs: dataclasses would compile their methods anew at each start.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from mem0tray.core.reasons import Reason

_log: Final = logging.getLogger(__name__)


class Event(Struct, frozen=True):
    """The base of all events."""


class OfMemory(Event, frozen=True):
    """The base of those about one memory."""

    project: str
    item_id: str


class WorkerStarted(Event, frozen=True):
    """The worker has started; `destination` is in the words that people see, empty for none.

    `warning` says what to know about the way there, if anything.
    """

    destination: str
    warning: str = ""


class ServerChanged(Event, frozen=True):
    """Other settings of the server are in force; the fields are those of `WorkerStarted`.

    `same`: the server is the former one, under another key or port.
    """

    destination: str
    warning: str = ""
    same: bool = False


class OtherPort(Event, frozen=True):
    """The embedded server listens at `port`, as the port `wanted` by the settings was in use.

    Or the server was started by hand with another port.
    """

    wanted: int
    port: int


class LeftInFlight(Event, frozen=True):
    """A former worker ended while it was sending: nobody asks about that for `delay` seconds.

    The server may still be at work on that request.
    """

    delay: float


class WorkerStopped(Event, frozen=True):
    """The worker has stopped."""


class Accepted(Event, frozen=True):
    """`count` memories were taken into the ledger."""

    count: int


class Delivered(OfMemory, frozen=True):
    """A fresh memory has reached the server.

    `elsewhere` is that server as the ledger names it where another is chosen by now.
    """

    elsewhere: str = ""


class AttemptFailed(OfMemory, frozen=True):
    """A fresh memory failed for the `retries`th time in a row."""

    retries: int
    reason: str


class NotTaken(OfMemory, frozen=True):
    """A healthy server did not take a memory, which is tried again; nothing is counted.

    Emitted for the first such memory only, until the server takes one or is down.
    """

    reason: str


class Held(OfMemory, frozen=True):
    """Another worker has perhaps delivered this fresh memory: it waits for the user."""


class PerhapsTaken(Event, frozen=True):
    """Another worker took `count` fresh memories, perhaps: the server is asked once it has gone."""

    count: int


class MovedToDlq(OfMemory, frozen=True):
    """A memory became a dead letter, after five failures in a row."""

    retries: int


class AdoptedToDlq(Event, frozen=True):
    """Memories that `source` left behind are dead letters now."""

    count: int
    source: str


class DlqRecovered(OfMemory, frozen=True):
    """A dead letter has reached the server, after `retries` failed retries (as in the file).

    `elsewhere` as in `Delivered`.
    """

    retries: int
    elsewhere: str = ""


class DlqRetryFailed(OfMemory, frozen=True):
    """A dead letter failed again; `retries` is the new count, `delay` the new wait."""

    retries: int
    delay: float
    reason: str


class InBackoff(OfMemory, frozen=True):
    """A dead letter is in backoff for `delay` seconds."""

    delay: float


class MoreInBackoff(Event, frozen=True):
    """`count` further dead letters are in backoff as well."""

    count: int


class StateChanged(Event, frozen=True):
    """The worker has a new state: `starting healthy down paused` or `action needed`, and why.

    `told`: the reason is that of a `PartFailed` which came before.
    """

    state: str
    reason: Reason
    told: bool = False


class SlowedDown(Event, frozen=True):
    """The server asked for a break."""

    delay: float


class HandEdit(Event, frozen=True):
    """The user edited the DLQ file; counts of what that meant."""

    discarded: int = 0
    edited: int = 0
    forced: int = 0
    adopted: int = 0
    restored: int = 0


class UserAction(Event, frozen=True):
    """A command or the menu did `verb`, one of `files.orders`, to so many memories.

    `backup` names the file from which they can be restored, if any were removed.
    """

    verb: str
    dead: int = 0
    fresh: int = 0
    backup: str = ""


class AlreadyDelivered(OfMemory, frozen=True):
    """An item that stands in a file again is on the server already, and is taken out again."""

    file: str


class DeliveredAfterDeletion(OfMemory, frozen=True):
    """A delivery beat the deletion that came while its request was under way.

    `edited`: what was deleted is the old text of a memory that was edited.
    """

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
    """A note of Claude Code, or a folder of them, cannot be taken in; `path` below its folder."""

    path: str
    why: str


class LedgerRebuilt(Event, frozen=True):
    """The ledger was missing, corrupt or an old copy."""

    reason: str


class SettingsChanged(Event, frozen=True):
    """The settings were read again, and are now in force."""


class FolderMade(Event, frozen=True):
    """The shared folder was not there, and the worker has made it."""

    folder: Path


class FolderChanged(Event, frozen=True):
    """The worker has left the shared folder `before` and serves `now` (both real paths)."""

    before: Path
    now: Path


class StatusWanted(Event, frozen=True):
    """A second start of the tray wants the first to show its status."""


class PartFailed(Event, frozen=True):
    """A part of the worker failed; it tries again after `delay` seconds.

    The delay is infinite where only the next worker tries again. Emitted once: further failures of
    the same cause are the same trouble.
    """

    part: str
    error: str
    delay: float


class PartRecovered(Event, frozen=True):
    """The trouble that `PartFailed` told of is over."""

    part: str


class AlertBegan(Event, frozen=True):
    """An alert began, once an episode: `alert` is the setting that names its `limit`.

    `dlq_size`: more than `limit` dead letters for `minutes`. `max_age`: the
    oldest undelivered memory waits since `oldest`, longer than `limit` days.
    """

    alert: str
    limit: float
    minutes: float
    queue: int
    dlq: int
    oldest: float | None


class AlertOver(Event, frozen=True):
    """The episode of an alert has ended."""

    alert: str


class AlertCommandFailed(Event, frozen=True):
    """`alerts.command` could not be run, or failed."""

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
            except Exception:  # noqa: BLE001  (the listener's own error)
                _log.exception("A listener failed on %r", event)
