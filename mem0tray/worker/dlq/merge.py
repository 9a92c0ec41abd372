"""What a hand edit of the DLQ file means. Pure: rows and file items in, decisions out.

The contract's rules, section 1 "Edits by hand":
* an item that is missing is discarded, unless it was first published after the
  generation that the file's editor saw;
* a value that was never published is the user's and wins, one that was is stale;
* `last_attempt` 0 is always a wish to retry now;
* new items are adopted, changed content is an edit of the same item;
* what the server already has is taken out again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from mem0tray.core import item as items
from mem0tray.core.item import Item
from mem0tray.files.document import stands_as
from mem0tray.ledger.generations import PastValue
from mem0tray.ledger.rows import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """An item of the file and the row of the ledger that it is."""

    item: Item
    row: Row


@dataclass(frozen=True, slots=True)
class Edition:
    """Which generation the editor of a file saw.

    `named` is the one that its `last_update` names, None for an unknown stamp;
    `exact` says that the file is, byte for byte, that generation of ours;
    `absent` are items which that generation did not show.
    """

    named: int | None
    current: int
    exact: bool = False
    absent: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Merge:
    """What to do."""

    edits: list[Pair] = field(default_factory=list)  # the item as it shall be
    forced: list[Pair] = field(default_factory=list)  # retry now
    adopt: list[Item] = field(default_factory=list)
    restore: list[Pair] = field(default_factory=list)
    discard: list[Row] = field(default_factory=list)
    put_back: list[Row] = field(default_factory=list)
    delivered: list[Pair] = field(default_factory=list)
    stale: int = 0  # items that an old save brought back

    @property
    def is_edit(self) -> bool:
        """Whether the user wanted anything."""
        return any((self.edits, self.forced, self.adopt, self.restore, self.discard))


def merge(
    found: Sequence[Item],
    dead: Sequence[Row],
    others: Callable[[Sequence[str]], Mapping[str, Sequence[Row]]],
    past: Callable[[int], list[PastValue]],
    edition: Edition,
    server: str,
) -> Merge:
    """Decide.

    `found` are the file's items, `dead` all dead letters of the ledger;
    `others(ids)` gives every row of each id, `past(key)` the replaced values of a
    row; `server` is where deliveries go now.
    """
    pairs, new, missing = _match(found, dead, others, past)
    changed = [pair for pair in pairs if pair.row.state == items.DEAD and not _untouched(pair)]
    values = _value_edits(changed, past)
    if edition.named is not None:
        return _decide(pairs, new, missing, values, edition, edition.named, edition.named, server)
    lower, upper = _seen(pairs, past, edition.current)
    result = _decide(pairs, new, missing, values, edition, lower, upper, server)
    if missing and not result.is_edit:
        # Somebody stamped and saved the file, and it must have been for something: what
        # it lacks was taken out, though nothing else shows that the editor saw it.
        return _decide(pairs, new, missing, values, edition, upper, upper, server)
    return result


def _match(
    found: Sequence[Item],
    dead: Sequence[Row],
    others: Callable[[Sequence[str]], Mapping[str, Sequence[Row]]],
    past: Callable[[int], list[PastValue]],
) -> tuple[list[Pair], list[Item], list[Row]]:
    """Pairs, items that are new, dead letters that are missing."""
    by_id: dict[str, list[Row]] = defaultdict(list)
    for letter in dead:
        by_id[letter.item_id].append(letter)
    pairs: dict[int, Pair] = {}
    unmatched: list[Item] = []
    strangers = [item.id for item in found if _same(item, by_id.get(item.id, ())) is None]
    known = others(strangers) if strangers else {}
    for item in found:
        row = _same(item, by_id.get(item.id, ())) or _same(item, known.get(item.id, ()))
        if row is None:
            unmatched.append(item)
        elif row.key not in pairs:
            pairs[row.key] = Pair(item, row)
    new: dict[tuple[str, bytes], Item] = {}
    for item in unmatched:
        rows = by_id.get(item.id, [])
        stale = [row for row in rows if _was_body(item, past(row.key))]
        free = [row for row in rows if row.key not in pairs]
        if stale:
            pairs.setdefault(stale[0].key, Pair(item, stale[0]))
        elif free:
            pairs[free[0].key] = Pair(item, free[0])
        else:
            new.setdefault((item.id, item.digest), item)
    missing = [letter for letter in dead if letter.key not in pairs]
    return list(pairs.values()), list(new.values()), missing


def _same(item: Item, rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row.digest == item.digest), None)


def _was_body(item: Item, past: Sequence[PastValue]) -> bool:
    if not any(value.body for value in past):
        return False
    body = items.body(item.raw)
    return any(value.body == body for value in past)


def _untouched(pair: Pair) -> bool:
    raw = pair.row.raw or b""
    return pair.item.last_attempt > 0 and stands_as(pair.item.raw, raw, 2)


def _value_edits(
    changed: Sequence[Pair], past: Callable[[int], list[PastValue]]
) -> tuple[list[Pair], list[Pair], int]:
    """Edits that win, as the items shall be; those that ask for a retry now; stale values."""
    edits, forced, stale = [], [], 0
    for pair in changed:
        item, row = pair.item, pair.row
        before = past(row.key)
        count = item.retry_count
        if any(value.retry_count == count for value in before):
            count = row.retry_count
        attempt = item.last_attempt
        if attempt > 0 and any(value.last_attempt == attempt for value in before):
            attempt = row.last_attempt
        wanted = _composed(item, row, before, count, attempt)
        if attempt <= 0:
            forced.append(Pair(wanted, row))
        elif wanted.raw != row.raw:
            edits.append(Pair(wanted, row))
        elif (count, attempt) != (item.retry_count, item.last_attempt) or (
            items.body(item.raw) != items.body(wanted.raw)
        ):
            stale += 1
    return edits, forced, stale


def _composed(
    item: Item, row: Row, before: Sequence[PastValue], count: int, attempt: float
) -> Item:
    """The item with the user's body unless that is an old one, and the counters that hold."""
    raw = row.raw or b""
    body = items.body(item.raw)
    if body != items.body(raw) and not any(value.body == body for value in before):
        raw = item.raw
    current = items.parse(raw)
    if current is None:  # a dead letter has content
        raise LookupError(row.key)
    fields: items.Object = {}
    if current.retry_count != count:
        fields["retry_count"] = count
    if current.last_attempt != attempt:
        fields["last_attempt"] = attempt
    if not fields:
        return current
    return msgspec.structs.replace(
        current,
        raw=items.with_fields(raw, fields),
        retry_count=count,
        last_attempt=attempt,
    )


