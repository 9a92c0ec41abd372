"""The facts of the page: how things stand, what waits, and what happened when."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from mem0tray.actions import standing
from mem0tray.actions.standing import Overview
from mem0tray.actions.waiting import DLQ_LIST, FoundItem, Identity, WaitingItems
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import Attempt

_SLOT: Final = 900.0  # seconds; every zone's midnight falls between two quarters of an hour
_MONTH: Final = 31 * 86_400.0  # seconds; a page shows thirty days
_DAYS: Final = 30


class History(NamedTuple):
    """For each local day that begins at one of `starts`: memories delivered, most dead letters.

    The last day is not over; `dead_now` is the size of the DLQ at the end.
    """

    starts: Sequence[float]
    delivered: Sequence[int]
    dead: Sequence[int]
    dead_now: int


class Gathered(NamedTuple):
    """Everything, seen at one moment; `now` in Unix seconds.

    `unreadable`: the DLQ file cannot be read, and the dead letters are those of the ledger.
    `nonsense`: how many things there make no sense. `past` is None where the ledger knows none.
    """

    now: float
    overview: Overview
    dead: Sequence[FoundItem]
    nonsense: int
    attempts: Mapping[Identity, Attempt]
    unreadable: bool
    past: History | None


def gather(settings: Settings, now: float) -> Gathered:
    """Read everything there is to show."""
    seen = standing.read(settings, now)
    with Reader(seen.paths.ledger) as reader:
        waits = WaitingItems(reader, seen.step)
        dead = waits.listed(DLQ_LIST)
        # Counted as everywhere: things that make no sense, too.
        raws = [*(each.raw for each in dead), *waits.odd]
        began, since = reader.began(), now - _MONTH
        return Gathered(
            now=now,
            overview=standing.overview(seen),
            dead=dead,
            nonsense=len(waits.odd),
            attempts=reader.last_attempts(),
            unreadable="dlq" in seen.step.unread,
            past=None
            if began is None
            else history(
                days(began, now),
                reader.deliveries(since, _SLOT),
                reader.stays(since),
                [items.moved_to_dlq(raw, now) for raw in raws],
            ),
        )


def days(began: float, now: float) -> list[float]:
    """Return when each day begins, from the one before the first event: that shows the rise."""
    today = datetime.fromtimestamp(now).date()  # noqa: DTZ006  (local days are meant)
    shown = [today - timedelta(days=n) for n in reversed(range(_DAYS))]
    starts = [datetime.combine(day, time.min).timestamp() for day in shown]
    return starts[max(0, bisect_right(starts, began) - 2) :]


def history(
    starts: Sequence[float],
    deliveries: Mapping[float, int],
    stays: Iterable[tuple[float, float]],
    dead_since: Iterable[float],
) -> History:
    """Combine deliveries by slot, dead letters that came and went, and those still there."""
    delivered = [0] * len(starts)
    for at, number in deliveries.items():
        if (day := bisect_right(starts, at) - 1) >= 0:
            delivered[day] += number
    gone = list(stays)
    came = sorted([*(start for start, _ in gone), *dead_since])
    went = sorted(end for _, end in gone)
    spans = zip(starts, [*starts[1:], math.inf], strict=True)
    dead = [_most(came, went, start, end) for start, end in spans]
    return History(starts, delivered, dead, len(came) - len(went))


def _most(came: Sequence[float], went: Sequence[float], start: float, end: float) -> int:
    """Return the most that were there at any moment from `start` until just before `end`.

    A dead letter that goes just when another comes is counted with it.
    """
    most = bisect_right(came, start) - bisect_right(went, start)
    for at in came[bisect_right(came, start) : bisect_left(came, end)]:
        most = max(most, bisect_right(came, at) - bisect_left(went, at))
    return most
