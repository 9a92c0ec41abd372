"""Parts of the worker that fail: a fault is reported when it begins and when it is over.

A disk that is full, read-only or broken strikes many parts: that is one fault, which is over when
files can be made there and nothing has failed for a while.
"""

import math
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mem0tray.core import events, reasons
from mem0tray.core.errors import FileUnavailableError, Mem0TrayError, NoThreadError
from mem0tray.core.events import Events
from mem0tray.core.reasons import Reason
from mem0tray.core.state import DISK
from mem0tray.files.atomic import Signature
from mem0tray.files.private_folders import why_unwritable

QUEUE_PART, EMERGENCY_PART, DLQ_PART = "queue file", "emergency file", "DLQ file"
WRITING_QUEUE: Final = "writing the queue file"
WRITING_DLQ: Final = "writing the DLQ file"
READING_QUEUE: Final = "reading the queue file while others write it"
READING_DLQ: Final = "reading the DLQ file while others write it"
REPLACING_QUEUE: Final = "replacing the queue file while others write it"
REPLACING_DLQ: Final = "replacing the DLQ file while others write it"
# Parts whose faults are always their own.
READING_PARTS: Final = (QUEUE_PART, EMERGENCY_PART, DLQ_PART, READING_QUEUE, READING_DLQ)
PATIENCE: Final = 10.0  # seconds for which a file may keep changing before that is reported
STABLE_AFTER: Final = 1.5  # seconds without a change after which a broken file is salvaged
AGAIN: Final = 0.05  # seconds until a torn file is read again
_SOON: Final = 1.0  # seconds until a part that has failed is tried again
_LATER: Final = 5.0  # the same when it has failed again
_QUIET: Final = 6.0  # seconds, more than until a failed part is tried again


@dataclass(slots=True)
class _Episode:
    """A fault: the parts that still fail, and the last failure (monotonic)."""

    title: str
    reason: Reason
    parts: set[str]
    failed_at: float


class Faults:
    """The present faults; any thread may report one.

    `on_change` gets a fault's name, with the reason when it begins and NONE when it is over.
    `folders` must take files for the disk to be in order. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        events: Events,
        on_change: Callable[[str, Reason], None],
        folders: Iterable[Path] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._clock = clock or time.monotonic
        self._events = events
        self._on_change = on_change
        self._folders = tuple(folders)
        self._guard = threading.RLock()
        self._episodes: dict[str, _Episode] = {}
        self._not_before: dict[str, float] = {}  # parts that failed; monotonic
        self._unstable: dict[str, float] = {}  # since when a part's file is; monotonic

    def attempt(self, part: str, work: Callable[[], object], title: str = "") -> bool:
        """Do a part of the work; if it fails, report it and wait. Raises NoThreadError."""
        moment = self._clock()
        if self.until_try(part, moment) > 0:
            return False
        try:
            work()
        except NoThreadError:
            raise
        except Exception as error:  # noqa: BLE001  (the worker survives any fault of a part)
            delay = _LATER if part in self._not_before else _SOON
            with self._guard:
                self._not_before[part] = moment + delay
            self.note_failure(part, error, delay, title)
            return False
        self.note_success(part)
        return True

    def waits(self, part: str) -> bool:
        return part in self._not_before

    def until_try(self, part: str, moment: float) -> float:
        return max(self._not_before.get(part, moment) - moment, 0.0)

    def next_try(self, moment: float) -> float:
        with self._guard:
            look = _SOON if DISK in self._episodes else math.inf
            return min([look, *(at - moment for at in self._not_before.values() if at > moment)])

    def note_failure(self, part: str, error: Exception, delay: float, title: str = "") -> None:
        """Note that a part failed, and is tried again after `delay` seconds."""
        reason, of_disk = reasons.quoted(repr(error)), False
        if isinstance(error, Mem0TrayError):
            reason, of_disk = error.reason, error.disk_failed
        name = DISK if of_disk and part not in READING_PARTS else part
        moment = self._clock()
        with self._guard:
            same = self._with(reason)
            known = self._episodes.get(name) or (None if part in READING_PARTS else same)
            if known is not None:
                known.parts.add(part)
                known.failed_at = moment
                return
            title = name if name == DISK else title or part
            self._episodes[name] = _Episode(title, reason, {part}, moment)
            self._on_change(name, reason)
        if same is None:
            self._events.emit(events.PartFailed(title, str(reason), delay))

    def note_success(self, part: str) -> None:
        if not (self._episodes or self._not_before):  # the usual case
            return
        with self._guard:
            self._not_before.pop(part, None)
            for episode in self._episodes.values():
                episode.parts.discard(part)
        self.look()

    def look(self) -> None:
        moment = self._clock()
        with self._guard:
            disk = self._episodes.get(DISK)
            is_quiet = disk is None or moment - disk.failed_at >= _QUIET
            if disk is not None and is_quiet and any(map(why_unwritable, self._folders)):
                disk.failed_at, is_quiet = moment, False  # there was just nothing to write
            failing = {name for name, each in self._episodes.items() if each.parts}
            over = self._episodes.keys() - failing - (set() if is_quiet else {DISK})
            ended = [self._episodes.pop(name) for name in sorted(over)]
            titles = dict.fromkeys(each.title for each in ended if not self._with(each.reason))
            for name in over:
                self._on_change(name, reasons.NONE)
        for title in titles:
            self._events.emit(events.PartRecovered(title))

    def has_reported(self, reason: Reason) -> bool:
        with self._guard:
            return self._with(reason) is not None

    def _with(self, reason: Reason) -> _Episode | None:
        return next((each for each in self._episodes.values() if each.reason == reason), None)

    # Files that others are writing ------------------------------------------------------

    def note_file(self, part: str, path: Path, *, unstable: bool) -> None:
        """Note whether a file is unstable now; for more than ten seconds, that is a fault."""
        if unstable:
            since = self._unstable.setdefault(part, self._clock())
            if self._clock() - since > PATIENCE:
                self.note_failure(part, keeps_changing(path), AGAIN)
        elif self._unstable.pop(part, None) is not None:
            self.note_success(part)

    def is_unstable(self, part: str) -> bool:
        """Return whether that is a fault by now, which a finite run does not wait for."""
        with self._guard:
            return any(part in each.parts for each in self._episodes.values())


def is_stable(signature: Signature, now: float) -> bool:
    """Whether a file has not changed for a while, and is read as it is; `now` in Unix seconds."""
    age = now - signature.mtime / 1e9
    return age >= STABLE_AFTER or age < -STABLE_AFTER  # or its clock is ahead of ours


def keeps_changing(path: Path) -> FileUnavailableError:
    """Return the error for a file that can neither be read whole nor be replaced."""
    what = Reason("{path} keeps changing: another program is writing it.", path=path)
    if sys.platform == "win32":
        return FileUnavailableError(what, Reason("Find that program and end it."))
    command = f"fuser {shlex.quote(str(path))}"
    remedy = Reason("Find that program with `{command}` and end it.", command=command)
    return FileUnavailableError(what, remedy)
