"""Events as lines of the log; other people's scripts look for the markers."""

import logging
import logging.handlers
import os
import threading
import time
from collections import deque
from contextlib import suppress
from io import TextIOWrapper
from math import isinf
from pathlib import Path
from typing import Final

from msgspec.structs import asdict

from mem0tray.config.settings import LogSettings
from mem0tray.core import events
from mem0tray.core.errors import FileUnavailableError, NoThreadError
from mem0tray.core.events import Event
from mem0tray.core.state import PERHAPS
from mem0tray.core.text import one_line, plural, short_id
from mem0tray.files import orders, temporary
from mem0tray.system import regular_file, threads
from mem0tray.system.paths import Paths, log_in

BACKOFFS_PER_MINUTE: Final = 10
_MINUTE: Final = 60.0
_KEPT: Final = 200  # lines that wait until they can be written
_TOGETHER: Final = 1.0  # seconds for which deliveries are summed up before they are logged


class _Private(logging.handlers.RotatingFileHandler):
    """A rotated file that only its owner reads, in whatever folder has the name now.

    A line that cannot be written now is kept, with its time, and written before the next one.
    """

    def __init__(self, path: Path, settings: LogSettings) -> None:
        super().__init__(
            path, maxBytes=settings.max_bytes, backupCount=settings.backups, encoding="utf-8",
            errors="backslashreplace", delay=True,
        )  # fmt: skip
        self._kept: deque[logging.LogRecord] = deque(maxlen=_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line after the kept ones, as far as that can be done now."""
        self._kept.append(record)
        self.write_kept()

    def write_kept(self) -> None:
        """Write the kept lines."""
        try:
            while self._kept:
                if self.stream is not None and not _is_named(self.stream, self.baseFilename):
                    self._let_go()
                if self.shouldRollover(self._kept[0]):
                    self.doRollover()
                self.stream = self.stream or self._open()
                self.stream.write(self.format(self._kept[0]) + self.terminator)
                self.stream.flush()
                self._kept.popleft()
        except OSError:
            self._let_go()  # it holds half a line, which is written again

    def _let_go(self) -> None:
        stream, self.stream = self.stream, None
        with suppress(OSError):
            if stream is not None:
                stream.close()

    def doRollover(self) -> None:  # noqa: N802  (logging's own name)
        """Rotate the files, unless another program has the log open (Windows).

        Else each try would rotate the older ones, until none of them is left.
        """
        self._let_go()
        try:
            os.rename(self.baseFilename, self.baseFilename)  # noqa: PTH104  (a trial: it stays)
        except OSError as error:
            if temporary.held_open(error):
                return
        super().doRollover()

    def move_to(self, path: Path) -> None:
        """Go on in a file at `path`."""
        self._let_go()
        self.baseFilename = str(path)

    def _open(self) -> TextIOWrapper:
        folder = Path(self.baseFilename).parent
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)  # but no folder above it: `claude_dir` may be moving
        path = Path(self.baseFilename)
        fd = regular_file.open_fd(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        stream = os.fdopen(fd, "a", encoding=self.encoding, errors=self.errors)
        with suppress(OSError):
            if stream.tell() and _is_torn(path):
                stream.write(self.terminator)
        return stream


def _is_named(stream: TextIOWrapper, path: str) -> bool:
    """Return whether the open file still has its name: its folder may have been replaced."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), Path(path).stat())
    except OSError:
        return False


def _is_torn(path: Path) -> bool:
    with regular_file.open_binary(path) as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


class EventLog:
    """Writes `logs/mem0_worker.log`; called with each event, on any thread."""

    def __init__(self, paths: Paths, settings: LogSettings) -> None:
        self._logger = logging.Logger("mem0tray.worker")  # noqa: LOG001  (no other handler)
        self._guard = threading.Lock()
        self._named: deque[float] = deque(maxlen=BACKOFFS_PER_MINUTE)  # Unix seconds
        self._more = 0  # waits that were not logged by name
        self._delivered = 0
        self._later: threading.Timer | None = None
        with suppress(FileUnavailableError):  # the worker reports what is in its place
            handler = _Private(paths.log, settings)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
        self._handler = handler
        self._logger.addHandler(handler)

    def __call__(self, event: Event) -> None:
        """Write the event's line; deliveries are summed up for a second."""
        with self._guard:
            match event:
                case events.Delivered():
                    self._delivered += 1
                    self._log_later(_TOGETHER)
                    return
                case events.MoreInBackoff(count):
                    self._more += count
                    self._log_later(_MINUTE)
                    return
                case events.InBackoff() if not self._may_name(time.time()):
                    self._log_later(_MINUTE)
                    return
                case events.FolderChanged():
                    self._handler.move_to(log_in(event.now))
                case events.WorkerStopped():
                    self._log_counts()  # deliveries before this event come first
            line = describe(event)
            if line:
                self._logger.info(line)

    def _may_name(self, now: float) -> bool:
        if self._is_full(now):
            self._more += 1
            return False
        self._summarise()
        self._named.append(now)
        return True

    def _is_full(self, now: float) -> bool:
        """Return whether the last minute, whatever the clock did, has all lines by name allowed."""
        full = len(self._named) == BACKOFFS_PER_MINUTE
        return full and 0 <= now - self._named[0] < _MINUTE

    def _summarise(self) -> None:
        more, self._more = self._more, 0
        if more:
            self._logger.info("⏸️ Waiting backoff: %s more", plural(more, "item"))

    def _log_later(self, seconds: float) -> None:
        """Log in a while what is summed up."""
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
            self._logger.info("✅ Delivered %s", plural(self._delivered, "memory", "memories"))
            self._delivered = 0
        if not self._is_full(time.time()):
            self._summarise()

    def close(self) -> None:
        """Write the last line and close the file; a full disk is no reason to complain."""
        with self._guard:
            self._cancel()
            self._log_counts()
            self._handler.write_kept()
            with suppress(OSError):
                self._handler.close()


# The line of each event: `{name}` is the item's, `{memories}` and `{items}` are counts in words.
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
    events.AdoptedToDlq: "📋 Adopted into the DLQ: {items} from {source!r}",
    events.SlowedDown: "🐢 The server asked for a break of {delay:.0f}s",
    events.AlreadyDelivered: "♻️ Already on the server, out of {file}: {name}",
    events.NoteLeftOut: "📝 A note of Claude Code is left out: {path} ({why})",
    events.LedgerRebuilt: "📒 The ledger is built from the files: {reason}",
    events.PartRecovered: "✅ {part}: in order again",
    events.FolderMade: "📁 Made the folder {folder}: it was not there",
    events.FolderChanged: "📁 The shared folder is {now} from now on, no longer {before}",
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
        values["memories"], values["items"] = (
            plural(count, "memory", "memories"),
            plural(count, "item"),
        )
    if isinstance(event, events.OfMemory):
        values["name"] = named(event.project, event.item_id)
    return template.format(**values)


def _composed(event: Event) -> str:  # noqa: C901, PLR0911  (one line for each kind)
    """Return the line for an event that says more or less than its fields."""
    match event:
        case events.StateChanged(state, reason, reported):
            why = "" if reported else one_line(str(reason), 300).rstrip(".")
            return f"🔔 State: {state}" + (f" ({why})" if why else "")
        case events.UserAction():
            return _user_action(event)
        case events.HandEdit():
            return f"✏️ DLQ edited: {_edit(event)}"
        case events.DeliveredAfterDeletion(project, item_id, edited):
            what = "Edited too late, the old text" if edited else "Deleted too late, it"
            return f"ℹ️ {what} had been sent: {named(project, item_id)}"
        case events.FileBroken(file, reason, kept_as):
            why, kept = one_line(reason), kept_as or "nothing: it was empty"
            return f"🩹 {file} was broken ({why}); kept in the quarantine as {kept}, restored"
        case events.Quarantined(file, kept_as, why):
            note = f" ({why})" if why else ""
            return f"🩹 An item of {file} was put into quarantine: {kept_as}{note}"
        case events.PartFailed(part, error, delay):
            again = "when a worker starts" if isinf(delay) else f"in {delay:g}s"
            return f"❌ {part}: {one_line(error, 300)} (again {again})"
        case events.AlertBegan(alert, limit):
            waiting = f"{plural(event.queue, 'memory', 'memories')} in the queue"
            letters = plural(event.dlq, "dead letter")
            return f"🚨 DLQ alert: {letters}, {waiting} (alerts.{alert} {limit:g})"
        case events.WorkerStarted(destination, warning):
            return f"▶️ Worker started; {_way(destination, warning)}"
        case events.ServerChanged(destination, warning, same):
            what = "The way to the server" if same else "The server"
            since = "as before" if same else "from now on"
            return f"▶️ {what} has changed; {since} {_way(destination, warning)}"
    return ""


def _way(destination: str, warning: str) -> str:
    """Where memories go."""
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
    """Return what a command or the menu did, in the words of that action."""
    dead, fresh = (
        plural(action.dead, "dead letter"),
        plural(action.fresh, "waiting entry", "waiting entries"),
    )
    number = " and ".join(
        text for text, count in ((dead, action.dead), (fresh, action.fresh)) if count
    )
    backup = f" {action.backup}" if action.backup else ""
    lines = {
        orders.DELETE: f"🗑️ Deleted: {number} (`mem0tray restore{backup}` puts back)",
        orders.FORGET: f"🗑️ Deleted for good: {number}",
        orders.RESTORE: f"↩️ Restored: {number}",
        orders.RETRY: f"🔁 Retry asked for: {number}",
        orders.EDIT: f"✏️ Changed with `mem0tray edit`: {number}",
    }
    return lines[action.verb]
