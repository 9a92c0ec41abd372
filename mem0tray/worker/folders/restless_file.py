"""Files that do not hold still: after ten seconds people are told, whatever the cause.

A file that others are writing is looked at again at once, and nobody need hear of it.
But a program that never stops writing, or anything that makes a file look different each
time, would keep it from ever being taken in, while all seems in order.
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
from mem0tray.worker.troubles import Troubles

PATIENCE: Final = 10.0  # seconds
STABLE_AFTER: Final = 1.5  # seconds that a broken file must hold still before we salvage it
AGAIN: Final = 0.05  # seconds until a torn file is looked at again
# The work that a restless file keeps from being done, as people read it of a trouble.
READING_QUEUE, READING_DLQ = READING = (
    "reading the queue file while others write it",
    "reading the DLQ file while others write it",
)
REPLACING_QUEUE: Final = "replacing the queue file while others write it"
REPLACING_DLQ: Final = "replacing the DLQ file while others write it"


class RestlessFile:
    """How long one file has been restless. `again`: seconds until it is looked at again."""

    def __init__(
        self,
        troubles: Troubles,
        part: str,
        error: FileUnavailableError,
        again: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._troubles = troubles
        self._part = part
        self._error = error
        self._again = again
        self._clock = clock
        self._since: float | None = None
        self.told = False

    def look(self, *, restless: bool) -> None:
        """Note how the file is now; tell when it was restless too long, and when that is over."""
        if not restless:
            self._since = None
            if self.told:
                self.told = False
                self._troubles.note_success(self._part)
            return
        now = self._clock()
        self._since = now if self._since is None else self._since
        if now - self._since > PATIENCE and not self.told:
            self.told = True
            self._troubles.note_failure(self._part, self._error, self._again)


def is_stable(signature: Signature, now: float) -> bool:
    """Whether a file has held still long enough to be taken as it is; `now` in Unix seconds."""
    age = now - signature.mtime / 1e9
    return age >= STABLE_AFTER or age < -STABLE_AFTER  # or its clock is ahead of ours


def cannot_read(path: Path) -> FileUnavailableError:
    """The error for a file that is never whole."""
    return FileUnavailableError(
        Reason(
            "{path} does not hold still and cannot be read: another"
            " program writes it all the time.",
            path=path,
        ),
        _remedy(path),
    )


def cannot_write(path: Path) -> FileUnavailableError:
    """The error for a file that others replace before we can."""
    return FileUnavailableError(
        Reason("{path} cannot be written: another program changes it all the time.", path=path),
        _remedy(path),
    )


def _remedy(path: Path) -> Reason:
    if sys.platform == "win32":
        return Reason("Find that program and end it.")
    command = f"fuser {shlex.quote(str(path))}"
    return Reason("Find that program with `{command}` and end it.", command=command)
