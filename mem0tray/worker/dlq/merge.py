"""What a hand edit of the DLQ file means: base, theirs, ours in, decisions out. Pure.

Base is what the file's editor can have seen (what generations showed), theirs what the file
shows now, ours what the ledger has. The contract's rules, section 1 "Edits by hand":
* an item that the file lacks is discarded, unless the generation that its editor saw did
  not show it;
* a value that was never published is the user's and wins, a published one is stale;
* `last_attempt` 0 is always a wish to retry now;
* new items are adopted, changed content is an edit of the same item;
* what the server already has is taken out again;
* a file of which a part was lost says nothing about what it lacks;
* what another worker moved here from the queue file is a dead letter.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from mem0tray.core import item as items
from mem0tray.core.item import Item, Name
from mem0tray.files.document import stands_as
from mem0tray.ledger.generations import Shown
from mem0tray.ledger.rows import Row


@dataclass(frozen=True, slots=True)
class Pair:
    """An item of the file, and the ledger's row for it; `is_late`: that has another text since."""

    item: Item
    row: Row
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """What the editor of a file can have seen.

    `named` is the generation that its `last_update` names, None for an unknown stamp, and
    `current` the newest; `exact` says that the file is, byte for byte, the named one.
    `shown(keys)` gives what generations showed of each of these rows. `rest`: the file was
    broken before, and what could be read of it is merged already.
    """

    named: int | None
    current: int
    shown: Callable[[Iterable[int]], Mapping[int, Shown]]
    exact: bool
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Ours:
    """What the ledger has: all dead letters; `others(ids)` gives every row of each id.

    `server` is where deliveries go now; empty while there is none.
    """

    dead_letters: Sequence[Row]
    others: Callable[[Sequence[str]], Mapping[str, Sequence[Row]]]
    server: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a merge decided: what becomes of each item."""

    edits: list[Pair] = field(default_factory=list)  # the item as it is to be
    forced: list[Pair] = field(default_factory=list)  # retry now
    adopt: list[Item] = field(default_factory=list)
    restore: list[Pair] = field(default_factory=list)
    discard: list[Row] = field(default_factory=list)
    show_again: list[Row] = field(default_factory=list)
    delivered: list[Pair] = field(default_factory=list)
    stale: int = 0  # items that an old save brought back
    seen: int = field(default=0, compare=False)  # the oldest generation that it can come from

    @property
    def is_edit(self) -> bool:
        return any((self.edits, self.forced, self.adopt, self.restore, self.discard))


@dataclass(frozen=True, slots=True)
class _Matched:
    """Theirs matched with ours: items with their rows, new items, dead letters not there."""

    pairs: Sequence[Pair]
    new: Sequence[Item]
    missing: Sequence[Row]
    stale: int  # texts from before an edit of what is no dead letter any more


def merge(base: Base, theirs: Sequence[Item], ours: Ours, *, whole: bool) -> Decisions:
    """Decide what a save means; of a save that is not `whole` only a part could be read."""
    result = _merge_whole(base, theirs, ours)
    if whole:
        return result
    return replace(result, show_again=[*result.show_again, *result.discard], discard=[])


def moved(theirs: Iterable[Item], vanished: Container[Name]) -> list[Item]:
    """Return the items here that another worker took out of the queue file (`vanished`)."""
    return list({name: item for item in theirs if (name := item.name) in vanished}.values())


def _merge_whole(base: Base, theirs: Sequence[Item], ours: Ours) -> Decisions:
    matched = _match(base, theirs, ours)
    values = _value_edits(matched.pairs, base)
    if base.named is not None:
        return _decide(matched, values, base, ours.server, base.named, base.named)
    oldest, newest = _seen(matched.pairs, base)
    result = _decide(matched, values, base, ours.server, oldest, newest)
    if matched.missing and not (result.is_edit or base.rest):
        # Somebody stamped and saved the file, and must have meant something: what it lacks was
        # taken out, though nothing else shows that the editor saw it.
        return _decide(matched, values, base, ours.server, newest, newest)
    return result


def _match(base: Base, theirs: Sequence[Item], ours: Ours) -> _Matched:
    by_id: dict[str, list[Row]] = defaultdict(list)
    for row in ours.dead_letters:
        by_id[row.item_id].append(row)
    pairs: dict[int, Pair] = {}
    ended: list[Pair] = []
    unmatched: list[Item] = []
    strangers = [item.id for item in theirs if _same(item, by_id.get(item.id, ())) is None]
    known = ours.others(strangers) if strangers else {}
    for item in theirs:
        same = _same(item, by_id.get(item.id, ())) or _same(item, known.get(item.id, ()))
        if same is None:
            unmatched.append(item)
        elif same.state != items.DEAD and item.id in by_id:
            ended.append(Pair(item, same))
        else:
            pairs.setdefault(same.key, Pair(item, same))
    for pair in ended:
        found = _as_edited(pair, by_id[pair.item.id], base, pairs)
        pairs.setdefault(found.row.key, found)
    before = base.shown(row.key for item in unmatched for row in by_id.get(item.id, ()))
    new: dict[Name, Item] = {}
    late = 0
    for item in unmatched:
        rows = by_id.get(item.id, [])
        stale = [row for row in rows if before[row.key].had_body(items.body(item.raw))]
        free = [row for row in rows if row.key not in pairs]
        if stale or free:
            row = (stale or free)[0]
            pairs.setdefault(row.key, Pair(item, row))
        elif _is_late(item, known.get(item.id, ()), base):
            late += 1
        else:
            new.setdefault(item.name, item)
    missing = [letter for letter in ours.dead_letters if letter.key not in pairs]
    return _Matched(list(pairs.values()), list(new.values()), missing, late)


def _same(item: Item, rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row.digest == item.digest), None)


def _as_edited(pair: Pair, letters: Sequence[Row], base: Base, taken: Container[int]) -> Pair:
    """Pair an item with the text from before an edit with the edited row; keep any other pair."""
    history = base.shown(row.key for row in (pair.row, *letters))
    last = history[pair.row.key].last(base.current)
    if last is None or last < (base.named or 0) or _is_wanted(pair.row, base):
        return pair
    edits = [row for row in letters if row.key not in taken and history[row.key].stood_in(last)]
    body = items.body(pair.item.raw)
    edit = max(edits, key=lambda row: history[row.key].had_body(body), default=None)
    return pair if edit is None else Pair(pair.item, edit, is_late=True)


def _is_wanted(row: Row, base: Base) -> bool:
    """Return whether an exact copy of an older file brings this row back, if anything may."""
    for_good = (items.FORGOTTEN, items.REMOVED)
    return base.exact and row.state == items.DISCARDED and row.reason not in for_good


def _is_late(item: Item, rows: Sequence[Row], base: Base) -> bool:
    """Whether this is a former text of one of the rows, by an editor who did not see its end."""
    if base.named is None or not rows:  # at a first start of all items
        return False
    body, history = items.body(item.raw), base.shown(row.key for row in rows)
    return any(
        history[row.key].had_body(body)
        and (history[row.key].last(base.current) or 0) >= base.named
        and not _is_wanted(row, base)
        for row in rows
    )


def _value_edits(pairs: Sequence[Pair], base: Base) -> Decisions:
    """Decide about changes of dead letters: edits that win, wishes to retry now, stale values."""
    changed = [
        pair
        for pair in pairs
        if pair.row.state == items.DEAD
        and (pair.item.last_attempt <= 0 or not stands_as(pair.item.raw, pair.row.raw or b"", 2))
    ]
    before = base.shown(pair.row.key for pair in changed)
    edits, forced, stale = [], [], 0
    for pair in changed:
        item, row = pair.item, pair.row
        shown = before[row.key]
        count = row.retry_count if shown.had_count(item.retry_count) else item.retry_count
        attempt = item.last_attempt
        if attempt > 0 and shown.had_time(attempt):
            attempt = row.last_attempt
        wanted = _composed(pair, shown, count, attempt)
        if attempt <= 0:
            forced.append(Pair(wanted, row))
        elif wanted.raw != row.raw:
            edits.append(Pair(wanted, row))
        elif (count, attempt) != (item.retry_count, item.last_attempt) or (
            items.body(item.raw) != items.body(wanted.raw)
        ):
            stale += 1
    return Decisions(edits, forced, stale=stale)


def _composed(pair: Pair, shown: Shown, count: int, attempt: float) -> Item:
    """Return the item with the user's body, unless that is stale, and the counters that count."""
    item, raw = pair.item, pair.row.raw or b""
    body = items.body(item.raw)
    if body != items.body(raw) and not (pair.is_late or shown.had_body(body)):
        raw = item.raw
    current = items.parse(raw)
    if current is None:  # a dead letter has content
        raise LookupError(pair.row.key)
    wanted: items.Object = {"retry_count": count, "last_attempt": attempt}
    fields = {name: value for name, value in wanted.items() if getattr(current, name) != value}
    if not fields:
        return current
    return msgspec.structs.replace(current, raw=items.with_fields(raw, fields), **fields)


