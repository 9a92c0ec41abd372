"""Why memories are stuck, summed up by cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mem0tray.actions import dead_letters, diagnose, fresh_entries, read_files, snapshot_reader
from mem0tray.actions.cause import NOT_RUNNING, PAUSED, Cause
from mem0tray.actions.find import FileListing, FoundItem, Identity, handles, listing
from mem0tray.actions.fresh_entries import FreshEntries
from mem0tray.actions.snapshot import Part, Snapshot
from mem0tray.actions.surroundings import Surroundings
from mem0tray.config.settings import Settings
from mem0tray.core.text import plural
from mem0tray.ledger.known import Attempt, Known
from mem0tray.ledger.reader import Reader
from mem0tray.server.remedy import ID

Group = tuple[Cause, Sequence[FoundItem]]


@dataclass(frozen=True, slots=True)
class StuckMemories:
    """Dead letters, and entries that have failed, by the most important cause of each.

    `groups` has the largest first, each with a cause that takes one memory as the example.
    `besides` are other troubles, which stop none of these by themselves. `called` gives, by the
    id of each memory, its name in a command.
    """

    groups: Sequence[Group]
    besides: Sequence[Cause]
    dead: FileListing
    fresh: FreshEntries
    called: Mapping[str, str]


def sum_up(settings: Settings, now: float) -> StuckMemories:
    """Sum up, with one question to the server; `now` in Unix seconds.

    If the server refuses everything, all that wait count as stuck: which of them was tried
    does not matter. Raises FileUnavailableError where a file cannot be read.
    """
    snapshot = snapshot_reader.read(settings, now, Part.REFUSAL)
    with Reader(snapshot.paths.ledger) as reader:
        dead = dead_among(snapshot, reader)
        waits = fresh_entries.look(snapshot.paths, reader, snapshot.server.name)
        last, longer = reader.last_attempts(), reader.many.other_waits()
    around = Surroundings.ask(settings, snapshot)
    fresh, known = waits.listing.found, waits.known
    stuck = [each for each in fresh if around.refuse_everything or _has_failed(each, known, last)]
    groups: dict[tuple[object, ...], list[FoundItem]] = {}
    first: dict[tuple[object, ...], Cause] = {}
    for found in [*dead.found, *stuck]:
        attempt, row = last.get(found.identity), known.get(found.identity)
        wait = longer.get(found.identity) if found.is_dead else None
        cause = diagnose.causes(found, around, attempt, row, now, ID, wait)[0]
        groups.setdefault(cause.likeness, []).append(found)
        first.setdefault(cause.likeness, cause)
    called = handles([*dead.found, *fresh])
    shown: list[Group] = [
        (first[like].about(called[group[0].id]) if len(group) == 1 else first[like], group)
        for like, group in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]
    return StuckMemories(shown, _besides(around, shown), dead, waits, called)


def dead_among(snapshot: Snapshot, reader: Reader) -> FileListing:
    """The dead letters. Raises FileUnavailableError where their file cannot be read."""
    letters = dead_letters.look(snapshot.paths, reader, snapshot.server.name)
    return listing(letters, read_files.DLQ_LIST)


def number(group: Sequence[FoundItem]) -> str:
    """How many memories a group has, in words."""
    dead = sum(each.is_dead for each in group)
    parts = [plural(dead, "dead letter")] if dead else []
    if len(group) > dead:
        parts.append(plural(len(group) - dead, "waiting entry", "waiting entries"))
    return ", ".join(parts)


def _besides(around: Surroundings, shown: Sequence[Group]) -> list[Cause]:
    """Troubles that have not been told for any memory."""
    # A stopped worker and a pause are already part of what each group says to do.
    told = {cause.name for cause, _ in shown} | ({PAUSED, NOT_RUNNING} if shown else set())
    return [cause for cause in around.causes if cause.name not in told]


def _has_failed(
    found: FoundItem, pending: Mapping[Identity, Known], last: Mapping[Identity, Attempt]
) -> bool:
    """Whether a fresh entry is not simply new: it was tried, or can never be sent."""
    if found.item is None or found.identity in last:
        return True
    known = pending.get(found.identity)
    if known is not None and known.is_held:
        return True
    return (known.retries if known is not None else found.item.retries) > 0