def _seen(
    pairs: Sequence[Pair], past: Callable[[int], list[PastValue]], current: int
) -> tuple[int, int]:
    """The oldest and the newest generation that a file with an unknown stamp can stem from.

    A value shows that its editor saw a generation in which it stood: at least
    the first of them; and, once replaced, at most the last. A `last_attempt` of 0
    shows no more than that its item stood: a wish is written, not seen. What has
    left the file since was in it at most as long as is known.
    """
    lower, upper = 0, current
    for item, row in ((pair.item, pair.row) for pair in pairs if pair.row.state == items.DEAD):
        value = (item.retry_count, item.last_attempt)
        stood = [v for v in past(row.key) if (v.retry_count, v.last_attempt) == value]
        stands = value == (row.retry_count, row.last_attempt) and (row.value_gen or 0) > 0
        is_wish = item.last_attempt <= 0
        if stands and not is_wish:
            lower = max(lower, row.value_gen or 0)
        elif stood and not is_wish:
            lower = max(lower, *(v.first_gen for v in stood))
            upper = min(upper, max(v.last_gen for v in stood))
        else:
            lower = max(lower, row.first_gen or 0)
    if upper < current:
        lower = max(lower, upper)
    gone = [pair.row for pair in pairs if pair.row.state in (items.DELIVERED, items.PENDING)]
    upper = min([upper, *(max(row.gone_gen or 0, row.first_gen or 0) for row in gone)])
    return lower, max(lower, upper)


def _decide(
    pairs: Sequence[Pair],
    new: Sequence[Item],
    missing: Sequence[Row],
    values: tuple[list[Pair], list[Pair], int],
    edition: Edition,
    lower: int,
    upper: int,
    server: str,
) -> Merge:
    edits, forced, stale = values
    result = Merge(edits=list(edits), forced=list(forced), adopt=list(new))
    for pair in pairs:
        row = pair.row
        if row.state == items.DELIVERED:
            (result.delivered if server in ("", row.server) else result.restore).append(pair)
        elif row.state == items.DISCARDED:
            if edition.exact or row.gone_gen is None or row.gone_gen <= upper:
                result.restore.append(pair)
            else:
                stale += 1
    for row in missing:
        seen = row.first_gen is not None and row.first_gen <= lower
        gone = seen and row.key not in edition.absent
        (result.discard if gone else result.put_back).append(row)
    return replace(result, stale=stale)
