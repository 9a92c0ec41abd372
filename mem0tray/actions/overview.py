"""How things stand, in figures and words: what `status` shows, and others build on. Pure."""

from typing import Any, Final

from msgspec import Struct, field

from mem0tray.actions.snapshot import TOTALS, Contents, Snapshot
from mem0tray.actions.worker_report import SILENT, Running, local_time
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import FileUnavailableError
from mem0tray.core.reasons import Reason
from mem0tray.core.state import ACTION_NEEDED, STARTING, WorkerStatus

NOT_RUNNING: Final = "not running"


class Overview(Struct):
    """What `status` shows. Times are Unix seconds; `pause` is infinite until resumed.

    `beside`: another worker is at work, and held entries are asked about once it has ended.
    A count that could not be read is None, never 0; `unknown` says why, by the count's name.
    """

    claude_dir: str = ""
    worker: Running | None = None
    state: str = NOT_RUNNING
    reason: Reason = reasons.NONE
    server: str = ""
    destination: str = ""
    queue: int | None = 0
    held: int = 0
    beside: bool = False
    dlq: int | None = 0
    quarantine: int | None = 0
    oldest_waiting: float | None = None
    last_delivery: float | None = None
    pause: float | None = None
    totals: dict[str, int | None] = field(default_factory=dict)
    only_elsewhere: dict[str, int] = field(default_factory=dict)
    to_bring_over: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, Reason] = field(default_factory=dict)


def of(seen: Snapshot) -> Overview:
    """The overview of a snapshot that holds `Part.COUNTS` at least; else LookupError."""
    inside = seen.inside
    made = Overview(
        claude_dir=str(seen.paths.claude_dir),
        worker=seen.worker,
        server=seen.server.name,
        destination=seen.server.shown,
        quarantine=inside.quarantine.count,
        pause=seen.pause.until,
        beside=seen.beside,
        only_elsewhere=dict(inside.ledger.only_elsewhere),
        to_bring_over=dict(inside.ledger.to_bring_over),
    )
    made.state, made.reason = _state(seen)
    _count(made, inside, seen.told)
    _add_totals(made, inside, told=seen.told is not None)
    _miss(made, inside)
    trouble = _trouble(made, seen, inside)
    if trouble:
        made.state, made.reason = ACTION_NEEDED, trouble
    return made


# The state ------------------------------------------------------------------------------------


def _state(seen: Snapshot) -> tuple[str, Reason]:
    """State and reason as the worker tells them; its environment may have other settings."""
    if seen.worker is None:
        return _unless(seen.server.trouble, NOT_RUNNING)
    if seen.told is not None:
        if abs(seen.at - seen.metrics.written) > SILENT:
            return ACTION_NEEDED, Reason(
                "the worker (process {number}) has not written its metrics"
                " for a while: `mem0tray doctor` says more",
                number=seen.worker.pid or "?",
            )
        return seen.told.state.name, seen.told.state.reason
    if seen.another:
        return ACTION_NEEDED, seen.another
    return _unless(seen.server.trouble, STARTING)


def _unless(trouble: Reason, state: str) -> tuple[str, Reason]:
    return (ACTION_NEEDED, trouble) if trouble else (state, reasons.NONE)


def _trouble(made: Overview, seen: Snapshot, inside: Contents) -> Reason:
    """The first thing in the way that the state does not tell; else NONE."""
    file = reasons.NONE  # of the DLQ file; a broken queue file is reported with its counters
    if seen.told is None and inside.dlq is not None:  # a worker reports it itself, and knows more
        file = inside.dlq.trouble
    return (
        inside.folder
        or _why(seen.pause.error)
        or _why(inside.quarantine.error)
        or next(iter(made.unknown.values()), file)
        or seen.obstacle
    )


def _why(error: FileUnavailableError | None) -> Reason:
    return reasons.NONE if error is None else error.reason


# The counts -----------------------------------------------------------------------------------


def _count(made: Overview, inside: Contents, told: WorkerStatus | None) -> None:
    """Count what waits: our worker has done so, or else files and ledger show it."""
    if told is not None:
        made.queue, made.dlq, made.held = told.queue, told.dlq, told.held
        made.oldest_waiting = inside.ledger.oldest_waiting
        _doubt(made, inside)
        return
    fresh = inside.fresh
    if fresh is not None:
        made.queue, made.held = fresh.count, fresh.held
        oldest = [each for each in (fresh.oldest, inside.ledger.oldest_dead) if each is not None]
        made.oldest_waiting = min(oldest, default=None)
    # Whole entries of a broken file count.
    whole = bool(inside.queue.document.lists["queue"])
    trouble = (reasons.NONE if whole else inside.queue.trouble) or inside.emergency
    if trouble:
        made.queue, made.unknown["queue"] = None, trouble
    made.dlq = inside.dead
    dlq = inside.dlq
    if dlq is not None and dlq.trouble:
        made.dlq = len(dlq.document.lists["items"]) or None
        if made.dlq is None:
            made.unknown["dlq"] = dlq.trouble


def _doubt(made: Overview, inside: Contents) -> None:
    """Beside a worker: its ledger does not know what stands in a file that cannot be read."""
    queue = inside.queue
    unread = queue.trouble if queue.error is not None or queue.restless else inside.emergency
    if unread:
        made.queue, made.unknown["queue"] = None, unread
    if inside.dlq_error:
        made.dlq, made.unknown["dlq"] = None, inside.dlq_error


def _add_totals(made: Overview, inside: Contents, *, told: bool) -> None:
    """The counters as a worker of ours has them in the ledger, or else those of the queue file."""
    queue = inside.queue
    stats = items.load_object(queue.document.rest.get("stats", b"{}"))
    if stats is not None and not queue.trouble:
        made.totals = {name: items.count(stats.get(f"total_{name}")) for name in TOTALS}
    else:
        made.totals = dict(inside.ledger.totals) if told and queue.error is None else {}
        if None in made.totals.values() or not made.totals:
            made.totals = dict.fromkeys(TOTALS)  # some would be of another moment
            senseless = Reason("The counters in the queue file make no sense.")
            made.unknown["totals"] = queue.trouble or senseless
    _add_last_delivery(made, inside, stats or {})


def _add_last_delivery(made: Overview, inside: Contents, stats: dict[str, Any]) -> None:
    made.last_delivery = inside.ledger.last_delivery or local_time(stats.get("last_sync"))
    if made.last_delivery is None and inside.ledger.trouble:
        made.unknown["last_delivery"] = inside.ledger.trouble


def _miss(made: Overview, inside: Contents) -> None:
    """Note what is unknown because its folder is not there."""
    if inside.folder and made.worker is None:
        made.queue = made.dlq = None
        made.totals = dict.fromkeys(TOTALS)
        made.unknown |= dict.fromkeys(("queue", "dlq", "totals"), inside.folder)
    if inside.quarantine.error is not None:
        made.unknown["quarantine"] = inside.quarantine.error.reason
