"""Telling commands, by their receipts, from hand edits in a changed DLQ file. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mem0tray.core import events
from mem0tray.core import item as items
from mem0tray.core.item import Item, Name
from mem0tray.files.receipts import VERBS, Account, Deed
from mem0tray.worker.dlq.merge import Decisions, Pair


@dataclass(frozen=True, slots=True)
class Share:
    """What to tell of one merge, and who took out the rows that it discards (by their keys)."""

    told: list[events.Event]
    by_command: list[int]
    by_hand: list[int]
    by_other: list[int]  # taken out by another worker, which has perhaps delivered them


def share(decided: Decisions, account: Account, *, beside: bool = False) -> Share:
    """Give each change in `decided` to the command that made it; the rest was made by hand.

    `beside`: another worker is at work, which takes out what it has delivered, just as a user
    takes out what is not wanted. It is told as a hand edit all the same.
    """
    deeds: Counter[Deed] = Counter()
    by_command: list[int] = []
    by_hand: list[int] = []
    for row in decided.discard:
        deed = account.removed.get(row.name)
        (by_hand if deed is None else by_command).append(row.key)
        deeds.update([deed] if deed is not None else ())
    edited = _left(deeds, account.added, (pair.item for pair in decided.edits))
    # A command made it due, and somebody has changed it besides.
    edited += sum(pair.item.name in account.due and _is_changed(pair) for pair in decided.forced)
    forced = _wishes(deeds, account, decided.forced)
    fresh = sum(pair.row.last_attempt > 0 or _is_changed(pair) for pair in forced)
    hand = events.HandEdit(
        discarded=len(by_hand),
        edited=edited,
        forced=fresh,
        adopted=_left(deeds, account.added, decided.adopt),
        restored=_left(deeds, account.added, (pair.item for pair in decided.restore)),
    )
    # A 0 that the file showed before is a wish only if the save changes nothing else.
    if hand == events.HandEdit():
        hand = events.HandEdit(forced=len(forced))
    told: list[events.Event] = [
        events.UserAction(deed.verb, dead=number, backup=deed.backup)
        for deed, number in sorted(deeds.items(), key=lambda pair: VERBS.index(pair[0].verb))
    ]
    told += [hand] * (hand != events.HandEdit())
    return Share(told, by_command, [] if beside else by_hand, by_hand if beside else [])


def _wishes(deeds: Counter[Deed], account: Account, found: Iterable[Pair]) -> list[Pair]:
    """Count the retries that commands asked for; return those that were asked for by hand.

    Nobody asked for one that a command found due already and left so.
    """
    by_hand: list[Pair] = []
    for pair in found:
        name = pair.item.name
        deed = account.due.get(name) or account.added.get(name)
        deeds.update([deed] if deed is not None else ())
        if deed is None and not account.whole:
            by_hand.append(pair)
    return by_hand


def _left(deeds: Counter[Deed], done: Mapping[Name, Deed], found: Iterable[Item]) -> int:
    """Count what commands have done; return how many of the items were changed by hand."""
    by_hand = 0
    for item in found:
        deed = done.get(item.name)
        by_hand += deed is None
        deeds.update([deed] if deed is not None else ())
    return by_hand


def _is_changed(pair: Pair) -> bool:
    item, row = pair.item, pair.row
    if (item.digest, item.retry_count) != (row.digest, row.retry_count):
        return True
    return items.body(item.raw) != items.body(row.raw or b"")
