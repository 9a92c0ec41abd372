"""What the page shows, from files and ledger, with or without a worker. Writes nothing.

The server is not probed: a page is there at once. A worker that runs has
published how the server is; without one nothing is sent anyway.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from mem0tray.actions import overview, read_files, waiting
from mem0tray.actions.find import FileListing, Identity, listing
from mem0tray.actions.overview import Overview
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core.errors import FileUnavailableError
from mem0tray.ledger.reader import Attempt, Reader
from mem0tray.report import history
from mem0tray.report.history import History
from mem0tray.system.paths import Paths


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything, looked at once; `now` in Unix seconds.

    `torn`: the DLQ file cannot be read, the dead letters are those that the
    ledger remembers. `past` is None where the ledger knows none.
    """

    now: float
    overview: Overview
    dead: FileListing
    waiting: FileListing
    attempts: Mapping[Identity, Attempt]
    torn: bool
    past: History | None


def gather(settings: Settings, now: float) -> Gathered:
    """Look at everything once."""
    paths = settings.locations()
    with Reader(paths.ledger) as reader:
        raws, torn = _dead(paths, reader)
        dead = listing(raws, read_files.DLQ)
        seen = overview.gather(settings)
        queue = overview.parsed(paths.queue, read_files.QUEUE_SECTIONS)
        lines, _ = waiting.emergency_lines(paths)
        return Gathered(
            now=now,
            overview=seen,
            dead=dead,
            waiting=waiting.of(paths, reader, queue, lines, seen.server).listing,
            attempts=reader.last_attempts(),
            torn=torn,
            past=_past(reader, raws, now),
        )


def _dead(paths: Paths, reader: Reader) -> tuple[Sequence[bytes], bool]:
    """The dead letters, and whether their file cannot be read; a file that is gone is no edit."""
    try:
        found = read_files.load(paths.dlq, read_files.DLQ_SECTIONS)
    except FileUnavailableError:
        whole = overview.parsed(paths.dlq, read_files.DLQ_SECTIONS).lists[read_files.DLQ]
        return reader.dead_raws() or whole, True
    return (found[0].lists[read_files.DLQ] if found else reader.dead_raws()), False


def _past(reader: Reader, dead: Iterable[bytes], now: float) -> History | None:
    began = reader.began()
    if began is None:
        return None
    period = history.period(began, now)
    since = period.starts[0]
    return history.of(
        period,
        reader.deliveries(since, history.SLOT),
        reader.stays(since),
        [_moved(raw, now) for raw in dead],  # as all count them: what makes no sense, too
        reader.outages(since),
    )


class _Moved(msgspec.Struct):
    """The one field that an item leaves out."""

    moved_to_dlq_at: Any = 0


def _moved(raw: bytes, now: float) -> float:
    """When it came into the DLQ, by the file; a time that cannot be is long ago."""
    try:
        found = msgspec.json.decode(raw, type=_Moved).moved_to_dlq_at
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = (items.load_object(raw) or {}).get("moved_to_dlq_at")
    at = items.number(found)
    return at if 0 < at <= now else 0.0