def _seen(pairs: Sequence[Pair], base: Base) -> tuple[int, int]:
    """Return the oldest and the newest generation that a file with an unknown stamp can come from.

    A row that has left the file was in it until the last generation that showed it.
    """
    oldest, newest = 0, base.current
    history = base.shown(pair.row.key for pair in pairs)
    for item, row in ((pair.item, pair.row) for pair in pairs):
        shown = history[row.key]
        if row.state == items.DEAD:
            first, last = _seen_by(item, row, shown, base.current)
            oldest, newest = max(oldest, first), min(newest, last)
        elif row.state != items.DISCARDED:
            newest = min(newest, shown.last(base.current) or 0)
    oldest = min(oldest, base.current)  # we may have prepared a generation, and not published it
    if newest < base.current:
        oldest = max(oldest, newest)
    return oldest, max(oldest, newest)


def _seen_by(item: Item, row: Row, shown: Shown, current: int) -> tuple[int, int]:
    """Return the oldest and the newest generation that a dead letter of the file can come from.

    A value shows that its editor saw a generation that showed it: at least the first such,
    and, if the value was replaced, at most the last. A value that a user saved shows no more
    than that save did. Any other value, or a `last_attempt` of 0, which people write rather
    than see, shows only that the item was published.
    """
    stood = shown.with_values(item.retry_count, item.last_attempt)
    if not stood or item.last_attempt <= 0:
        return shown.first() or 0, current
    saved = [each.first for each in stood if each.saved]
    oldest = min(saved) if saved else max(each.first for each in stood)
    # What a user saved and nothing replaced stands on, though we may not have published it yet.
    is_now = (row.retry_count, row.last_attempt) == (item.retry_count, item.last_attempt)
    ends = [
        current if each.last is None else each.last for each in stood if not (each.saved and is_now)
    ]
    return oldest, max(ends, default=current)


