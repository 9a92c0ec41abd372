"""Events as lines of the log; other people's scripts look for the markers."""

import os
import threading
import time
from collections import deque
from contextlib import suppress
from itertools import pairwise
from math import isinf
from pathlib import Path
from typing import Final

from msgspec.structs import asdict

from mem0tray.config.settings import LogSettings
from mem0tray.core import events
from mem0tray.core.errors import NoThreadError
from mem0tray.core.events import Event
from mem0tray.core.state import PERHAPS
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.files import orders
from mem0tray.system import regular_file, threads
from mem0tray.system.paths import Paths, log_in

BACKOFFS_PER_MINUTE: Final = 10
_MINUTE: Final = 60.0
_KEPT: Final = 200  # lines that wait until they can be written
_TOGETHER: Final = 1.0  # seconds for which deliveries are summed up before they are logged


class _LogFile:
    """A rotated file that only its owner reads; it is opened anew for each line.

    A line that cannot be written now is kept, with its time, and written before the next one.
    """

    def __init__(self, path: Path, settings: LogSettings) -> None:
        self.path = path
        self._settings = settings
        self._kept: deque[bytes] = deque(maxlen=_KEPT)

    def write(self, text: str) -> None:
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n"
        self._kept.append(line.encode(errors="backslashreplace"))
        self.write_kept()

    def write_kept(self) -> None:
        with suppress(OSError):
            while self._kept:
                self._append(self._kept[0])
                self._kept.popleft()

    def _append(self, line: bytes) -> None:
        with suppress(FileExistsError):
            self.path.parent.mkdir(mode=0o700)  # but no folder above it: `claude_dir` may be moving
        found = regular_file.look(self.path)
        if found is not None and 0 < self._settings.max_bytes - len(line) < found.st_size:
            self._rotate()
        fd = regular_file.open_fd(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with os.fdopen(fd, "ab") as file:
            file.write(line)

    def _rotate(self) -> None:
        """Rotate the files, unless another program has the log open (Windows)."""
        named = (f"{self.path.name}.{n}" for n in range(1, self._settings.backups + 1))
        files = [self.path, *map(self.path.with_name, named)]
        with suppress(OSError):
            self.path.rename(self.path)  # a trial, or each try would move the older ones
            for older, newer in pairwise(reversed(files)):
                with suppress(FileNotFoundError):
                    newer.replace(older)


class EventLog:
    """Writes `logs/mem0_worker.log`; called with each event, on any thread."""

    def __init__(self, paths: Paths, settings: LogSettings) -> None:
        self._file = _LogFile(paths.log, settings)
        self._guard = threading.Lock()
        self._named: deque[float] = deque(maxlen=BACKOFFS_PER_MINUTE)  # Unix seconds
        self._more = 0  # waits that were not logged by name
        self._delivered = 0
        self._later: threading.Timer | None = None

    def __call__(self, event: Event) -> None:
        with self._guard:
            match event:
                case events.Delivered():
                    self._delivered += 1
                    self._log_later(_TOGETHER)
                    return
                case events.InBackoff() if self._is_full():
                    self._more += 1
                    self._log_later(_MINUTE)
                    return
                case events.InBackoff():
                    self._summarise()
                    self._named.append(time.time())
                case events.FolderChanged():
                    self._file.path = log_in(event.now)
                case events.WorkerStopped():
                    self._log_counts()  # deliveries before this event come first
            line = describe(event)
            if line:
                self._file.write(line)

    def _is_full(self) -> bool:
        full = len(self._named) == BACKOFFS_PER_MINUTE
        return full and 0 <= time.time() - self._named[0] < _MINUTE

    def _summarise(self) -> None:
        more, self._more = self._more, 0
        if more:
            self._file.write(f"⏸️ Waiting backoff: {plural(more, 'item')} more")

    def _log_later(self, seconds: float) -> None:
        if self._later is None or seconds < self._later.interval:
            self._cancel()
            later = threading.Timer(seconds, self._log_now)
            later.daemon = True
            with suppress(NoThreadError):  # the next event tries again
                threads.start(later)
                self._later = later

    def _cancel(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _log_now(self) -> None:
        with self._guard:
            self._cancel()
            self._log_counts()
            if self._more:
                self._log_later(_MINUTE)

    def _log_counts(self) -> None:
        if self._delivered:
            self._file.write(f"✅ Delivered {plural(self._delivered, 'memory', 'memories')}")
            self._delivered = 0
        if not self._is_full():
            self._summarise()

    def close(self) -> None:
        with self._guard:
            self._cancel()
            self._log_counts()
            self._file.write_kept()


# The line of each event: `{name}` is the item's, `{memories}` a count in words.
_LINES: Final[dict[type[Event], str]] = {
    events.MovedToDlq: "📋 Moved to DLQ: {name} after {retries} retries",
    events.DlqRecovered: "✅ DLQ recovered: {name} after {retries} retries",
    events.DlqRetryFailed: "⏳ DLQ retry {retries}: {name} (next in {delay:.0f}s)",
    events.InBackoff: "⏸️ Waiting backoff: {name} (retry in {delay:.0f}s)",
    events.AttemptFailed: "⚠️ Attempt {retries} failed: {name}: {reason}",
    events.NotTaken: "⚠️ Not taken by a healthy server, not counted: {name}: {reason}",
    events.Held: (
        f"✋ Held, {PERHAPS}: {{name}} (`mem0tray retry` sends it, `mem0tray delete` drops it)"
    ),
    events.PerhapsTaken: f"✋ Held: {{memories}}, {PERHAPS}; the server is asked once it has gone",
    events.Accepted: "📥 Accepted {memories}",
    events.AdoptedToDlq: "📋 Adopted into the DLQ: {memories} from {source!r}",
    events.SlowedDown: "🐢 The server asked for a break of {delay:.0f}s",
    events.DeliveredAfterDeletion: "ℹ️ Deleted or edited too late, it had been sent: {name}",
    events.AlreadyDelivered: "♻️ Already on the server, out of {file}: {name}",
    events.Quarantined: "🩹 An item of {file} was put into quarantine: {kept_as} {why}",
    events.NoteLeftOut: "📝 A note of Claude Code is left out: {path} ({why})",
    events.LedgerRebuilt: "📒 The ledger is built from the files: {reason}",
    events.HomeMoved: (
        "🖥️ This home comes from another computer: what waits ({waiting:,}) is first looked for at"
        " the server"
    ),
    events.PartRecovered: "✅ {part}: in order again",
    events.FolderMade: "📁 Made the folder {folder}: it was not there",
    events.FolderChanged: "📁 The shared folder is {now} from now on, no longer {before}",
    events.AlertBegan: "🚨 DLQ alert: {dlq} dead, {queue} in the queue (alerts.{alert} {limit:g})",
    events.AlertOver: "ℹ️ DLQ alert over: alerts.{alert}",
    events.AlertCommandFailed: "❌ alerts.command: {reason}",
    events.NotificationFailed: "🔕 Notification not shown: {title} ({reason})",
    events.OtherPort: (
        "ℹ️ The embedded server listens at port {port}, not at {wanted} (server.local_port)"
    ),
    events.LeftInFlight: (
        "❓ The last worker ended while it was sending: asked about in {delay:.0f}s"
    ),
    events.SettingsChanged: "⚙️ The settings were read again",
    events.WorkerStopped: "⏹️ Worker stopped",
}


def named(project: str, item_id: str) -> str:
    """Return the name of an item, in the shape that other people's scripts take apart."""
    return f"{one_line(project, 80) or '(no project)'} (ID: {short_id(item_id)}...)"


def describe(event: Event) -> str:
    """Return the line for an event; empty if the log has none for it."""
    template = _LINES.get(type(event))
    if template is None:
        return _composed(event)
    values = {
        name: value if isinstance(value, float | int) else one_line(str(value), 300)
        for name, value in asdict(event).items()
    }
    count = values.get("count")
    if isinstance(count, int):
        values["memories"] = plural(count, "memory", "memories")
    if isinstance(event, events.OfMemory):
        values["name"] = named(event.project, event.item_id)
    return template.format(**values).rstrip()


def _composed(event: Event) -> str:  # noqa: PLR0911  (one line for each kind)
    match event:
        case events.StateChanged(state, reason, reported):
            why = "" if reported else one_line(str(reason), 300).rstrip(".")
            return f"🔔 State: {state}" + (f" ({why})" if why else "")
        case events.UserAction():
            return _user_action(event)
        case events.HandEdit():
            return f"✏️ DLQ edited: {_edit(event)}"
        case events.FileBroken(file, reason, kept_as):
            why, kept = one_line(reason), kept_as or "nothing: it was empty"
            return f"🩹 {file} was broken ({why}); kept in the quarantine as {kept}, restored"
        case events.PartFailed(part, error, delay):
            again = "when a worker starts" if isinf(delay) else f"in {delay:g}s"
            return f"❌ {part}: {one_line(error, 300)} (again {again})"
        case events.WorkerStarted(destination, warning):
            return f"▶️ Worker started; {_way(destination, warning)}"
        case events.ServerChanged(destination, warning):
            return f"▶️ The server, or the way to it, has changed; {_way(destination, warning)}"
    return ""


def _way(destination: str, warning: str) -> str:
    if not destination:
        return "no usable server is chosen, nothing is sent"
    note = f" ({one_line(warning)})" if warning else ""
    return f"memories go to: {one_line(destination)}{note}"


def _edit(edit: events.HandEdit) -> str:
    parts = (
        (edit.discarded, "removed (`mem0tray restore --list` shows what can be put back)"),
        (edit.forced, "to retry now"),
        (edit.edited, "changed"),
        (edit.adopted, "added"),
        (edit.restored, "restored"),
    )
    return ", ".join(f"{count} {word}" for count, word in parts if count)


def _user_action(action: events.UserAction) -> str:
    number = plural(action.dead + action.fresh, "memory", "memories")
    backup = f" {action.backup}" if action.backup else ""
    lines = {
        orders.DELETE: f"🗑️ Deleted: {number} (`mem0tray restore{backup}` puts back)",
        orders.FORGET: f"🗑️ Deleted for good: {number}",
        orders.REMOVE: f"🗑️ To be deleted on the server: {number}",
        orders.KEEP: f"↩️ Not deleted on the server, which still has it: {number}",
        orders.RESTORE: f"↩️ Restored: {number}",
        orders.RETRY: f"🔁 Retry asked for: {number}",
        orders.EDIT: f"✏️ Changed with `mem0tray edit`: {number}",
    }
    return lines[action.verb]
