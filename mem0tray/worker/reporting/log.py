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
_TOGETHER: Final = 1.0  # seconds for which deliveries are summed up before they are told


class _Private(logging.handlers.RotatingFileHandler):
    """A rotated file that only its owner reads.

    A line that cannot be written (the disk is full or read-only, or the folder is
    gone) is kept, with its time, and written when the next one can be.
    """

    def __init__(self, path: Path, settings: LogSettings) -> None:
        super().__init__(
            path, maxBytes=settings.max_bytes, backupCount=settings.backups, encoding="utf-8",
            errors="backslashreplace", delay=True,
        )  # fmt: skip
        self._kept: deque[logging.LogRecord] = deque(maxlen=_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, after those that are kept."""
        self._kept.append(record)
        self.write_kept()

    def write_kept(self) -> None:
        """Write the kept lines, as far as that can be done now."""
        try:
            while self._kept:
                if self.stream is not None and not _is_named(self.stream, self.baseFilename):
                    self.stream.close()
                    self.stream = None
                if self.shouldRollover(self._kept[0]):
                    self.doRollover()
                self.stream = self.stream or self._open()
                self.stream.write(self.format(self._kept[0]) + self.terminator)
                self.stream.flush()
                self._kept.popleft()
        except OSError:
            stream, self.stream = self.stream, None
            with suppress(OSError):
                if stream is not None:
                    stream.close()  # it holds half a line, which is written again

    def doRollover(self) -> None:  # noqa: N802  (logging's own name)
        """Turn the log over; it grows on while another program has it open (Windows).

        Else each try would turn the older logs over, until none of them is left.
        """
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        try:
            os.rename(self.baseFilename, self.baseFilename)  # noqa: PTH104  (a trial: it stays)
        except OSError as error:
            if temporary.held_open(error):
                return
        super().doRollover()

    def move_to(self, path: Path) -> None:
        """Go on in a file at `path`."""
        if self.stream is not None:
            with suppress(OSError):
                self.stream.close()
            self.stream = None
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
    """Whether the open file still has its name: its folder may have been replaced."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), Path(path).stat())
    except OSError:
        return False


def _is_torn(path: Path) -> bool:
    with regular_file.open_binary(path) as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


class EventLog:
    """Writes `logs/mem0_worker.log`; call it with each event."""

    def __init__(self, paths: Paths, settings: LogSettings) -> None:
        self._logger = logging.Logger("mem0tray.worker")  # noqa: LOG001  (no other handler)
        self._guard = threading.Lock()
        self._named: deque[float] = deque(maxlen=BACKOFFS_PER_MINUTE)  # Unix seconds
        self._more = 0  # waits that were not told by name
        self._delivered = 0
        self._later: threading.Timer | None = None
        with suppress(FileUnavailableError):  # the worker reports what is in its place
            handler = _Private(paths.log, settings)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
        self._handler = handler
        self._logger.addHandler(handler)

    def __call__(self, event: Event) -> None:
        """Write what the event says; deliveries are summed up and told together."""
        with self._guard:
            if isinstance(event, events.Delivered):
                self._delivered += 1
                self._tell_later(_TOGETHER)
                return
            if isinstance(event, events.MoreInBackoff):
                self._more += event.count
                self._tell_later(_MINUTE)
                return
            if isinstance(event, events.InBackoff) and not self._may_tell(time.time()):
                self._tell_later(_MINUTE)
                return
            if isinstance(event, events.FolderChanged):
                self._handler.move_to(log_in(event.now))
            if isinstance(event, events.WorkerStopped):
                self._tell_counts()  # deliveries before this event come first
            line = describe(event)
            if line:
                self._logger.info(line)

    def _may_tell(self, now: float) -> bool:
        if self._has_told_enough(now):
            self._more += 1
            return False
        self._summarise()
        self._named.append(now)
        return True

    def _has_told_enough(self, now: float) -> bool:
        """Whether the last minute, whatever the clock did, has the most lines by name allowed."""
        full = len(self._named) == BACKOFFS_PER_MINUTE
        return full and 0 <= now - self._named[0] < _MINUTE

    def _summarise(self) -> None:
        more, self._more = self._more, 0
        if more:
            self._logger.info("⏸️ Waiting backoff: %s more", plural(more, "item"))

    def _tell_later(self, seconds: float) -> None:
        """Tell in a while what has been summed up; without anything to tell, no timer runs."""
        if self._later is None or seconds < self._later.interval:
            self._tell_never()
            later = threading.Timer(seconds, self._tell)
            later.daemon = True
            with suppress(NoThreadError):  # the next event tries again
                threads.start(later)
                self._later = later

    def _tell_never(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def _tell(self) -> None:
        with self._guard:
            self._tell_never()
            self._tell_counts()
            if self._more:
                self._tell_later(_MINUTE)

    def _tell_counts(self) -> None:
        if self._delivered:
            self._logger.info("✅ Delivered %s", plural(self._delivered, "memory", "memories"))
            self._delivered = 0
        if not self._has_told_enough(time.time()):
            self._summarise()

    def close(self) -> None:
        """Write the last line and close the file; a full disk is no reason to complain."""
        with self._guard:
            self._tell_never()
            self._tell_counts()
            self._handler.write_kept()
            with suppress(OSError):
                self._handler.close()


def named(project: str, item_id: str) -> str:
    """The name of an item, in the shape that other people's scripts take apart."""
    return f"{one_line(project, 80) or '(no project)'} (ID: {short_id(item_id)}...)"


def describe(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912  (one line for each kind)
    """The line for an event; empty if the log does not tell of it."""
    match event:
        case events.MovedToDlq(project, item_id, retries):
            return f"📋 Moved to DLQ: {named(project, item_id)} after {retries} retries"
        case events.DlqRecovered(project, item_id, retries):
            return f"✅ DLQ recovered: {named(project, item_id)} after {retries} retries"
        case events.DlqRetryFailed(project, item_id, retries, delay, _):  # the shape is promised
            name = named(project, item_id)
            return f"⏳ DLQ retry {retries}: {name} (next in {delay:.0f}s)"
        case events.InBackoff(project, item_id, delay):
            return f"⏸️ Waiting backoff: {named(project, item_id)} (retry in {delay:.0f}s)"
        case events.AttemptFailed(project, item_id, retries, reason):
            return f"⚠️ Attempt {retries} failed: {named(project, item_id)}: {one_line(reason)}"
        case events.NotTaken(project, item_id, reason):
            name = named(project, item_id)
            return f"⚠️ Not taken by a healthy server, not counted: {name}: {one_line(reason)}"
        case events.Held(project, item_id):
            return (
                f"✋ Held, {PERHAPS}: {named(project, item_id)}"
                " (`mem0tray retry` sends it, `mem0tray delete` drops it)"
            )
        case events.PerhapsTaken(count):
            which = plural(count, "memory", "memories")
            return f"✋ Held: {which}, {PERHAPS}; the server is asked once it has gone"
        case events.Accepted(count):
            return f"📥 Accepted {plural(count, 'memory', 'memories')}"
        case events.AdoptedToDlq(count, source):
            return f"📋 Adopted into the DLQ: {plural(count, 'item')} from {source!r}"
        case events.StateChanged(state, reason, told):
            why = "" if told else one_line(str(reason), 300).rstrip(".")
            return f"🔔 State: {state}" + (f" ({why})" if why else "")
        case events.SlowedDown(delay):
            return f"🐢 The server asked for a break of {delay:.0f}s"
        case events.UserAction():
            return _user_action(event)
        case events.HandEdit():
            return f"✏️ DLQ edited: {_edit(event)}"
        case events.AlreadyDelivered(project, item_id, file):
            return f"♻️ Already on the server, out of {file}: {named(project, item_id)}"
        case events.DeliveredAfterDeletion(project, item_id, edited):
            what = "Edited too late, the old text" if edited else "Deleted too late, it"
            return f"ℹ️ {what} had been sent: {named(project, item_id)}"
        case events.FileBroken(file, reason, kept_as):
            why, kept = one_line(reason), kept_as or "nothing: it was empty"
            return f"🩹 {file} was broken ({why}); kept in the quarantine as {kept}, restored"
        case events.Quarantined(file, kept_as, why):
            note = f" ({why})" if why else ""
            return f"🩹 An item of {file} was put into quarantine: {kept_as}{note}"
        case events.NoteLeftOut(path, why):
            return f"📝 A note of Claude Code is left out: {one_line(path, 300)} ({one_line(why)})"
        case events.LedgerRebuilt(reason):
            return f"📒 The ledger is built from the files: {one_line(reason)}"
        case events.PartFailed(part, error, delay):
            again = "when a worker starts" if isinf(delay) else f"in {delay:g}s"
            return f"❌ {part}: {one_line(error, 300)} (again {again})"
        case events.PartRecovered(part):
            return f"✅ {part}: in order again"
        case events.FolderMade(folder):
            return f"📁 Made the folder {one_line(str(folder), 300)}: it was not there"
        case events.FolderChanged(before, now):
            there = one_line(str(now), 300)
            return f"📁 The shared folder is {there} from now on, no longer {one_line(str(before))}"
        case events.AlertBegan():
            return f"🚨 DLQ alert: {_alert(event)}"
        case events.AlertOver(alert):
            return f"ℹ️ DLQ alert over: alerts.{alert}"
        case events.AlertCommandFailed(reason):
            return f"❌ alerts.command: {one_line(reason, 300)}"
        case events.NotificationFailed(title, reason):
            return f"🔕 Notification not shown: {title} ({one_line(reason)})"
        case events.WorkerStarted(destination, warning):
            return f"▶️ Worker started; {_way(destination, warning)}"
        case events.ServerChanged(destination, warning, same):
            what = "The way to the server" if same else "The server"
            since = "as before" if same else "from now on"
            return f"▶️ {what} has changed; {since} {_way(destination, warning)}"
        case events.OtherPort(wanted, port):
            return (
                f"ℹ️ The embedded server listens at port {port}, not at {wanted} (server.local_port)"
            )
        case events.LeftInFlight(delay):
            return f"❓ The last worker ended while it was sending: asked about in {delay:.0f}s"
        case events.SettingsChanged():
            return "⚙️ The settings were read again"
        case events.WorkerStopped():
            return "⏹️ Worker stopped"
        case _:
            return ""


def _alert(alert: events.AlertBegan) -> str:
    waiting = f"{plural(alert.queue, 'memory', 'memories')} in the queue"
    return f"{plural(alert.dlq, 'dead letter')}, {waiting} (alerts.{alert.alert} {alert.limit:g})"


def _way(destination: str, warning: str) -> str:
    """Where memories go."""
    if not destination:
        return "no usable server is chosen, nothing is sent"
    note = f" ({one_line(warning)})" if warning else ""
    return f"memories go to: {one_line(destination)}{note}"


def _edit(edit: events.HandEdit) -> str:
    parts = [
        f"{count} {word}"
        for count, word in (
            (edit.discarded, "removed (`mem0tray restore --list` shows what can be put back)"),
            (edit.forced, "to retry now"),
            (edit.edited, "changed"),
            (edit.adopted, "added"),
            (edit.restored, "restored"),
        )
        if count
    ]
    return ", ".join(parts)


def _user_action(action: events.UserAction) -> str:
    """What a command or the menu did, in the words of that action."""
    parts = [plural(action.dead, "dead letter")] if action.dead else []
    if action.fresh:
        parts.append(plural(action.fresh, "waiting entry", "waiting entries"))
    number = " and ".join(parts)
    match action.verb:
        case orders.DELETE:
            name = f" {action.backup}" if action.backup else ""
            return f"🗑️ Deleted: {number} (`mem0tray restore{name}` puts back)"
        case orders.FORGET:
            return f"🗑️ Deleted for good: {number}"
        case orders.RESTORE:
            return f"↩️ Restored: {number}"
        case orders.RETRY:
            return f"🔁 Retry asked for: {number}"
        case _:
            return f"✏️ Changed with `mem0tray edit`: {number}"