def _decide(
    matched: _Matched,
    values: Decisions,
    base: Base,
    server: str,
    oldest_seen: int,
    newest_seen: int,
) -> Decisions:
    """Decide for an editor who saw some generation from `oldest_seen` to `newest_seen`.

    Which one is not always known, and any doubt keeps the item: what the file lacks was taken
    out only if the oldest one showed it, and what was discarded comes back only if it had left
    before the newest one.
    """
    result = Decisions(values.edits, values.forced, list(matched.new))
    away = [pair for pair in matched.pairs if pair.row.state == items.DISCARDED]
    history = base.shown([row.key for row in (*matched.missing, *(pair.row for pair in away))])
    stale = values.stale + matched.stale
    for pair in matched.pairs:
        if pair.row.state == items.DELIVERED:
            is_there = pair.row.is_delivered(server)
            (result.delivered if is_there else result.restore).append(pair)
    for pair in away:
        last = history[pair.row.key].last(base.current)
        is_new = last is None or last < newest_seen
        if _is_wanted(pair.row, base) or (is_new and pair.row.reason != items.REMOVED):
            result.restore.append(pair)
        else:
            stale += 1
    for row in matched.missing:
        is_gone = history[row.key].stood_in(oldest_seen)
        (result.discard if is_gone else result.show_again).append(row)
    return replace(result, stale=stale, seen=oldest_seen)
