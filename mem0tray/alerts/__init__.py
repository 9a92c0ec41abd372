"""Alerts: too many dead letters, or a memory that waits too long; with or without a desktop."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mem0tray.config.settings import AlertSettings, Settings
from mem0tray.core import events
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.events import AlertBegan, AlertOver, Events
from mem0tray.core.text import one_line, plural
from mem0tray.files import atomic, document, private_folders
from mem0tray.system import programs, regular_file
from mem0tray.system.threads import SYSTEM, Clock

if TYPE_CHECKING:
    from mem0tray.ledger.counters import Counts

SIZE: Final = "dlq_size"
AGE: Final = "max_age"
LOOK: Final = 30.0  # seconds between two looks
TIMEOUT: Final = 60.0  # seconds for the command
_DAY: Final = 86_400.0
_MINUTE: Final = 60.0
_LAST_WORDS: Final = 400  # bytes of what the command printed, for the log


class AlertWatch:
    """Emits both alerts, and runs `alerts.command`; `file` remembers episodes across a restart."""

    def __init__(
        self,
        events: Events,
        settings: Callable[[], Settings],
        counts: Callable[[], "Counts"],
        file: Path,
        clock: Clock = SYSTEM,
    ) -> None:
        self._clock = clock
        self._events = events
        self._settings = settings
        self._counts = counts
        self._file = file
        self._reported = _load(file)
        self._large_since: float | None = None  # monotonic
        self.due = 0.0  # when to look again, monotonic

    def look(self) -> "Counts | None":
        """Emit the alerts that begin or end; return what waits, if known."""
        now, settings = self._clock.now(), self._settings().alerts
        self.due = now + LOOK
        try:
            counts = self._counts()
        except Mem0TrayError:  # the worker reports the trouble with its ledger
            return None
        passed = {
            SIZE: self._is_large(counts, settings, now),
            AGE: counts.oldest is not None
            and self._clock.wall() - counts.oldest > settings.max_age * _DAY,
        }
        changed = [alert for alert in passed if passed[alert] != (alert in self._reported)]
        self._reported.symmetric_difference_update(changed)
        if changed:
            self._save()
        for alert in changed:
            if passed[alert]:
                self._begin(alert, counts, settings)
            else:
                self._events.emit(AlertOver(alert))
        return counts

    def _is_large(self, counts: "Counts", settings: AlertSettings, now: float) -> bool:
        if counts.dlq <= settings.dlq_size:
            self._large_since = None
            return False
        if self._large_since is None:
            self._large_since = now
        return SIZE in self._reported or now - self._large_since >= settings.after * _MINUTE

    def _begin(self, alert: str, counts: "Counts", settings: AlertSettings) -> None:
        limit = settings.dlq_size if alert == SIZE else settings.max_age
        event = AlertBegan(alert, limit, settings.after, counts.queue, counts.dlq, counts.oldest)
        self._events.emit(event)
        if settings.command.strip():
            threading.Thread(
                target=self._run_command,
                args=(settings.command, describe(event)),
                name="mem0tray-alert-command",
                daemon=True,
            ).start()

    def _run_command(self, command: str, text: str) -> None:
        if reason := run(command, text):
            self._events.emit(events.AlertCommandFailed(reason))

    def _save(self) -> None:
        """Remember which alerts were reported. A full disk costs no more than a repeated alert."""
        with suppress(OSError, Mem0TrayError):
            private_folders.make_private_folder(self._file.parent)
            atomic.replace(self._file, json.dumps({"told": sorted(self._reported)}).encode())


def _load(file: Path) -> set[str]:
    """Read which alerts were reported before a restart; none when the file cannot be read."""
    try:
        return {SIZE, AGE}.intersection(json.loads(regular_file.read_bytes(file))["told"])
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return set()


def describe(alert: AlertBegan) -> str:
    """Compose the text for `alerts.command`: English lines for other programs, without content."""
    if alert.alert == SIZE:
        what = f"{plural(alert.dlq, 'dead letter')}: more than {alert.limit:,.0f}"
        what += f" for {plural(alert.minutes, 'minute')}."
    else:
        what = f"The oldest undelivered memory is older than {plural(alert.limit, 'day')}."
    oldest = "–" if alert.oldest is None else document.local_iso(alert.oldest)
    return f"""\
mem0tray on {one_line(socket.gethostname(), 80)}: {what}

Dead letters:   {alert.dlq:,}
In the queue:   {alert.queue:,}
Oldest waiting: {oldest}

Why: mem0tray diagnose
Which: mem0tray list
"""


def run(command: str, text: str, timeout: float = TIMEOUT) -> str:
    """Run the command with the text on its standard input; return why it failed. Never raises."""
    try:
        # Windows splits a command line itself, and its paths have backslashes.
        arguments = command.strip() if sys.platform == "win32" else shlex.split(command)
        # Its output goes into a file: a process that it leaves behind would keep a pipe open.
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen(  # noqa: S603  (the user's own command, from the settings)
                arguments,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                **programs.detached(),
            ) as process,
        ):
            try:
                process.communicate(text.encode("utf-8", "replace"), timeout)
            except subprocess.TimeoutExpired:
                with suppress(OSError):  # with all processes that it has started
                    if sys.platform == "win32":
                        process.kill()
                    else:
                        os.killpg(process.pid, signal.SIGKILL)
                return f"it was ended after {timeout:g} s"
            output.seek(0)
            said = one_line(output.read()[-_LAST_WORDS:].decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        return f"it cannot be started: {error}"
    code = process.returncode
    return f"it exited with {code}" + (f": {said}" if said else "") if code else ""
