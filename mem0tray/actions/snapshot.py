"""How things stand at one moment, as plain data: what every view is made of.

`snapshot_reader` makes it. Status, page, tray, doctor and diagnosis are functions of it, and
ask nothing of their own that stands here.
"""

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mem0tray.actions.read_files import SeenFile
from mem0tray.actions.server_seen import ServerSeen
from mem0tray.actions.waiting import WhatWaits
from mem0tray.actions.worker_report import NO_METRICS, Metrics, Running
from mem0tray.core import another_worker, reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.item import Name
from mem0tray.core.reasons import Reason
from mem0tray.core.state import WorkerStatus
from mem0tray.ledger.known import Attempt
from mem0tray.ledger.taken_by_others import WorkerSeen
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.actions.oldest import DeadLetter  # slow to import, and commands do without

SLOT: Final = 900.0  # seconds; every zone's midnight falls between two quarters of an hour
TOTALS: Final = ("queued", "synced", "failed")  # memories, since the queue file was begun


class Part(enum.Flag):
    """What is looked at only when it is asked for: each costs more than the one before."""

    NOTHING_MORE = 0
    DISK = enum.auto()  # whether our files can be written
    REFUSAL = enum.auto()  # whether the server refuses everything, and may be another since
    COUNTS = enum.auto()  # files and ledger; the DLQ file unless our worker has counted it
    FILES = enum.auto()  # the same, and the DLQ file in any case
    PAST = enum.auto()  # the same, with each item's last attempt, and what happened when


class SeenPause(Struct, frozen=True):
    """Until when the user has paused deliveries (infinity: until resumed), or None."""

    until: float | None = None
    error: FileUnavailableError | None = None


class SeenQuarantine(Struct, frozen=True):
    """How many files are kept there; None where that cannot be read."""

    count: int | None
    error: FileUnavailableError | None = None


class SeenLedger(Struct, frozen=True):
    """What the ledger knows; one that is not `usable` knows nothing.

    `size` in bytes (None: there is none), times in Unix seconds. `only_elsewhere`: how many
    memories only former servers have, by server, and `to_bring_over` how many of these `migrate`
    may bring to the chosen one.
    """

    path: Path
    size: int | None
    usable: bool
    oldest_waiting: float | None
    oldest_dead: float | None
    last_delivery: float | None
    totals: Mapping[str, int | None]
    only_elsewhere: Mapping[str, int]
    to_bring_over: Mapping[str, int]
    other_worker: WorkerSeen | None

    @property
    def trouble(self) -> Reason:
        """Why it tells nothing; NONE where there is none or an empty one, or it can be read."""
        if self.usable or not self.size:
            return reasons.NONE
        return Reason("The ledger {path} cannot be read.", path=self.path)


class Contents(Struct, frozen=True):
    """What files and ledger hold.

    `folder` says what is wrong with `claude_dir` itself. `dlq` and
    `waits` are None where our worker has counted it; `dead` are the dead letters by that file and
    the ledger, see `dead_letters`. `emergency` and `dlq_error` say why those files cannot be
    opened.
    """

    folder: Reason
    queue: SeenFile
    dlq: SeenFile | None
    dlq_error: Reason
    dead: Sequence[bytes]
    waits: WhatWaits | None
    emergency: Reason
    quarantine: SeenQuarantine
    ledger: SeenLedger


class Past(Struct, frozen=True):
    """What happened since the ledger `began` (None: it is empty), a month at most.

    `deliveries` are counted by the beginning of their slot (`SLOT` seconds), `stays` in the
    DLQ and `outages` by beginning and end; Unix seconds.
    """

    attempts: Mapping[Name, Attempt]
    began: float | None
    deliveries: Mapping[float, int]
    stays: Sequence[tuple[float, float]]
    outages: Sequence[tuple[float, float]]


class Snapshot(Struct, frozen=True):
    """One look, at a time in Unix seconds. What was not asked for is None or empty.

    `told` is what our worker says of itself: in its metrics, or in this process. `metrics`
    are the newest, `shared_metrics` those of the shared folder, whoever wrote them. `letters`
    are the oldest dead letters, for a menu; `restorable`, for it too, says whether the
    ledger has a deletion that can be taken back. `another` is what to say of another worker that
    has written the metrics beside ours. `settings_changed` is when their file was (0: none).
    `disk` says why nothing can be written where the files are; each part but none looks at that.
    """

    at: float
    paths: Paths
    worker: Running | None = None
    told: WorkerStatus | None = None
    server: ServerSeen = ServerSeen()
    metrics: Metrics = NO_METRICS
    shared_metrics: Metrics = NO_METRICS
    another: Reason = reasons.NONE
    pause: SeenPause = SeenPause()
    refusal: Attempt | None = None
    settings_changed: float = 0.0
    disk: Reason = reasons.NONE
    contents: Contents | None = None
    past: Past | None = None
    letters: tuple["DeadLetter", ...] = ()
    restorable: bool = False

    @property
    def obstacle(self) -> Reason:
        """What stands in the way on this computer, of which a worker may be unable to tell."""
        pause = self.pause.error
        return (pause.reason if pause is not None else self.metrics.trouble) or self.disk

    @property
    def beside(self) -> bool:
        """Whether another worker is at work beside ours, which sends nothing meanwhile."""
        told = self.told.state.reason if self.told is not None else reasons.NONE
        return bool(self.another) or another_worker.is_told(told)

    @property
    def inside(self) -> Contents:
        """What files and ledger hold. Raises LookupError where nobody asked for it."""
        if self.contents is None:
            raise LookupError(Part.COUNTS)
        return self.contents
