"""How things stand at one moment, as plain data: every view is made of it.

`snapshot_reader` makes it. Status, page, tray, doctor and diagnosis are functions of it, and
read nothing themselves that it has.
"""

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mem0tray.actions.find import FileListing
from mem0tray.actions.fresh_entries import FreshCount
from mem0tray.actions.read_files import SeenFile
from mem0tray.actions.server_names import ServerNames
from mem0tray.actions.worker_report import NO_METRICS, Metrics, Running
from mem0tray.core import another_worker, reasons
from mem0tray.core.another_worker import WorkerSeen
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.item import Name
from mem0tray.core.reasons import Reason
from mem0tray.core.state import WorkerStatus
from mem0tray.ledger.known import Attempt, Wait
from mem0tray.system.paths import Paths

if TYPE_CHECKING:
    from mem0tray.actions.oldest import DeadLetter  # slow to import, and commands do without

SLOT: Final = 900.0  # seconds; every zone's midnight falls between two quarters of an hour
TOTALS: Final = ("queued", "synced", "failed")  # memories, since the queue file was begun


class Part(enum.Flag):
    """What is looked at only on demand: each part costs more than the one before."""

    NOTHING_MORE = 0
    DISK = enum.auto()  # whether our files can be written
    REFUSAL = enum.auto()  # whether the server refuses everything, unless another was chosen since
    COUNTS = enum.auto()  # files and ledger; the DLQ file unless our worker has counted it
    FILES = enum.auto()  # the same, and the DLQ file in any case
    PAST = enum.auto()  # the same, with each item's last attempt, and what happened when


class SeenPause(Struct, frozen=True):
    """Until when the user has paused deliveries (infinity: until resumed), or None."""

    until: float | None = None
    error: FileUnavailableError | None = None


class SeenQuarantine(Struct, frozen=True):
    """How many files are kept there; None where the folder cannot be read."""

    count: int | None
    error: FileUnavailableError | None = None


class SeenLedger(Struct, frozen=True):
    """What the ledger knows; if it is not `usable`, that is nothing.

    `size` in bytes (None: no ledger), times in Unix seconds. `only_elsewhere`: how many
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
    last_run: str = ""

    @property
    def trouble(self) -> Reason:
        """Why the ledger tells nothing; NONE where it is missing, empty, or can be read."""
        if self.usable or not self.size:
            return reasons.NONE
        return Reason("The ledger {path} cannot be read.", path=self.path)


class Listed(Struct, frozen=True):
    """The fresh entries and the dead letters, one by one, by their files and the ledger."""

    fresh: FileListing
    dead: Sequence[bytes]


class Contents(Struct, frozen=True):
    """What files and ledger hold.

    `folder` says what is wrong with `claude_dir` itself. `dlq` and `fresh` are None where our
    worker has counted; `dead` is the number of dead letters from the DLQ file and the ledger, see
    `dead_letters`. `emergency` and `dlq_error` say why those files cannot be opened. `listed` is
    there for `Part.PAST` alone.
    """

    folder: Reason
    queue: SeenFile
    dlq: SeenFile | None
    dlq_error: Reason
    dead: int
    fresh: FreshCount | None
    emergency: Reason
    quarantine: SeenQuarantine
    ledger: SeenLedger
    listed: Listed | None = None


class Past(Struct, frozen=True):
    """What happened since the ledger `began` (None: it is empty), a month at most.

    `waits` are those of dead letters, without those that are simply the backoff. `deliveries` are
    counted by the beginning of their slot (`SLOT` seconds), `stays` in the DLQ and `outages` by
    beginning and end; Unix seconds.
    """

    attempts: Mapping[Name, Attempt]
    waits: Mapping[Name, Wait]
    began: float | None
    deliveries: Mapping[float, int]
    stays: Sequence[tuple[float, float]]
    outages: Sequence[tuple[float, float]]


class Snapshot(Struct, frozen=True):
    """One look, at a time in Unix seconds. Parts that were not asked for are None or empty.

    `told` is what our worker says of itself: in its metrics, or in this process. `metrics`
    are the newest, `shared_metrics` those in the shared folder, whoever wrote them. `letters`
    are the oldest dead letters, for a menu; `restorable`, also for it, says whether the
    ledger has a deletion that can be taken back. `another` is the sentence on another worker that
    wrote the metrics beside ours. `settings_changed` is when the settings file was (0: no file).
    `disk` says why nothing can be written where the files are; every part but none looks at that.
    """

    at: float
    paths: Paths
    worker: Running | None = None
    told: WorkerStatus | None = None
    server: ServerNames = ServerNames()
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
        """What stands in the way on this computer, which a worker may be unable to tell."""
        pause = self.pause.error
        return (pause.reason if pause is not None else self.metrics.trouble) or self.disk

    @property
    def beside(self) -> bool:
        """Whether another worker is at work beside ours, which sends nothing during that time."""
        told = self.told.state.reason if self.told is not None else reasons.NONE
        return bool(self.another) or another_worker.is_told(told)

    @property
    def inside(self) -> Contents:
        """The contents of files and ledger. Raises LookupError if nobody asked for them."""
        if self.contents is None:
            raise LookupError(Part.COUNTS)
        return self.contents
