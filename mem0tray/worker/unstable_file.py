"""Files that keep changing: after ten seconds people are told, whatever the cause.

A file that others are writing is read again at once. But a program that never stops writing would
keep it from ever being taken in, while all seems in order.
"""

import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.files.atomic import Signature
from mem0tray.worker.faults import READING, Faults

PATIENCE: Final = 10.0  # seconds
STABLE_AFTER: Final = 1.5  # seconds without a change after which a broken file is salvaged
AGAIN: Final = 0.05  # seconds until a torn file is read again
READING_QUEUE, READING_DLQ = READING
REPLACING_QUEUE: Final = "replacing the queue file while others write it"
REPLACING_DLQ: Final = "replacing the DLQ file while others write it"


class UnstableFile:
    """Reports `part` as a fault once a file has been unstable for ten seconds.

    `again`: seconds until it is read or written again.
    """

    def __init__(
        self,
        faults: Faults,
        part: str,
        error: FileUnavailableError,
        again: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._faults = faults
        self._part = part
        self._error = error
        self._again = again
        self._clock = clock
        self._since: float | None = None
        self.told = False

    def look(self, *, unstable: bool) -> None:
        """Note how the file is now; report a fault that begins or is over."""
        now = self._clock()
        if not unstable:
            self._since = None
            if self.told:
                self.told = False
                self._faults.note_success(self._part)
            return
        self._since = now if self._since is None else self._since
        if now - self._since > PATIENCE and not self.told:
            self.told = True
            self._faults.note_failure(self._part, self._error, self._again)


def is_stable(signature: Signature, now: float) -> bool:
    """Whether a file has not changed for a while, and is read as it is; `now` in Unix seconds."""
    age = now - signature.mtime / 1e9
    return age >= STABLE_AFTER or age < -STABLE_AFTER  # or its clock is ahead of ours


def cannot_read(path: Path) -> FileUnavailableError:
    """The error for a file that is never whole."""
    return FileUnavailableError(
        Reason("{path} keeps changing while it is read: another program is writing it.", path=path),
        _remedy(path),
    )


def cannot_write(path: Path) -> FileUnavailableError:
    """The error for a file that others replace before we can."""
    return FileUnavailableError(
        Reason("{path} cannot be written: another program keeps changing it.", path=path),
        _remedy(path),
    )


def _remedy(path: Path) -> Reason:
    if sys.platform == "win32":
        return Reason("Find that program and end it.")
    command = f"fuser {shlex.quote(str(path))}"
    return Reason("Find that program with `{command}` and end it.", command=command)
