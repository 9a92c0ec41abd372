"""The outcomes of retries, as they come: read from the ledger while the worker works."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mem0tray.actions import worker_report
from mem0tray.actions.in_step import worker_runs
from mem0tray.core import item as items
from mem0tray.core.item import Item, Kind
from mem0tray.core.state import ACTION_NEEDED, DOWN, PAUSED
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Attempt, Known
from mem0tray.system.paths import Paths

DELIVERED: Final = items.DELIVERED
FAILED: Final = "failed"
DELETED: Final = "deleted"
WAITING: Final = "waiting"
_LOOK: Final = 0.05  # seconds
_SHARE: Final = 3  # so many times as long as a look takes, the ledger is left alone
_HINDERED: Final = 3.0  # seconds in which the worker may find out that things go again
# A failure of these classes counts nothing, unless others show that it was the memory's fault.
_UNCOUNTED: Final = frozenset({Kind.OUTAGE, Kind.SLOW_DOWN, Kind.UNAUTHORIZED, Kind.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class RetryOutcome:
    """What became of one retry: `next_retry` in Unix seconds, None where there is none."""

    item: Item
    name: str
    reason: str = ""
    next_retry: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether there is nothing left to do."""
        return self.name == DELIVERED


def follow(
    paths: Paths, chosen: Sequence[Item], since: float, patience: float
) -> Iterator[RetryOutcome]:
    """Yield what becomes of each, as it happens; `since`: when it was asked for, Unix seconds.

    What has no outcome after `patience` seconds without any, or once the worker is hindered
    or gone, comes last, as `WAITING`.
    """
    left = {item.name: item for item in chosen}
    with Reader(paths.ledger) as reader:
        last = time.monotonic()
        while left:
            began = time.monotonic()
            found = [_outcome(reader, item, since) for item in left.values()]
            done = [each for each in found if each.name != WAITING]
            for each in done:
                del left[each.item.name]
                last = began
                yield each
            why = _hindrance(paths, time.monotonic() - last, patience)
            if why:
                break
            if left:
                time.sleep(max(_LOOK, _SHARE * (time.monotonic() - began)))
        yield from (_still_waiting(reader, item, since, why) for item in left.values())


def _outcome(reader: Reader, item: Item, since: float) -> RetryOutcome:
    known = reader.known(*item.name)
    if known is None:
        return RetryOutcome(item, WAITING)
    if known.state == items.DELIVERED:
        return RetryOutcome(item, DELIVERED)
    if known.state == items.DISCARDED:
        return RetryOutcome(item, DELETED, "deleted meanwhile")
    attempt = _attempt(reader, known, since)
    # Its next try is known by what was recorded with the attempt, perhaps after the first look.
    known = None if attempt is None else reader.known(*item.name)
    if attempt is None or known is None or _is_uncounted(attempt, known):
        return RetryOutcome(item, WAITING)
    return RetryOutcome(item, FAILED, attempt.message, known.due)


def _attempt(reader: Reader, known: Known, since: float) -> Attempt | None:
    """The last that failed since then."""
    attempts = reader.attempts(known.key)
    return attempts[-1] if attempts and attempts[-1].at >= since else None


def _is_uncounted(attempt: Attempt, known: Known) -> bool:
    """Whether it says nothing of the memory; of a question, whatever was counted before it."""
    if attempt.kind == Kind.ASKED_IN_VAIN:
        return True
    return attempt.kind in _UNCOUNTED and attempt.message != known.last_error


def _hindrance(paths: Paths, idle: float, patience: float) -> str:
    """Why there is no point in waiting any longer; empty while there is."""
    if not worker_runs(paths):
        return "the worker does not run"
    if idle < _HINDERED:
        return ""
    seen = [worker_report.metrics(each) for each in (paths.metrics, paths.spare_metrics)]
    if min(idle, time.time() - max(each.written for each in seen)) > worker_report.SILENT:
        return "the worker does not answer: `mem0tray doctor` says more"
    metrics = seen[0].values
    if metrics.get("state") in (DOWN, PAUSED, ACTION_NEEDED):
        reason = str(metrics.get("reason") or metrics["state"])
        return f"the server is down: {reason}" if metrics["state"] == DOWN else reason
    return "" if idle < patience else f"nothing was heard for {idle:.0f} s"


def _still_waiting(reader: Reader, item: Item, since: float, why: str) -> RetryOutcome:
    known = reader.known(*item.name)
    attempt = None if known is None else _attempt(reader, known, since)
    reason = attempt.message if attempt is not None and attempt.message not in why else ""
    return RetryOutcome(item, WAITING, ": ".join(filter(None, (why, reason))))
