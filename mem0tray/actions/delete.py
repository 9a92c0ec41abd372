"""Back up, then delete: dead letters and fresh entries."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mem0tray.actions import backup
from mem0tray.actions.apply import Answer, apply
from mem0tray.actions.find import FoundItem
from mem0tray.config.settings import Settings
from mem0tray.files import orders
from mem0tray.files.orders import DELIVERED, GONE, IN_FLIGHT, PERHAPS
from mem0tray.system.paths import Paths


@dataclass(slots=True)
class Deleted:
    """What a deletion did: `items` are deleted, the others are not; an empty `backup` is none.

    `delivered`: the server has them. `in_flight`: they are being sent, and are deleted if the
    server does not take them. `perhaps` (among `items`) were being sent, and nobody knows whether
    the server has them. `gone` no longer waited. `heard`: the worker, if one runs, knows of the
    deletion.
    """

    backup: Path = field(default_factory=Path)
    items: list[FoundItem] = field(default_factory=list)
    gone: list[FoundItem] = field(default_factory=list)
    delivered: list[FoundItem] = field(default_factory=list)
    in_flight: list[FoundItem] = field(default_factory=list)
    perhaps: list[FoundItem] = field(default_factory=list)
    heard: bool = True


def delete(
    paths: Paths, settings: Settings, chosen: Sequence[FoundItem], *, for_good: bool = False
) -> Deleted:
    """Write all of `chosen` to a backup of their own, then delete them.

    `for_good`: erase their text too, without a backup; `forget` then erases it elsewhere. If a
    worker runs, this waits until it knows of the deletion and what became of the items that it
    was sending, two seconds at most.
    Raises FileUnavailableError, also when no backup can be made, and LedgerError: then nothing is
    deleted.
    """
    names = [each.identity for each in chosen]
    if for_good:
        return _outcome(Path(), chosen, apply(paths, settings, orders.about(orders.FORGET, names)))
    dated = backup.write_dated(paths, [each.raw for each in chosen], time.time())
    try:
        if any(each.is_dead for each in chosen):
            backup.keep_last_state(paths)
        answer = apply(paths, settings, orders.about(orders.DELETE, names, dated.name))
    except BaseException:
        dated.unlink(missing_ok=True)  # it would be the backup of a deletion that never was
        raise
    result = _outcome(dated, chosen, answer)
    kept = [each.raw for each in (*result.items, *result.in_flight)]
    if not kept:
        dated.unlink(missing_ok=True)
    elif len(kept) < len(chosen):  # what was not deleted cannot be put back
        backup.write_again(dated, kept)
    return result


def _outcome(dated: Path, chosen: Sequence[FoundItem], answer: Answer) -> Deleted:
    result = Deleted(dated, heard=answer.heard)
    lists = {DELIVERED: result.delivered, IN_FLIGHT: result.in_flight, GONE: result.gone}
    for each in chosen:
        outcome = answer.of(each.identity)
        lists.get(outcome, result.items).append(each)
        if outcome == PERHAPS:
            result.perhaps.append(each)
    return result
